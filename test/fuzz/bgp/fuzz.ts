/**
 * `npm run fuzz:bgp`: BGP messages with lies in them, read by the decoders and, in attacks, by a speaker, until the time
 * is up or one does what no message may do.
 *
 *   npm run fuzz:bgp -- [--minutes 10] [--seed 1]
 *
 * Ends with exit code 1 and a crasher in test/fuzz/bgp/crashers/ at the first one. A thread reads, this one watches: an
 * input that takes more than HANG_MS hangs.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { attack } from './attack.js';
import { randomInput, writeInput } from './input.js';
import { read } from './reading.js';

const CRASHERS = 'test/fuzz/bgp/crashers';
const HANG_MS = 5_000;
const PROGRESS_EVERY_MS = 10_000;
const INPUTS_PER_REPORT = 5_000;
/** Of so many seeds one is also the seed of an attack. */
const SEEDS_PER_ATTACK = 250;

type Report =
  | { readonly kind: 'progress'; readonly outcomes: Readonly<Record<string, number>> }
  | { readonly kind: 'crash'; readonly seed: number; readonly complaint: string };

/** Where the reading thread says which seed it reads, relative to the first: the watching one must know when it hangs. */
interface Start {
  readonly seed: number;
  readonly position: SharedArrayBuffer;
}

if (isMainThread) watch();
else void readOn(workerData as Start);

function watch(): void {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    },
  });
  const seed = Number(values.seed);
  const end = Date.now() + Number(values.minutes) * 60_000;
  const position = new SharedArrayBuffer(4);
  const at = new Uint32Array(position);
  const counts = new Map<string, number>();
  let inputCount = 0;
  const reader = new Worker(new URL(import.meta.url), { workerData: { seed, position } satisfies Start });
  reader.on('message', (report: Report) => {
    if (report.kind === 'crash') keep(report.seed, report.complaint);
    inputCount += INPUTS_PER_REPORT;
    for (const [outcome, count] of Object.entries(report.outcomes)) {
      counts.set(outcome, (counts.get(outcome) ?? 0) + count);
    }
  });
  reader.on('error', (error) => keep(seed + at[0]!, error.stack ?? error.message));

  let last = { value: 0, since: Date.now() };
  let nextProgress = Date.now() + PROGRESS_EVERY_MS;
  setInterval(() => {
    const value = Atomics.load(at, 0);
    if (value !== last.value) last = { value, since: Date.now() };
    else if (Date.now() - last.since > HANG_MS) keep(seed + value, `hangs: not read in ${HANG_MS} ms`);
    if (Date.now() > end) {
      console.log(`${progress()}: nothing found\n${table(counts)}`);
      process.exit(0);
    }
    if (Date.now() > nextProgress) {
      console.log(progress());
      nextProgress += PROGRESS_EVERY_MS;
    }
  }, 250);

  function progress(): string {
    const minutesLeft = Math.max(0, (end - Date.now()) / 60_000).toFixed(1);
    return `${inputCount.toLocaleString('en')} streams from seed ${seed} on, ${minutesLeft} minutes left`;
  }
}

function keep(seed: number, complaint: string): never {
  mkdirSync(CRASHERS, { recursive: true });
  const file = join(CRASHERS, `${seed}.json`);
  writeFileSync(file, writeInput(randomInput(seed), complaint.split('\n')[0]!));
  console.log(`seed ${seed}: ${complaint}\nkept as ${file}`);
  process.exit(1);
}

function table(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([outcome, count]) => `${String(count).padStart(10)}  ${outcome}`)
    .join('\n');
}

async function readOn({ seed: first, position }: Start): Promise<never> {
  const at = new Uint32Array(position);
  for (;;) {
    const outcomes: Record<string, number> = {};
    for (let i = 0; i < INPUTS_PER_REPORT; i++) {
      const seed = first + at[0]!;
      const reading = read(randomInput(seed));
      const complaint = reading.complaint ?? (await complaintOfAttack(seed));
      if (complaint !== undefined) {
        parentPort?.postMessage({ kind: 'crash', seed, complaint } satisfies Report);
        // The watching thread ends the process.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      }
      for (const outcome of reading.outcomes) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      Atomics.add(at, 0, 1);
    }
    parentPort?.postMessage({ kind: 'progress', outcomes } satisfies Report);
  }
}

async function complaintOfAttack(seed: number): Promise<string | undefined> {
  if (seed % SEEDS_PER_ATTACK !== 0) return undefined;
  const { complaint } = await attack(seed);
  return complaint && `attack of this seed: ${complaint}`;
}
