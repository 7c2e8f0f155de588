/** TCP MD5 signatures (RFC 2385) and GTSM (RFC 5082): right on both sides, wrong, and on one side only. */
import { describe, expect } from 'vitest';
import { sleep } from '../../../sdk/appliance/lab/wait.js';
import { test } from './lab-test.js';
import type { Mux } from './mux.js';
import { ROUTERS } from './routers.js';
import { Stage, type StageOptions } from './stage.js';
import { VIP4, VIP6 } from './topology.js';

/** Long enough for several attempts of both sides. */
const NEVER_MS = 8_000;
const KEY = 'correct-horse-battery';

const RIGHT: readonly (StageOptions & { readonly name: string })[] = [
  { name: 'MD5, the right key', mux: { md5Key: KEY }, neighbor: { md5Key: KEY } },
  {
    name: 'MD5 over IPv6, only the router connects',
    transport: 'ipv6',
    mux: { md5Key: KEY, isPassive: true },
    neighbor: { md5Key: KEY },
  },
  {
    name: 'MD5, only the MUX connects',
    mux: { md5Key: KEY },
    neighbor: { md5Key: KEY, isPassive: true },
  },
  { name: 'GTSM', mux: { hasTtlSecurity: true }, neighbor: { hasTtlSecurity: true } },
  { name: 'GTSM over IPv6', transport: 'ipv6', mux: { hasTtlSecurity: true }, neighbor: { hasTtlSecurity: true } },
  {
    name: 'MD5 and BFD',
    mux: { md5Key: KEY, hasBfd: true },
    neighbor: { md5Key: KEY, hasBfd: true },
  },
  {
    name: 'GTSM and BFD',
    mux: { hasTtlSecurity: true, hasBfd: true },
    neighbor: { hasTtlSecurity: true, hasBfd: true },
  },
];

const WRONG: readonly (StageOptions & { readonly name: string })[] = [
  { name: 'MD5, the wrong key', mux: { md5Key: 'wrong-horse-battery' }, neighbor: { md5Key: KEY } },
  { name: 'MD5, no key on the MUX', neighbor: { md5Key: KEY } },
  { name: 'MD5, no key on the router', mux: { md5Key: KEY } },
  // One that does not know GTSM sends with the TTL of a neighbour, 1, or of a host, 64.
  { name: 'GTSM on the router alone', neighbor: { hasTtlSecurity: true } },
  { name: 'GTSM on the MUX alone', mux: { hasTtlSecurity: true } },
];

for (const { kind, name: router, isMissing } of ROUTERS) {
  describe.skipIf(isMissing)(router, () => {
    for (const { name, ...options } of RIGHT) {
      const { hasBfd, hasTtlSecurity } = { hasBfd: false, hasTtlSecurity: false, ...options.mux };
      const canBoth = !hasTtlSecurity || kind.hasBfdBesideTtlSecurity;
      test.skipIf(hasBfd && !(kind.hasBfd && canBoth))(`${name}: sessions and routes`, async ({ lab }) => {
        await Stage.up(lab, kind, options);
      });
    }

    for (const { name, ...options } of WRONG) {
      test(`${name}: no session, ever`, async ({ lab }) => {
        const stage = await Stage.set(lab, kind, { ...options, muxCount: 1 });
        const [mux] = stage.muxes as [Mux];
        await stage.startRouter();
        await mux.start([VIP4, VIP6]);
        for (let waitedMs = 0; waitedMs < NEVER_MS; waitedMs += 500) {
          await sleep(500);
          expect((await stage.router.sessions()).map(({ isUp }) => isUp)).toEqual([false]);
        }
        // The router listens without GTSM and asks for it once it has accepted: our OPEN may be there before, and be
        // answered, so that we believe in a session whose every later segment the router drops.
        const isOpenLetIn = options.neighbor?.hasTtlSecurity ?? false;
        if (!isOpenLetIn) expect(mux.events.filter(({ state }) => state === 'Established')).toEqual([]);
        expect(await stage.kernelNextHops(VIP4)).toEqual([]);
        expect(JSON.stringify(mux.events)).not.toContain('horse');
        mux.signal('SIGTERM');
        expect(await mux.ended()).toBe(0);
      });
    }
  });
}
