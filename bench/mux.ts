/**
 * `npm run bench`: what the MUX costs per packet, beside the same MUX in C and in JavaScript.
 *
 *   node dist/bench/mux.js [--rounds 40] [--quick] [--json] [--only flood] [--workload 1-flow …] [--wasm other-mux.wasm …]
 *
 * `--only flood` measures nothing but what is left of half a million connections after a flood of new ones.
 * `--wasm` adds another build of the data plane to the same rounds: the way to see what a change of it is worth.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import muxModule from 'edgemux/mux-module';
import { Contestant } from './contestant.js';
import { type FloodRow, measureFloods } from './flood.js';
import { type HostRow, measureHost } from './host.js';
import { describeMachine } from './machine.js';
import { buildNative } from './native.js';
import { measureProgram } from './program.js';
import { programmed } from './programmed.js';
import { measureRing, type RingRow } from './ring.js';
import { measure, type Row } from './rounds.js';
import { benchProgram, FRAME_SIZES, WORKLOADS } from './scenario.js';
import { encodeTables } from './tables.js';

/** A collector that works on beyond the slice of the one whose garbage it collects would slow down the next. */
const NODE_FLAGS = ['--single-threaded-gc'];

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '40' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    workload: { type: 'string', multiple: true, default: [] },
    wasm: { type: 'string', multiple: true, default: [] },
  },
});
if (options.only !== undefined && options.only !== 'flood') {
  console.error(`--only ${options.only}: there is only flood`);
  process.exit(2);
}
const isFloodOnly = options.only === 'flood';
const roundCount = options.quick ? 7 : Number(options.rounds);
const workloads = WORKLOADS.filter(({ name }) => options.workload.length === 0 || options.workload.includes(name));
const frameSizes = options.quick ? FRAME_SIZES.slice(0, 1) : FRAME_SIZES;

const folder = mkdtempSync(join(tmpdir(), 'edgemux-bench-'));
const contestants: Contestant[] = [];
const rows: Row[] = [];
const machine = describeMachine();
const print = options.json ? () => {} : console.log;
try {
  print(`${machine.machine}\n${machine.runtime}, commit ${machine.commit}`);
  if (!isFloodOnly) await measurePackets();
  const isComparingBuilds = options.wasm.length > 0 || options.workload.length > 0;
  const control = isComparingBuilds || isFloodOnly ? undefined : await measureControl();
  const floods = isComparingBuilds ? undefined : await flood();
  if (options.json) console.log(JSON.stringify({ ...machine, rows, ...control, floods }, null, 2));
} finally {
  for (const contestant of contestants) contestant.end();
  rmSync(folder, { recursive: true });
}

async function measurePackets(): Promise<void> {
  contestants.push(...(await start()));
  print(`ns per packet: median and p10 of ${roundCount} rounds; ratio to C in the same round\n`);
  for (const workload of workloads) {
    for (const frameBytes of frameSizes) {
      const measured = await measure(contestants, workload, frameBytes, roundCount, folder);
      rows.push(...measured);
      for (const row of measured) print(lineOf(row));
    }
  }
}

/** What is left of established connections. */
async function flood(): Promise<FloodRow[]> {
  const floods: FloodRow[] = [];
  for await (const row of measureFloods(options.quick ? 5 : 20)) {
    floods.push(row);
    const share = `${(100 * row.foundShare).toFixed(3)} % of ${row.establishedCount} connections`;
    print(
      `${row.seconds} s of ${row.newPerSecond} new connections per second, ${row.flood}: ${share} still find their entry`,
    );
  }
  return floods;
}

/** What is not per packet of the MUX: rings, programs, the host agent. */
async function measureControl(): Promise<{ rings: RingRow[]; programMs: number; host: HostRow[] }> {
  const timeMs = options.quick ? 200 : 1000;
  // Both JavaScript contestants build it the same way.
  const rings = await measureRing(
    contestants.filter(({ name }) => name !== 'js-typed'),
    roundCount,
  );
  for (const { implementation, slotCount, memberCount, ms } of rings) {
    print(`ring of ${slotCount} slots, ${memberCount} backends: ${implementation.padEnd(14)}${ms.toFixed(2)} ms`);
  }
  const programMs = Number((await measureProgram(timeMs)).toFixed(2));
  print(`program of 1,000 rules, one backend less or more: ${programMs} ms`);
  const fabric = readFileSync(new URL('../../examples/two-hosts.fabric.json', import.meta.url), 'utf8');
  const host = await measureHost(fabric, timeMs);
  for (const { what, ns } of host) print(`host agent, ${what}: ${ns} ns per packet`);
  return { rings, programMs, host };
}

async function start(): Promise<Contestant[]> {
  const tables = join(folder, 'tables');
  writeFileSync(tables, encodeTables(await programmed(muxModule, benchProgram())));
  const isPinned = spawnSync('taskset', ['-c', '1', 'true']).status === 0;
  if (!isPinned) print('no taskset or no second core: nothing is pinned');

  const child = fileURLToPath(new URL('js/child.js', import.meta.url));
  const inNode = (name: string, as: string, ...more: string[]) =>
    new Contestant(as, [process.execPath, ...NODE_FLAGS, child, name, tables, ...more], isPinned);
  const started = [inNode('edgemux', 'edgemux', fileURLToPath(new URL('../mux.wasm', import.meta.url)))];
  for (const wasm of options.wasm) started.push(inNode('edgemux', basename(wasm, '.wasm'), wasm));
  const native = buildNative(join(folder, 'mux'));
  if ('missing' in native) {
    print(`no row for C: ${native.missing}`);
  } else {
    print(`C: ${native.compiler}`);
    started.push(new Contestant('c', [native.path, tables], isPinned));
  }
  if (options.wasm.length === 0) {
    started.push(inNode('js-typed', 'js-typed'), inNode('js-idiomatic', 'js-idiomatic'));
  }
  return started;
}

function lineOf({ implementation, workload, frameBytes, ns, nsP10, mpps, ratioToC }: Row): string {
  return [
    workload.padEnd(10),
    String(frameBytes).padStart(5),
    `  ${implementation.padEnd(14)}`,
    ns.toFixed(1).padStart(9),
    nsP10.toFixed(1).padStart(9),
    `${mpps.toFixed(2).padStart(8)} Mpps`,
    ratioToC === null ? '' : `  ×${ratioToC.toFixed(2)}`,
  ].join('');
}
