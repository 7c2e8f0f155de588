/**
 * Planned restarts, RFC 4724: the router goes on sending packets to a MUX whose speaker is away for a moment, but not for
 * longer than it said, not to VIPs it no longer has, and never when it just died.
 */
import { describe, expect } from 'vitest';
import { nowMs, sleep } from '../../../sdk/appliance/lab/wait.js';
import { measured, printFiguresAtEnd, test } from './lab-test.js';
import type { Mux } from './mux.js';
import { ROUTERS } from './routers.js';
import { ROUTE_MS_MAX, Stage } from './stage.js';
import { VIP4, VIP6 } from './topology.js';

const RESTART_SECONDS = 6;
/** A speaker stays away this long. */
const AWAY_MS = 1_500;

/** Routers know from the start what to do. */
const AGREED = { mux: { restartTimeSeconds: RESTART_SECONDS } };
/** The only MUX, so that every packet depends on it. */
const ALONE = { ...AGREED, muxCount: 1 };

async function planRestart(mux: Mux): Promise<void> {
  mux.signal('SIGUSR2');
  expect(await mux.ended()).toBe(0);
}

for (const { kind, name: router, isMissing } of ROUTERS) {
  describe.skipIf(isMissing)(router, () => {
    const PLANS = [
      // Nothing carries the traffic but the route that stays.
      { name: 'agreed from the start', options: ALONE },
      // The session is opened again first, to agree; the other MUX carries the traffic for that moment.
      { name: 'agreed when it is planned', options: {} },
    ];
    for (const { name, options } of PLANS) {
      test(`a planned restart, ${name}: the route stays and no packet is lost`, async ({ lab }) => {
        const stage = await Stage.up(lab, kind, options);
        const [mux] = stage.muxes as [Mux];
        const endTraffic = stage.startTraffic();
        await sleep(AWAY_MS);
        await planRestart(mux);
        const startMs = nowMs();
        await sleep(AWAY_MS);
        expect((await stage.router.sessions())[0]?.isUp).toBe(false);
        expect(await stage.kernelNextHops(VIP4)).toHaveLength(stage.muxes.length);
        await mux.start([VIP4, VIP6], true);
        await stage.sessionsUp();
        const awayMs = nowMs() - startMs;
        await sleep(2 * AWAY_MS);
        await stage.allNextHops();
        const { sentCount, lostCount } = await endTraffic();
        const figure = `${lostCount} of ${sentCount} lost; without a session for ${awayMs} ms`;
        measured(router, `planned restart, ${name}`, figure);
        expect(lostCount).toBe(0);
      });
    }

    test('a VIP that is gone after the restart is withdrawn by the End-of-RIB', async ({ lab }) => {
      const stage = await Stage.up(lab, kind, ALONE);
      const [mux] = stage.muxes as [Mux];
      await planRestart(mux);
      await sleep(AWAY_MS);
      expect(await stage.kernelNextHops(VIP6)).toHaveLength(1);
      await mux.start([VIP4], true);
      await stage.sessionsUp();
      await stage.nextHopsBecome(VIP6, [], RESTART_SECONDS * 1_000);
      await stage.nextHopsBecome(VIP4, [mux]);
    });

    test('a MUX that does not come back is given up after its restart time', async ({ lab }) => {
      const stage = await Stage.up(lab, kind, AGREED);
      const [away, remaining] = stage.muxes as [Mux, Mux];
      await planRestart(away);
      const startMs = nowMs();
      await sleep(AWAY_MS);
      expect(await stage.kernelNextHops(VIP4)).toHaveLength(2);
      const timeoutMs = RESTART_SECONDS * 1_000 + ROUTE_MS_MAX;
      const goneMs = await stage.nextHopsBecome(VIP4, [remaining], timeoutMs, startMs);
      measured(router, `planned restart of ${RESTART_SECONDS} s, never comes back`, `route ${goneMs} ms`);
    });

    test('a MUX that dies unplanned loses its traffic at once', async ({ lab }) => {
      const stage = await Stage.up(lab, kind);
      const [dead, remaining] = stage.muxes as [Mux, Mux];
      const startMs = nowMs();
      dead.signal('SIGKILL');
      const goneMs = await stage.nextHopsBecome(VIP4, [remaining], ROUTE_MS_MAX, startMs);
      measured(router, 'SIGKILL without a plan', `route ${goneMs} ms`);
    });
  });
}

printFiguresAtEnd();
