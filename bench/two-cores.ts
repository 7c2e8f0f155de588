/** Two workers, each with an instance and a flow table of its own on a core of its own: what they do together. */
import { processChannel } from './channel.js';
import { Contestant } from './contestant.js';
import { CHILD, canPin, MUX_WASM, NODE_COMMAND } from './line-up.js';
import { BATCH_FRAME_COUNT, FRAME_SIZES, frameOf, type Workload, type WorkloadName } from './scenario.js';
import { median } from './statistics.js';

export interface TwoCoresRow {
  readonly workload: WorkloadName;
  /** Packets per second of both at the same time, over those of one alone; 2 is perfect. Median of the rounds. */
  readonly ratio: number;
}

const CORES = ['0', '1'];
const MEASURED: readonly WorkloadName[] = ['1-flow', '1m-flows'];
/** Long enough that the moments in which only one of them works do not count. */
const SLICE_MS = 100;
const PROBE_BATCH_COUNT = 2048;

/** @returns nothing on a machine without two cores that processes can be kept on */
export async function measureTwoCores(workloads: readonly Workload[], roundCount: number): Promise<TwoCoresRow[]> {
  if (!CORES.every(canPin)) return [];
  const workers = CORES.map(
    (core) => new Contestant('edgemux', processChannel([...NODE_COMMAND, CHILD, 'edgemux', '-', MUX_WASM], core)),
  );
  try {
    const rows: TwoCoresRow[] = [];
    for (const workload of workloads.filter(({ name }) => MEASURED.includes(name))) {
      const frame = frameOf(workload, FRAME_SIZES[0]);
      await Promise.all(workers.map((worker) => worker.prepare(workload, frame)));
      rows.push({ workload: workload.name, ratio: Number((await measure(workers, roundCount)).toFixed(2)) });
    }
    return rows;
  } finally {
    for (const worker of workers) worker.end();
  }
}

async function measure(workers: readonly Contestant[], roundCount: number): Promise<number> {
  for (const worker of workers) await worker.run(PROBE_BATCH_COUNT);
  const ns = await workers[0].run(PROBE_BATCH_COUNT);
  const batchCount = Math.ceil((SLICE_MS * 1e6) / (ns * BATCH_FRAME_COUNT));
  const ratios: number[] = [];
  for (let round = 0; round < roundCount; round++) {
    const alone: number[] = [];
    for (const worker of workers) alone.push(await worker.run(batchCount));
    const together = await Promise.all(workers.map((worker) => worker.run(batchCount)));
    // Each worker's rate beside the other, as a part of its rate alone.
    ratios.push(together.reduce((sum, value, at) => sum + alone[at] / value, 0));
  }
  return median(ratios);
}
