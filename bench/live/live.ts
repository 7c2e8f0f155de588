/**
 * `npm run bench:live`: what edgemux costs on real interfaces, beside C that makes the same system calls and beside the
 * kernel itself, all in the same rounds. It runs as root, in network namespaces of its own.
 *
 *   node dist/bench/live/live.js [--rounds 12] [--quick] [--only PART] [--port KIND…] [--json]
 *                               [--against /path/to/another/edgemux …]
 *
 * `--only` measures one part: packets or requests. `--against` adds the build of another working tree to the same rounds: the
 * way to see what a change is worth.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from '../machine.js';
import { FRAME_SIZES } from './fabric.js';
import { build, lineUp, PORTS } from './line-up.js';
import { removeNetworks } from './network.js';
import { measurePackets } from './packets.js';
import { LIVE_HEAD, liveLine, REQUEST_HEAD, requestLine } from './report.js';
import { missingPrograms, REQUEST_PROGRAMS, whatIsMissing } from './requirements.js';
import type { LiveRow, RequestRow } from './slices.js';
import { type Subject, stop } from './subjects.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '12' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    port: { type: 'string', multiple: true, default: [] },
    against: { type: 'string', multiple: true, default: [] },
  },
});
const ROUNDS_QUICK = 3;
const roundCount = options.quick ? ROUNDS_QUICK : Number(options.rounds);
const ports = PORTS.filter((port) => options.port.length === 0 || options.port.includes(port));
const print = options.json ? () => {} : console.log;

/** In the order in which they are measured. */
const PARTS: Readonly<Record<string, () => Promise<unknown>>> = { packets, requests };

if (options.only !== undefined && !(options.only in PARTS)) {
  console.error(`--only ${options.only}: one of ${Object.keys(PARTS).join(', ')}`);
  process.exit(2);
}
const missing = whatIsMissing();
if (missing !== undefined) {
  console.error(`bench:live: ${missing}`);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'edgemux-bench-'));
const subjects: Subject[] = [];
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
process.once('exit', () => {
  for (const subject of subjects) stop(subject);
  removeNetworks();
  rmSync(folder, { recursive: true, force: true });
});

const machine = describeMachine();
print(`${machine.machine}\n${machine.runtime}, commit ${machine.commit}`);
const results: Record<string, unknown> = {};
for (const [name, part] of Object.entries(PARTS)) {
  if (options.only === undefined || options.only === name) results[name] = await part();
}
if (options.json) console.log(JSON.stringify({ ...machine, ...results }, null, 2));
process.exit(0);

async function packets(): Promise<LiveRow[]> {
  const generator = await lineUp(subjects, { ports, against: options.against }, folder);
  const sizes = options.quick ? FRAME_SIZES.slice(0, 1) : FRAME_SIZES;
  print(`
Processor time per packet: of the thread that has the port, with its system calls, and of the kernel thread that takes frames
from the interface; beside it a share of a core, whatever passes. Medians of ${roundCount} rounds.`);
  print(LIVE_HEAD);
  const rows = await measurePackets(subjects, generator, roundCount, sizes);
  generator.end();
  for (const subject of subjects.splice(0)) stop(subject);
  for (const row of rows) print(liveLine(row));
  return rows;
}

async function requests(): Promise<RequestRow[]> {
  const missing = missingPrograms(REQUEST_PROGRAMS);
  if (missing !== undefined) {
    print(`\nno requests: ${missing}`);
    return [];
  }
  const { measureRequests } = await import('./requests.js');
  print(`\nRequests through labs, with nginx in two VMs: median of ${roundCount} rounds, percentiles of all`);
  print(REQUEST_HEAD);
  const rows = await measureRequests(ports, build('ask', folder), roundCount);
  for (const row of rows) print(requestLine(row));
  return rows;
}
