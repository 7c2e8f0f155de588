/** MUXes and routers on one simulated network, all with different habits, and what each router should know of each MUX. */
import { Bfd } from '../../sdk/bfd/index.js';
import type { PeerOptions, Route, SpeakerOptions } from '../../sdk/bgp/options.js';
import { Speaker } from '../../sdk/bgp/speaker.js';
import { type Death, type SimulatedHost, SimulatedNetwork } from '../../sdk/runtime/simulated/index.js';
import { hex, type ModelFamily, pathText } from '../model/bgp-message.js';
import { ModelRouter, type ModelRouterOptions } from '../model/bgp-router.js';
import type { Random } from './random.js';

/** A VIP as a MUX announces it, and as a router sees it. */
interface Vip {
  readonly family: ModelFamily;
  readonly route: Route;
  /** `c0000201/32`. */
  readonly key: string;
  /** Its path with a given next hop. */
  readonly path: (nextHop: string) => string;
}

/** What a MUX and a router have to do with each other. */
export interface Link {
  readonly mux: FleetMux;
  readonly router: FleetRouter;
  readonly muxAddress: string;
  readonly routerAddress: string;
  readonly peer: PeerOptions;
}

const MUX_AS = 4200000001;
/** Slow, for BFD: a run of a quarter of an hour would be nothing else. */
const BFD = { intervalMs: 500, multiplier: 3 };
const COMMUNITIES: readonly (readonly [text: string, number: string])[] = [
  ['65000:1', String(65000 * 65536 + 1)],
  ['65000:65535', String(65000 * 65536 + 65535)],
  ['no-export', String(0xffffff01)],
  ['graceful-shutdown', String(0xffff0000)],
];

/** A MUX: its speaker while it has one. */
export class FleetMux {
  readonly links: Link[] = [];
  /** The peers its speaker has been told of. */
  configured: readonly Link[] = [];
  host: SimulatedHost | undefined;
  speaker: Speaker | undefined;
  wanted: readonly Vip[] = [];
  /** Every prefix and path that it ever wanted, the next hop aside: what a dead speaker wrote may still be on its way. */
  readonly everWanted = new Set<string>();
  /** It has told routers to keep its routes over a restart. */
  isPrepared = false;

  constructor(
    readonly name: string,
    readonly as: number,
    readonly ipv4: string,
    readonly ipv6: string,
  ) {}

  get isAlive(): boolean {
    return this.speaker !== undefined;
  }
}

/** A router and its host. */
export class FleetRouter {
  host!: SimulatedHost;
  model!: ModelRouter;
  /** Of the models that were before a restart. */
  readonly violations: string[] = [];

  constructor(
    readonly options: ModelRouterOptions,
    readonly ipv4: string,
    readonly ipv6: string,
  ) {}
}

/** The fleet of a seed. */
export class Fleet {
  readonly network: SimulatedNetwork;
  readonly muxes: readonly FleetMux[];
  readonly routers: readonly FleetRouter[];
  readonly links: readonly Link[];
  /** What routers have seen, and how often. */
  readonly seen = new Map<string, number>();
  /** What was not as it should be, beside what routers say. */
  readonly violations: string[] = [];
  readonly #random: Random;
  #universe: readonly Vip[] = [];

