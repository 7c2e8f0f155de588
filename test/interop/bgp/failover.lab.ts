/** How soon traffic leaves a MUX that is gone, in every way a MUX can go; and that it goes to both before. */
import { describe, expect } from 'vitest';
import { nowMs, sleep } from '../../../sdk/appliance/lab/wait.js';
import { measured, printFiguresAtEnd, test } from './lab-test.js';
import type { Mux } from './mux.js';
import { ROUTERS } from './routers.js';
import { ROUTE_MS_MAX, Stage, type StageOptions } from './stage.js';
import { VIP4, VIP6 } from './topology.js';

/** Traffic flows this long before anything happens, and after the route has changed. */
const TRAFFIC_MS = 500;
const HOLD_MS = 3_000;
const DETECT_MS = 300;

interface Failure {
  readonly name: string;
  readonly options: StageOptions;
  /** What RFC or configuration promises; the kernel of a busy machine has `ROUTE_MS_MAX` more. */
  readonly promisedMs: number;
  /** Whether packets may be lost: not while a data plane still stands that says goodbye first. */
  readonly isLossless: boolean;
  fail(stage: Stage, mux: Mux): Promise<void> | void;
}

const HOLD: StageOptions = { mux: { holdTimeSeconds: 3 } };
const BFD: StageOptions = { mux: { hasBfd: true }, neighbor: { hasBfd: true } };

/** The machine of a MUX is gone: what it ran, and what answered in the place of its data plane. */
function die(stage: Stage, mux: Mux, signal: NodeJS.Signals): void {
  stage.dataPlanes[mux.place.number - 1]?.signal('SIGKILL');
  mux.signal(signal);
}

const FAILURES: readonly Failure[] = [
  {
    name: 'SIGTERM, data plane alive',
    options: HOLD,
    promisedMs: 0,
    isLossless: true,
    fail: (_, mux) => mux.signal('SIGTERM'),
  },
  {
    name: 'SIGKILL: the kernel closes the connection',
    options: HOLD,
    promisedMs: 0,
    isLossless: false,
    fail: (stage, mux) => die(stage, mux, 'SIGKILL'),
  },
  {
    name: 'SIGSTOP, hold time 3 s',
    options: HOLD,
    promisedMs: HOLD_MS,
    isLossless: false,
    fail: (stage, mux) => die(stage, mux, 'SIGSTOP'),
  },
  {
    name: 'SIGSTOP, BFD 3 x 100 ms',
    options: BFD,
    promisedMs: DETECT_MS,
    isLossless: false,
    fail: (stage, mux) => die(stage, mux, 'SIGSTOP'),
  },
  {
    name: 'link down',
    options: HOLD,
    promisedMs: 0,
    isLossless: false,
    fail: async ({ topology: { lab } }, { place }) => {
      await lab.run(place.namespace, 'ip', ['link', 'set', place.uplink, 'down']);
    },
  },
  {
    name: 'nothing comes from the MUX any more, BFD 3 x 100 ms',
    options: BFD,
    promisedMs: DETECT_MS,
    isLossless: false,
    fail: async (stage, { place }) => {
      stage.dataPlanes[place.number - 1]?.signal('SIGKILL');
      await stage.topology.lab.run(place.namespace, 'ip', ['route', 'add', 'blackhole', place.routerIpv4]);
    },
  },
];

for (const { kind, name: router, isMissing } of ROUTERS) {
  describe.skipIf(isMissing)(router, () => {
    for (const { name, options, promisedMs, isLossless, fail } of FAILURES) {
      test.skipIf(options === BFD && !kind.hasBfd)(name, async ({ lab }) => {
        const stage = await Stage.up(lab, kind, options);
        const [failing, remaining] = stage.muxes as [Mux, Mux];
        const endTraffic = stage.startTraffic();
        await sleep(TRAFFIC_MS);
        const failedAtMs = nowMs();
        await fail(stage, failing);
        const routeMs = await stage.nextHopsBecome(VIP4, [remaining], promisedMs + ROUTE_MS_MAX, failedAtMs);
        await stage.nextHopsBecome(VIP6, [remaining]);
        await sleep(TRAFFIC_MS);
        const traffic = await endTraffic();
        const { sentCount, lostCount, outageMs, byMux } = traffic;
        measured(router, name, `route ${routeMs} ms, traffic ${outageMs} ms (${lostCount} of ${sentCount} lost)`);
        expect(Object.keys(byMux)).toEqual(['1', '2']);
        expect(outageMs).toBeLessThan(promisedMs + ROUTE_MS_MAX);
        if (isLossless) expect(lostCount).toBe(0);
      });
    }
  });
}

printFiguresAtEnd();
