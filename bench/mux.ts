/**
 * `npm run bench`: what the MUX costs per packet from JavaScript: frames copied in, processed in batches of 256, results
 * left in memory. `copy in` is the same loop without the MUX, so the difference is the data plane.
 */
import { readFileSync } from 'node:fs';
import { compile, Mux, readFabric } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { Bench } from 'tinybench';
import { describeMachine } from './machine.js';
import { framesOf, WORKLOADS } from './traffic.js';

const BATCH_FRAME_COUNT = 256;
const FRAME_COUNT = 65_536;

const text = readFileSync(new URL('../../examples/two-hosts.fabric.json', import.meta.url), 'utf8');
const mux = await Mux.load(muxModule, { batchFrameCountMax: BATCH_FRAME_COUNT, flowCountMax: 1_048_576 });
mux.program(compile(readFabric(text)).forMux('mux-1'));
const { batch } = mux;

const bench = new Bench({ time: 1000, warmupTime: 300 });
for (const workload of WORKLOADS) {
  const frames = framesOf(workload, FRAME_COUNT);
  let next = 0;
  const fill = () => {
    batch.clear();
    for (let count = 0; count < BATCH_FRAME_COUNT; count++) {
      batch.add(frames[next]);
      next = next + 1 < frames.length ? next + 1 : 0;
    }
  };
  let nowMs = 0;
  bench.add(`${workload.name}, copy in`, fill);
  bench.add(`${workload.name}, copy in and process`, () => {
    fill();
    mux.processBatch(nowMs++);
  });
}
await bench.run();

const rows = bench.tasks.map(({ name, result }) => {
  const batchMs = 'latency' in result ? result.latency.p50 : Number.NaN;
  return { name, ns: Math.round((batchMs * 1e7) / BATCH_FRAME_COUNT) / 10 };
});
if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ ...describeMachine(), rows }, null, 2));
} else {
  const { machine, runtime, commit } = describeMachine();
  console.log(`${machine}\n${runtime}, commit ${commit}\n`);
  console.table(Object.fromEntries(rows.map(({ name, ns }) => [name, { 'ns per packet (median)': ns }])));
}