  constructor(random: Random, muxCount: number, routerCount: number) {
    this.#random = random;
    this.network = new SimulatedNetwork({ seed: random.uint32() });
    this.muxes = Array.from({ length: muxCount }, (_, i) => {
      const as = random.oneIn(2) ? MUX_AS : 64512;
      return new FleetMux(`mux-${i}`, as, `10.0.1.${i + 1}`, `2001:db8:1::${i + 1}`);
    });
    const peersOf = new Map<string, ModelRouterOptions['peers'][number][]>();
    this.routers = Array.from({ length: routerCount }, (_, i) => {
      const peers: ModelRouterOptions['peers'][number][] = [];
      const router = new FleetRouter(this.#routerOptions(i, peers), `10.0.2.${i + 1}`, `2001:db8:2::${i + 1}`);
      peersOf.set(router.ipv4, peers);
      return router;
    });
    this.links = this.muxes.flatMap((mux) =>
      this.routers.map((router) => this.#link(mux, router, peersOf.get(router.ipv4)!)),
    );
    this.#universe = Array.from({ length: 60 }, (_, i) => vipPrefix(i)).flatMap((prefix) =>
      Array.from({ length: 4 }, () => this.#vip(prefix)),
    );
  }

  /** Starts everything, with a first set of routes each. */
  async start(): Promise<void> {
    for (const router of this.routers) this.startRouter(router);
    for (const mux of this.muxes) this.startMux(mux, { isRestarting: false });
    await this.network.clock.runFor(0);
  }

  startRouter(router: FleetRouter): void {
    router.host = this.network.host(router.ipv4, router.ipv6);
    router.model = new ModelRouter(router.host, router.options);
    router.model.announced = (peer, prefix, path) => {
      const mux = this.muxes.find(({ ipv4, ipv6 }) => peer === ipv4 || peer === ipv6)!;
      if (!mux.everWanted.has(`${prefix} ${withoutNextHop(path)}`)) {
        this.violate(`${mux.name} announces ${prefix} ${path}, which it never had`);
      }
    };
    this.#watch(router.model.start());
    const bfd = new Bfd(router.host);
    for (const link of this.links) if (link.router === router && link.peer.bfd) this.#watch(watchByBfd(bfd, link));
  }

  killRouter(router: FleetRouter, death: Death): void {
    router.host.kill(death);
    router.violations.push(...router.model.violations);
    this.#collectSeen(router);
  }

  startMux(mux: FleetMux, { isRestarting }: { isRestarting: boolean }): void {
    const host = this.network.host(mux.ipv4, mux.ipv6);
    const options: SpeakerOptions = {
      as: mux.as,
      routerId: mux.ipv4,
      addresses: { ipv4: mux.ipv4, ipv6: mux.ipv6 },
      peers: mux.links.map(({ peer }) => peer),
      ...(isRestarting && { gracefulRestart: { restartTimeSeconds: 20, isRestarting } }),
    };
    mux.host = host;
    mux.configured = mux.links;
    mux.speaker = new Speaker(options, host);
    mux.isPrepared = isRestarting;
    this.announce(mux, this.randomSet());
    this.#watch(mux.speaker.start());
  }

  killMux(mux: FleetMux, death: Death): void {
    mux.host?.kill(death);
    mux.speaker = undefined;
  }

  announce(mux: FleetMux, wanted: readonly Vip[]): void {
    mux.host!.process.enter(() => {
      mux.wanted = wanted;
      for (const { key, path } of wanted) mux.everWanted.add(`${key} ${withoutNextHop(path(''))}`);
      mux.speaker?.announce(wanted.map(({ route }) => route));
    });
  }

  setPeers(mux: FleetMux, links: readonly Link[]): void {
    mux.host!.process.enter(() => {
      mux.configured = links;
      this.#watch(mux.speaker!.setPeers(links.map(({ peer }) => peer)));
    });
  }

  /** Asks something of a speaker that takes its time. */
  ask(mux: FleetMux, what: (speaker: Speaker) => Promise<void>): void {
    mux.host!.process.enter(() => {
      if (mux.speaker !== undefined) this.#watch(what(mux.speaker));
    });
  }

  randomSet(): Vip[] {
    const chosen = new Map<string, Vip>();
    const count = this.#random.below(this.#random.pick([2, 20, 120]));
    for (let i = 0; i < count; i++) {
      const vip = this.#random.pick(this.#universe);
      chosen.set(vip.key, vip);
    }
    return [...chosen.values()];
  }

  /** A set that differs a little from what a MUX has. */
  changedSet({ wanted }: FleetMux): Vip[] {
    const chosen = new Map(wanted.filter(() => !this.#random.oneIn(5)).map((vip) => [vip.key, vip]));
    for (let i = this.#random.below(6); i > 0; i--) {
      const vip = this.#random.pick(this.#universe);
      chosen.set(vip.key, vip);
    }
    return [...chosen.values()];
  }

  /** What a router should have of a MUX, prefix → path. */
  expected({ mux, router, muxAddress }: Link): Map<string, string> {
    const isOverIpv6 = muxAddress.includes(':');
    const nextHopFor = (family: ModelFamily) => {
      const isIpv6 = family === 'ipv6' || (isOverIpv6 && router.options.hasExtendedNextHop);
      return isIpv6 ? ipv6Hex(mux.ipv6) : ipv4Hex(mux.ipv4);
    };
    const vips = mux.wanted.filter(({ family }) => router.options.families.includes(family));
    return new Map(vips.map(({ key, family, path }) => [key, path(nextHopFor(family))]));
  }

  /** Everything that is not as it should be once it has been quiet for long enough; empty when all is well. */
  differences(): string[] {
    const lines = [...this.violations, ...this.routers.flatMap(({ violations }) => violations)];
    for (const router of this.routers) {
      lines.push(...router.model.violations);
      this.#collectSeen(router);
    }
    for (const link of this.links) {
      const isUp = link.mux.isAlive && link.mux.configured.includes(link);
      lines.push(...(isUp ? this.#differencesOf(link) : this.#leftoversOf(link)));
    }
    return lines;
  }

  violate(text: string): void {
    this.violations.push(`${this.network.clock.nowMs().toFixed(0)} ms: ${text}`);
  }

  #collectSeen({ model }: FleetRouter): void {
    for (const [what, count] of model.seen) this.seen.set(what, (this.seen.get(what) ?? 0) + count);
    model.seen.clear();
  }

  #differencesOf(link: Link): string[] {
    const { mux, router, muxAddress, routerAddress } = link;
    const name = `${router.options.name} of ${mux.name}`;
    const status = mux.speaker!.status.peers.find(({ address }) => address === routerAddress);
    const { model } = router;
    if (!model.isEstablished(muxAddress)) return [`${name}: no session; ${JSON.stringify(status)}`];
    const lines = model.isComplete(muxAddress) ? [] : [`${name}: no End-of-RIB`];
    const expected = this.expected(link);
    const actual = model.routesOf(muxAddress);
    for (const [key, path] of expected) {
      if (actual.get(key) !== path) lines.push(`${name}: ${key} is ${actual.get(key)}, not ${path}`);
    }
    for (const key of actual.keys()) if (!expected.has(key)) lines.push(`${name}: ${key} should be gone`);
    const { state, announcedCount, pendingCount } = status ?? {};
    if (state !== 'Established' || announcedCount !== expected.size || pendingCount !== 0) {
      lines.push(
        `${name}: status ${state}, ${announcedCount} announced, ${pendingCount} pending, not ${expected.size}`,
      );
    }
    return lines;
  }

  #leftoversOf({ mux, router, muxAddress }: Link): string[] {
    const count = router.model.routesOf(muxAddress).size;
    return count === 0 ? [] : [`${router.options.name} has ${count} routes of ${mux.name}, which is gone`];
  }

  #routerOptions(index: number, peers: ModelRouterOptions['peers']): ModelRouterOptions {
    const random = this.#random;
    const hasFourOctetAs = !random.oneIn(4);
    return {
      name: `router-${index}`,
      // The second one is internal to the MUXes of AS 64512.
      as: index === 1 ? 64512 : hasFourOctetAs ? 4200000100 + index : 64600 + index,
      // Below every MUX, or above.
      id: random.oneIn(2) ? 1 + index : 0xf0000000 + index,
      // Never 0: a session that both sides keep without a word outlives the death of either.
      holdTimeSeconds: random.pick([3, 9, 30]),
      families: random.pick([['ipv4', 'ipv6'], ['ipv4', 'ipv6'], ['ipv4'], ['ipv6']] as const),
      hasFourOctetAs,
      hasRefresh: !random.oneIn(5),
      hasEnhancedRefresh: random.oneIn(2),
      hasExtendedNextHop: random.oneIn(2),
      asksAtOnce: random.oneIn(4),
      isRestartHelper: random.oneIn(2),
      peers,
    };
  }

  #link(mux: FleetMux, router: FleetRouter, peers: ModelRouterOptions['peers'][number][]): Link {
    const random = this.#random;
    const isOverIpv6 = random.oneIn(2);
    const muxAddress = isOverIpv6 ? mux.ipv6 : mux.ipv4;
    const routerAddress = isOverIpv6 ? router.ipv6 : router.ipv4;
    const protection = {
      ...(random.oneIn(4) && { md5Key: `${mux.name} ${router.options.name}` }),
      ...(random.oneIn(4) && { ttlSecurityHops: 1 }),
    };
    const who = random.pick(['mux', 'router', 'both', 'both']);
    peers.push({
      address: muxAddress,
      as: mux.as,
      localAddress: routerAddress,
      connects: who !== 'mux',
      ...protection,
    });
    const peer: PeerOptions = {
      name: router.options.name,
      address: routerAddress,
      as: router.options.as,
      holdTimeSeconds: random.pick([3, 9, 20]),
      isPassive: who === 'router',
      ...(random.oneIn(3) ? { localAddress: muxAddress, bfd: BFD } : random.oneIn(2) && { localAddress: muxAddress }),
      ...protection,
    };
    const link = { mux, router, muxAddress, routerAddress, peer };
    mux.links.push(link);
    return link;
  }

  #vip({ text, key, family }: ReturnType<typeof vipPrefix>): Vip {
    const random = this.#random;
    const med = random.oneIn(2) ? undefined : random.pick([0, 1, 4294967295]);
    const chosen = COMMUNITIES.filter(() => random.oneIn(4));
    const largeCommunities = random.oneIn(4) ? ['4200000000:1:2'] : [];
    const route: Route = {
      prefix: text,
      ...(med !== undefined && { med }),
      communities: chosen.map(([communityText]) => communityText),
      largeCommunities,
    };
    const communities = chosen.map(([, number]) => number);
    return { family, route, key, path: (nextHop) => pathText({ nextHop, med, communities, largeCommunities }) };
  }

