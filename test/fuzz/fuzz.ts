/**
 * `npm run fuzz`: every pipeline against its model, with fresh seeds, until the time is up or they disagree.
 *
 *   npm run fuzz -- [--minutes 10] [--seed 1] [--pipeline 'MUX, VXLAN' …]
 *
 * Ends with exit code 1 and a crasher in test/fuzz/crashers/ at the first disagreement or trap.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Duel, type Step } from '../support/duel.js';
import { type PipelineName, pipelines } from '../support/pipelines.js';
import { randomSteps } from '../support/random-steps.js';
import { replay, writeCrasher } from './crasher.js';
import { shrink } from './shrink.js';

const CRASHERS = 'test/fuzz/crashers';
const PACKETS_PER_SEED = 60_000;
const PROGRESS_EVERY_MS = 10_000;
const SHRINK_MS = 120_000;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    pipeline: { type: 'string', multiple: true, default: Object.keys(pipelines) },
  },
});
const end = Date.now() + Number(options.minutes) * 60_000;
const names = options.pipeline.map(pipelineName);

let packetCount = 0;
let runCount = 0;
let nextProgress = Date.now() + PROGRESS_EVERY_MS;

for (let seed = Number(options.seed); Date.now() < end; seed++) {
  for (const name of names) await run(name, seed);
}
console.log(`${progress()}: no disagreement`);

/** One pipeline's life with one seed. */
async function run(name: PipelineName, seed: number): Promise<void> {
  runCount++;
  const { program, begin } = pipelines[name];
  const duel = new Duel(await begin());
  const steps: Step[] = [];
  for (const step of randomSteps(program, seed)) {
    steps.push(step);
    const before = duel.packetCount;
    const difference = duel.play(step);
    packetCount += duel.packetCount - before;
    if (difference !== undefined) return report(name, seed, steps, difference);
    if (Date.now() > nextProgress) {
      console.log(`${progress()}, now ${name}, seed ${seed}`);
      nextProgress += PROGRESS_EVERY_MS;
    }
    if (duel.packetCount >= PACKETS_PER_SEED || Date.now() > end) return;
  }
}

async function report(pipeline: PipelineName, seed: number, steps: readonly Step[], found: string): Promise<never> {
  console.log(`${progress()}\n${pipeline}, seed ${seed}: ${found}`);
  const deadline = Date.now() + SHRINK_MS;
  const fails = async (fewer: readonly Step[]) => (await replay({ pipeline, steps: fewer })) !== undefined;
  const fewer = await shrink(steps, fails, deadline);
  const difference = (await replay({ pipeline, steps: fewer })) ?? found;
  mkdirSync(CRASHERS, { recursive: true });
  const file = join(CRASHERS, `${pipeline.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}-${seed}.json`);
  writeFileSync(file, writeCrasher({ pipeline, steps: fewer }, difference));
  console.log(`${fewer.length} steps are enough, kept as ${file}:\n${difference}`);
  process.exit(1);
}

function progress(): string {
  const minutesLeft = Math.max(0, (end - Date.now()) / 60_000).toFixed(1);
  return `${packetCount.toLocaleString('en')} packets, ${runCount} runs, ${minutesLeft} minutes left`;
}

function pipelineName(name: string): PipelineName {
  if (name in pipelines) return name as PipelineName;
  console.error(`no pipeline ${name}; there are ${Object.keys(pipelines).join('; ')}`);
  process.exit(2);
}
