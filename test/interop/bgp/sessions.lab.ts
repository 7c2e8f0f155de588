/** Who connects to whom, what is said at the end, and routers that come and go. */
import { describe, expect } from 'vitest';
import { nowMs, sleep, waitFor } from '../../../sdk/appliance/lab/wait.js';
import { measured, printFiguresAtEnd, test } from './lab-test.js';
import type { Mux } from './mux.js';
import { ROUTERS } from './routers.js';
import { ROUTE_MS_MAX, Stage } from './stage.js';
import { VIP4, VIP6 } from './topology.js';

const COLLISION_COUNT = 8;
const STEADY_MS = 4_000;
/** What the shutdown communication of RFC 9003 says, in the router's log or table. */
const SHUTDOWN_TEXT = 'edgemux stopped by SIGTERM';

for (const { kind, name: router, isMissing } of ROUTERS) {
  describe.skipIf(isMissing)(router, () => {
    for (const transport of ['ipv4', 'ipv6'] as const) {
      test(`over ${transport}: only the MUX connects`, async ({ lab }) => {
        await Stage.up(lab, kind, { transport, neighbor: { isPassive: true } });
      });

      test(`over ${transport}: only the router connects`, async ({ lab }) => {
        await Stage.up(lab, kind, { transport, mux: { isPassive: true } });
      });
    }

    test('both connect at once, again and again: always one session, and it stays', async ({ lab }) => {
      const stage = await Stage.set(lab, kind);
      for (let round = 0; round < COLLISION_COUNT; round++) {
        // Whoever is first finds nobody; then both try again at about the same time.
        const router = stage.startRouter();
        await Promise.all([router, ...stage.muxes.map((mux) => mux.start([VIP4, VIP6]))]);
        await stage.sessionsUp();
        await stage.allNextHops();
        if (round === COLLISION_COUNT - 1) break;
        for (const mux of stage.muxes) mux.signal('SIGKILL');
        await Promise.all([stage.router.kill(), ...stage.muxes.map((mux) => mux.ended())]);
      }
      const endTraffic = stage.startTraffic();
      await sleep(STEADY_MS);
      await stage.sessionsUp(0);
      await stage.allNextHops();
      expect((await endTraffic()).lostCount).toBe(0);
    });

    test('a MUX that is stopped withdraws, and says why it goes', async ({ lab }) => {
      const stage = await Stage.up(lab, kind);
      const [stopped, remaining] = stage.muxes as [Mux, Mux];
      stopped.signal('SIGTERM');
      expect(await stopped.ended()).toBe(0);
      await stage.nextHopsBecome(VIP4, [remaining]);
      await waitFor('the reason', async () => (await stage.router.reasons()).includes(SHUTDOWN_TEXT), 2_000);
    });

    test('a router that is killed and starts again: sessions and routes come back', async ({ lab }) => {
      const stage = await Stage.up(lab, kind);
      await stage.router.kill();
      await sleep(500);
      await stage.startRouter();
      const startMs = nowMs();
      await stage.sessionsUp();
      const sessionsMs = nowMs() - startMs;
      await stage.allNextHops();
      measured(router, 'router killed and started again', `sessions ${sessionsMs} ms, routes ${nowMs() - startMs} ms`);
    });

    test('a link that fails and comes back: sessions and routes come back', async ({ lab }) => {
      const stage = await Stage.up(lab, kind, { mux: { holdTimeSeconds: 3 } });
      const [away, remaining] = stage.muxes as [Mux, Mux];
      const { router: namespace } = stage.topology;
      await lab.run(namespace, 'ip', ['link', 'set', away.place.port, 'down']);
      await stage.nextHopsBecome(VIP4, [remaining]);
      await sleep(4_000);
      await lab.run(namespace, 'ip', ['link', 'set', away.place.port, 'up']);
      // IPv6 addresses of an interface do not outlive its being down.
      await lab.run(namespace, 'ip', [
        'addr',
        'replace',
        `${away.place.routerIpv6}/64`,
        'dev',
        away.place.port,
        'nodad',
      ]);
      const startMs = nowMs();
      await stage.sessionsUp();
      await waitFor('both paths', async () => (await stage.router.nextHops(VIP4)).length === 2, ROUTE_MS_MAX);
      await stage.allNextHops();
      measured(router, 'link down for 4 s and up again', `routes ${nowMs() - startMs} ms`);
    });
  });
}

printFiguresAtEnd();
