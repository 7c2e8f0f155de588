/** Packets per core: every subject in every round, on the same machine in the same minute. */
import { cpuBetween } from './cpu-time.js';
import { FLOW_COUNT, FRAME_SIZES, liveFrame } from './fabric.js';
import type { Generator } from './generator.js';
import { type LiveRow, rowOf, type Slice } from './slices.js';
import { type Subject, usedBy } from './subjects.js';

/** Length of a slice. */
const SLICE_MS = 300;
/** Slices that are not counted: connections are new, and a JavaScript engine is still compiling. */
const WARM_UP_SLICES = 10;

export async function measurePackets(
  subjects: readonly Subject[],
  generator: Generator,
  roundCount: number,
  frameSizes: readonly number[] = FRAME_SIZES,
): Promise<LiveRow[]> {
  const rows: LiveRow[] = [];
  for (const frameBytes of frameSizes) {
    for (const { place } of subjects) await generator.use(place.generatorLink, liveFrame(frameBytes), FLOW_COUNT);
    rows.push(...(await measureSize(subjects, generator, roundCount, frameBytes)));
  }
  return rows;
}

async function measureSize(
  subjects: readonly Subject[],
  generator: Generator,
  roundCount: number,
  frameBytes: number,
): Promise<LiveRow[]> {
  for (const subject of subjects) {
    for (let slice = 0; slice < WARM_UP_SLICES; slice++) await sliceOf(subject, generator);
  }
  const slices: Slice[][] = subjects.map(() => []);
  for (let round = 0; round < roundCount; round++) {
    // There and back again, so that none always follows the same one.
    const order = round % 2 === 0 ? subjects.keys() : [...subjects.keys()].reverse();
    for (const at of order) slices[at].push(await sliceOf(subjects[at], generator));
  }
  const kernel = slices[subjects.findIndex(({ implementation }) => implementation === 'kernel')];
  return subjects.map(({ name, port }, at) => {
    const c = slices[subjects.findIndex((other) => other.implementation === 'c' && other.port === port)];
    return rowOf({ subject: name, port: port ?? null, frameBytes, slices: slices[at], c, kernel });
  });
}

/** On a machine that is busy enough a MUX may not run for a whole slice; more than a few in a row it does not work. */
const TRIES = 5;

async function sliceOf(subject: Subject, generator: Generator): Promise<Slice> {
  for (let tries = 0; tries < TRIES; tries++) {
    const slice = await trySlice(subject, generator);
    if (slice.forwardedCount > 0) return slice;
  }
  throw new Error(`${subject.name} ${subject.port ?? ''}: nothing comes back`);
}

async function trySlice(subject: Subject, generator: Generator): Promise<Slice> {
  const before = usedBy(subject);
  const { ns, sentCount, returnedCount } = await generator.run(subject.place.generatorLink, SLICE_MS);
  const after = usedBy(subject);
  const { busiestNs, othersNs } = cpuBetween(before.process, after.process);
  return {
    sentCount,
    forwardedCount: returnedCount,
    threadNs: busiestNs,
    asideNs: othersNs,
    kernelNs: cpuBetween(before.kernel, after.kernel).busiestNs,
    ns,
  };
}