  #watch(promise: Promise<unknown>): void {
    promise.catch((error) => this.violate(`rejected: ${error}`));
  }
}

/** A router that takes down what BFD finds down, and not what its neighbour has taken out of service (RFC 5882 section 3.2). */
async function watchByBfd(bfd: Bfd, { router: { model }, muxAddress, routerAddress }: Link): Promise<void> {
  const neighbours = { localAddress: routerAddress, remoteAddress: muxAddress };
  const watch = await bfd.watch({ ...neighbours, ...BFD }, (state) => {
    model.count(`BFD ${state}`);
    if (state === 'Down' && watch.remoteState !== 'AdminDown') model.bfdDown(muxAddress);
  });
}

function vipPrefix(index: number): { text: string; key: string; family: ModelFamily } {
  if (index % 2 === 0)
    return { text: `203.0.113.${index}/32`, key: `${ipv4Hex(`203.0.113.${index}`)}/32`, family: 'ipv4' };
  const address = `2001:db8:f::${index}`;
  return { text: `${address}/128`, key: `${ipv6Hex(address)}/128`, family: 'ipv6' };
}

function withoutNextHop(path: string): string {
  return path.slice(path.indexOf(' '));
}

function ipv4Hex(address: string): string {
  return hex(address.split('.').map(Number));
}

/** Of an address with one `::` and groups of four digits at most. */
function ipv6Hex(address: string): string {
  const [front, back] = address.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array(8 - front!.length - back!.length).fill('0');
  return [...front!, ...zeros, ...back!].map((group) => group.padStart(4, '0')).join('');
}
