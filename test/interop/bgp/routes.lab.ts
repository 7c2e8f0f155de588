/** Routes on their way from MUXes to the kernel of a router: both families, ECMP, withdrawal, refresh, thousands of them. */
import { describe, expect } from 'vitest';
import { kernelRouteCounts } from '../../../sdk/appliance/lab/kernel-routes.js';
import { nowMs, sleep, waitFor } from '../../../sdk/appliance/lab/wait.js';
import { measured, printFiguresAtEnd, test } from './lab-test.js';
import type { Mux } from './mux.js';
import { ROUTERS } from './routers.js';
import { ROUTE_MS_MAX, Stage } from './stage.js';
import { VIP4, VIP6 } from './topology.js';

const VIP_COUNT = 10_000;
/** On a machine that also runs everything else. */
const CONVERGENCE_MS_MAX = 60_000;
const FLAP_COUNT = 20;
const FLAP_MS = 100;

/** 80.80.x.y and 2001:db8:80::x, half of each. */
function manyVips(count: number): string[] {
  return Array.from({ length: count / 2 }, (_, i) => [
    `80.80.${100 + (i >> 8)}.${i & 255}`,
    `2001:db8:80::1:${i.toString(16)}`,
  ]).flat();
}

for (const { kind, name: router, isMissing } of ROUTERS) {
  describe.skipIf(isMissing)(router, () => {
    test('a session over IPv4: routes of both families with two next hops each', async ({ lab }) => {
      const stage = await Stage.up(lab, kind);
      for (const { routeCounts } of await stage.router.sessions()) expect(routeCounts).toEqual({ ipv4: 1, ipv6: 1 });
      const places = stage.topology.muxes;
      expect(await stage.router.nextHops(VIP4)).toEqual(places.map(({ ipv4 }) => ipv4));
      expect(await stage.router.nextHops(VIP6)).toHaveLength(2);
      expect((await stage.kernelNextHops(VIP4)).map(({ gateway }) => gateway)).toEqual(places.map(({ ipv4 }) => ipv4));
      await expectTrafficToBoth(stage);
    });

    test.skipIf(!kind.hasExtendedNextHop)(
      'a session over IPv6: IPv4 routes have IPv6 next hops, RFC 8950',
      async ({ lab }) => {
        const stage = await Stage.up(lab, kind, { transport: 'ipv6' });
        for (const { routeCounts } of await stage.router.sessions()) expect(routeCounts).toEqual({ ipv4: 1, ipv6: 1 });
        for (const { gateway } of await stage.kernelNextHops(VIP4)) expect(gateway).toContain(':');
        await expectTrafficToBoth(stage);
      },
    );

    test('a VIP that one MUX withdraws, then the other, then announces again', async ({ lab }) => {
      const stage = await Stage.up(lab, kind);
      const [one, other] = stage.muxes as [Mux, Mux];
      const withdrawnMs = await one.setVips([VIP6]);
      const goneMs = await stage.nextHopsBecome(VIP4, [other], ROUTE_MS_MAX, withdrawnMs);
      measured(router, 'VIP withdrawn by one MUX', `route ${goneMs} ms`);
      await stage.nextHopsBecome(VIP6, [one, other]);
      await other.setVips([VIP6]);
      await stage.nextHopsBecome(VIP4, []);
      await one.setVips([VIP4, VIP6]);
      await other.setVips([VIP4, VIP6]);
      await stage.allNextHops();
    });

    test.skipIf(!kind.asksForRefresh)(
      'a router asks for a refresh: every route again, no packet lost',
      async ({ lab }) => {
        const stage = await Stage.up(lab, kind);
        const endTraffic = stage.startTraffic();
        const before = await stage.router.updateCount();
        await stage.router.refresh();
        await waitFor('every route again', async () => (await stage.router.updateCount()) >= before + 4, ROUTE_MS_MAX);
        await stage.allNextHops();
        expect((await endTraffic()).lostCount).toBe(0);
      },
    );

    test('SIGHUP has the fabric read again', async ({ lab }) => {
      const stage = await Stage.up(lab, kind, { muxCount: 1 });
      const [mux] = stage.muxes as [Mux];
      mux.signal('SIGHUP');
      await waitFor('a reload', () => mux.events.some(({ event }) => event === 'reload'), ROUTE_MS_MAX);
      await stage.allNextHops();
    });

    test('10,000 VIPs of two MUXes, and as many withdrawn', async ({ lab }) => {
      const stage = await Stage.up(lab, kind);
      const vips = [VIP4, VIP6, ...manyVips(VIP_COUNT - 2)];
      const startMs = await setVips(stage, vips);
      const ribMs = await routesBecome(stage, VIP_COUNT, startMs, async () => {
        const sessions = await stage.router.sessions();
        return Math.min(...sessions.map(({ routeCounts }) => routeCounts.ipv4 + routeCounts.ipv6));
      });
      const kernelMs = await routesBecome(stage, VIP_COUNT, startMs, () => kernelCount(stage));
      for (const vip of vips.slice(-2)) await stage.nextHopsBecome(vip, stage.muxes, CONVERGENCE_MS_MAX);
      measured(router, '10,000 VIPs from two MUXes', `RIB ${ribMs} ms, kernel ${kernelMs} ms`);
      const withdrawMs = await setVips(stage, [VIP4, VIP6]);
      const goneMs = await routesBecome(stage, 2, withdrawMs, () => kernelCount(stage));
      measured(router, '9,998 VIPs withdrawn by both', `kernel ${goneMs} ms`);
      await stage.sessionsUp(0);
    });

    test('a VIP that flaps while thousands converge ends as it was said last', async ({ lab }) => {
      const stage = await Stage.up(lab, kind);
      const vips = manyVips(2_000);
      for (let flap = 0; flap < FLAP_COUNT; flap++) {
        await Promise.all(stage.muxes.map((mux) => mux.writeVips(flap % 2 === 0 ? [...vips, VIP6] : [...vips, VIP4])));
        await sleep(FLAP_MS);
      }
      await stage.nextHopsBecome(VIP4, stage.muxes, CONVERGENCE_MS_MAX);
      await stage.nextHopsBecome(VIP6, [], CONVERGENCE_MS_MAX);
      await routesBecome(stage, vips.length + 1, nowMs(), () => kernelCount(stage));
      await stage.sessionsUp(0);
    });
  });
}

