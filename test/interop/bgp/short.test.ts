/** What every run of the tests asks of every router: `npm run test:bgp` asks the rest. */
import { describe, expect } from 'vitest';
import { sleep } from '../../../sdk/appliance/lab/wait.js';
import { test } from './lab-test.js';
import type { Mux } from './mux.js';
import { ROUTERS } from './routers.js';
import { Stage } from './stage.js';
import { VIP4, VIP6 } from './topology.js';

for (const { kind, name, isMissing } of ROUTERS) {
  describe.skipIf(isMissing)(name, () => {
    test('two MUXes share the traffic of both families; one withdraws, dies, comes back, stops', async ({ lab }) => {
      const protection = { md5Key: 'correct-horse-battery' };
      const stage = await Stage.up(lab, kind, { mux: protection, neighbor: protection });
      const [one, other] = stage.muxes as [Mux, Mux];
      for (const vip of [VIP4, VIP6]) {
        const endTraffic = stage.startTraffic(vip);
        await sleep(500);
        const { lostCount, byMux } = await endTraffic();
        expect({ vip, lostCount, muxes: Object.keys(byMux) }).toEqual({ vip, lostCount: 0, muxes: ['1', '2'] });
      }
      await one.setVips([VIP6]);
      await stage.nextHopsBecome(VIP4, [other]);
      await stage.nextHopsBecome(VIP6, [one, other]);
      one.signal('SIGKILL');
      await stage.nextHopsBecome(VIP6, [other]);
      await one.start([VIP4, VIP6]);
      await stage.sessionsUp();
      await stage.allNextHops();
      other.signal('SIGTERM');
      expect(await other.ended()).toBe(0);
      for (const vip of [VIP4, VIP6]) await stage.nextHopsBecome(vip, [one]);
    });

    test.skipIf(!kind.hasBfd)('BFD finds a MUX that hangs, long before the hold timer of 9 s', async ({ lab }) => {
      const stage = await Stage.up(lab, kind, { mux: { hasBfd: true }, neighbor: { hasBfd: true } });
      const [hanging, remaining] = stage.muxes as [Mux, Mux];
      hanging.signal('SIGSTOP');
      await stage.nextHopsBecome(VIP4, [remaining]);
      hanging.signal('SIGCONT');
      await stage.sessionsUp();
      await stage.nextHopsBecome(VIP4, stage.muxes);
    });
  });
}
