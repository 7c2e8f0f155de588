/**
 * RibOut under random sets, slow reading and refreshes, by seed: what a strict receiver has in the end is what was wanted
 * last, and on the way it never hears what it need not.
 */
import { describe, expect, test } from 'vitest';
import { RibOut, resolveRoutes, routesOnSession } from '../../sdk/bgp/rib/index.js';
import type { Agreement } from '../../sdk/bgp/wire/index.js';
import { type ModelFamily, readRefresh, takeMessages, UPDATE } from '../model/bgp-message.js';
import { readUpdate } from '../model/bgp-update.js';
import { randomVips, type Vip } from '../support/fleet-vips.js';
import { Random } from '../support/random.js';

const LOCAL_AS = 4200000001;
const STEPS = 400;
const seeds = (process.env.EDGEMUX_SEEDS ?? '1,2,3,4,5,6,7,8').split(',').map(Number);

/** What the peer has, from the messages alone. */
class Receiver {
  readonly routes = new Map<string, { path: string; family: ModelFamily; isStale: boolean }>();
  readonly endOfRibs: ModelFamily[] = [];
  readonly #session;
  readonly #refreshing = new Set<ModelFamily>();

  constructor({ fourOctetAs, isExternal, families, extendedNextHop }: Agreement) {
    this.#session = {
      families: [...families],
      hasFourOctetAs: fourOctetAs,
      hasExtendedNextHop: extendedNextHop.has('ipv4'),
      isExternal,
      peerAs: LOCAL_AS,
    };
  }

  /** Takes one message; `isAgain` says that unchanged routes of a family are expected. */
  take(bytes: Uint8Array, isAgain: (family: ModelFamily) => boolean): void {
    const [message, ...more] = takeMessages([...bytes]);
    expect(more).toEqual([]);
    if (message!.type !== UPDATE) {
      this.#mark(readRefresh(message!.body));
      return;
    }
    const { withdrawn, announced, path, family, endOfRib } = readUpdate(message!.body, this.#session);
    if (endOfRib !== undefined) this.endOfRibs.push(endOfRib);
    for (const prefix of withdrawn) expect(this.routes.delete(prefix)).toBe(true);
    for (const prefix of announced) {
      const before = this.routes.get(prefix);
      if (before?.path === path && !before.isStale) expect(isAgain(family)).toBe(true);
      this.routes.set(prefix, { path, family, isStale: false });
    }
  }

  #mark({ family, subtype }: { family: ModelFamily; subtype: number }): void {
    expect(this.endOfRibs).toContain(family);
    const isBegin = subtype === 1;
    expect(isBegin ? !this.#refreshing.has(family) : this.#refreshing.delete(family)).toBe(true);
    if (isBegin) this.#refreshing.add(family);
    for (const route of this.routes.values()) {
      if (route.family !== family) continue;
      // Every route has come again, or has been withdrawn, when the refresh ends.
      expect(route.isStale).toBe(false);
      route.isStale = isBegin;
    }
  }
}

describe.each(seeds)('seed %i', (seed) => {
  test('the receiver has what was wanted last', () => {
    const random = new Random(seed);
    const vips = randomVips(random);
    const agreement: Agreement = {
      fourOctetAs: random.oneIn(2),
      isExternal: random.oneIn(2),
      families: new Set(['ipv4', 'ipv6']),
      extendedNextHop: new Set(random.oneIn(2) ? ['ipv4'] : []),
    };
    const isRefreshEnhanced = random.oneIn(2);
    const ends = { localAddress: '10.0.0.1', remoteAddress: '10.0.0.2', addresses: { ipv6: '2001:db8::1' }, agreement };
    const rib = new RibOut();
    const receiver = new Receiver(agreement);
    const asked = new Set<ModelFamily>();
    let wanted: Vip[] = [];
    const take = (count: number) => {
      for (let i = 0; i < count; i++) {
        const message = rib.next();
        if (message === undefined) return asked.clear();
        receiver.take(message, (family) => asked.has(family));
      }
    };
    rib.agree(agreement, isRefreshEnhanced);
    for (let step = 0; step < STEPS; step++) {
      const kind = random.below(5);
      if (kind === 0) {
        const family = random.pick(['ipv4', 'ipv6'] as const);
        asked.add(family);
        rib.refresh(family);
      } else if (kind < 3) {
        const chosen = new Map(
          Array.from({ length: random.below(80) }, () => random.pick(vips)).map((vip) => [vip.key, vip]),
        );
        wanted = [...chosen.values()];
        const routes = resolveRoutes(wanted.map(({ route }) => route));
        rib.replace(routesOnSession(routes, LOCAL_AS, ends).routes);
      } else {
        take(random.below(12));
      }
    }
    take(Number.POSITIVE_INFINITY);
    const nextHops = { ipv4: '0a000001', ipv6: '20010db8000000000000000000000001' };
    const expected = wanted.map(({ key, family, path }) => [key, path(nextHops[family])] as const);
    const actual = [...receiver.routes].map(([key, { path }]) => [key, path] as const);
    expect(new Map(actual)).toEqual(new Map(expected));
    expect(receiver.endOfRibs.sort()).toEqual(['ipv4', 'ipv6']);
    expect([rib.pendingCount, rib.announcedCount]).toEqual([0, wanted.length]);
  });
});