printFiguresAtEnd();

/** Sets the VIPs of all MUXes, and gives the moment the first of them announces them. */
async function setVips({ muxes }: Stage, vips: readonly string[]): Promise<number> {
  return Math.min(...(await Promise.all(muxes.map((mux) => mux.setVips(vips)))));
}

async function expectTrafficToBoth(stage: Stage): Promise<void> {
  for (const vip of [VIP4, VIP6]) {
    const endTraffic = stage.startTraffic(vip);
    await sleep(500);
    const { lostCount, byMux } = await endTraffic();
    expect({ vip, lostCount, muxes: Object.keys(byMux) }).toEqual({ vip, lostCount: 0, muxes: ['1', '2'] });
  }
}

async function kernelCount({ topology: { router } }: Stage): Promise<number> {
  const { ipv4, ipv6 } = await kernelRouteCounts(router);
  return ipv4 + ipv6;
}

async function routesBecome(
  stage: Stage,
  expected: number,
  sinceMs: number,
  count: () => Promise<number>,
): Promise<number> {
  const ask = async (): Promise<true> => {
    const found = await count();
    if (found === expected) return true;
    throw new Error(`${found} routes; ${(await stage.router.sessions()).map(({ state }) => state)}`);
  };
  await waitFor(`${expected} routes`, ask, CONVERGENCE_MS_MAX, 100);
  return nowMs() - sinceMs;
}
