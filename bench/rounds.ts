/**
 * Measures contestants against each other, in rounds.
 *
 * A machine's neighbours make one and the same loop three times slower for seconds. So every round gives each
 * contestant a slice of some milliseconds, and what counts is the ratio of two slices of the same round.
 */
import { readFileSync } from 'node:fs';
import type { Contestant } from './contestant.js';
import { BATCH_FRAME_COUNT, frameOf, type Workload } from './scenario.js';
import { median, quantile } from './statistics.js';

/** What is measured of one contestant. */
export interface Row {
  readonly implementation: string;
  readonly workload: string;
  /** Connections the packets are drawn from; 0: each packet opens one. */
  readonly flowCount: number;
  readonly frameBytes: number;
  /** Nanoseconds per packet: median, and the tenth percentile, which is what an idle machine shows. */
  readonly ns: number;
  readonly nsP10: number;
  /** Millions of packets per second and core, of the median. */
  readonly mpps: number;
  /** Median of the ratios to C in the same round; `null` without C. */
  readonly ratioToC: number | null;
}

/** Slices that are not counted: the JavaScript engine is still compiling. */
const WARM_UP_SLICES = 3;
const COMPARED_BATCH_COUNT = 16;

/** Batches of a contestant's first slice, before its speed is known. */
const PROBE_BATCH_COUNT = 32;

/** Names of those written in C. */
const YARDSTICKS = ['c', 'c-host'];

export async function measure(
  contestants: readonly Contestant[],
  workload: Workload,
  frameBytes: number,
  roundCount: number,
  folder: string,
): Promise<Row[]> {
  for (const contestant of contestants) await contestant.prepare(workload, frameOf(workload, frameBytes));
  return measurePrepared(contestants, { ...workload, frameBytes }, roundCount, folder);
}

/** What the packets of a measurement are. */
export interface Measured {
  readonly name: string;
  readonly flowCount: number;
  readonly frameBytes: number;
}

/** Measures contestants that are in the same state. */
export async function measurePrepared(
  contestants: readonly Contestant[],
  { name: workload, flowCount, frameBytes }: Measured,
  roundCount: number,
  folder: string,
): Promise<Row[]> {
  await compareOutput(contestants, `${workload}, ${flowCount} connections, ${frameBytes} bytes`, folder);
  const batchCounts = contestants.map(() => PROBE_BATCH_COUNT);
  for (let slice = 0; slice < WARM_UP_SLICES; slice++) {
    for (const [at, contestant] of contestants.entries()) {
      const ns = await contestant.run(batchCounts[at]);
      batchCounts[at] = Math.max(PROBE_BATCH_COUNT, Math.round((contestant.sliceMs * 1e6) / (ns * BATCH_FRAME_COUNT)));
    }
  }

  const ns: number[][] = contestants.map(() => []);
  for (let round = 0; round < roundCount; round++) {
    // There and back again, so that none always follows the same one.
    const order = round % 2 === 0 ? contestants.keys() : [...contestants.keys()].reverse();
    for (const at of order) ns[at].push(await contestants[at].run(batchCounts[at]));
  }
  const c = ns[contestants.findIndex(({ name }) => YARDSTICKS.includes(name))];
  return contestants.map(({ name }, at) => ({
    implementation: name,
    workload,
    flowCount,
    frameBytes,
    ns: round(median(ns[at]), 1),
    nsP10: round(quantile(ns[at], 0.1), 1),
    mpps: round(1000 / median(ns[at]), 2),
    ratioToC: c ? round(median(ns[at].map((value, index) => value / c[index])), 3) : null,
  }));
}

/** All contestants must make the same verdicts and bytes of the same packets, or nothing is worth measuring. */
async function compareOutput(contestants: readonly Contestant[], what: string, folder: string): Promise<void> {
  const outputs: { name: string; frames: Buffer; counters: string }[] = [];
  for (const [at, contestant] of contestants.entries()) {
    const path = `${folder}/frames-${at}`;
    const counters = await contestant.writeFrames(COMPARED_BATCH_COUNT, path);
    outputs.push({ name: contestant.name, frames: readFileSync(path), counters });
  }
  const [first, ...others] = outputs;
  for (const { name, frames, counters } of others) {
    if (!frames.equals(first.frames)) {
      const at = frames.findIndex((byte, index) => byte !== first.frames[index]);
      throw new Error(`${what}: ${name} and ${first.name} differ at byte ${at} of their output`);
    }
    if (counters !== '' && counters !== first.counters) {
      throw new Error(`${what}: ${name} counts ${counters}, ${first.name} ${first.counters}`);
    }
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
