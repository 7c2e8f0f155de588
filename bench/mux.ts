/**
 * `npm run bench`: what the MUX costs per packet, beside the same MUX in C and in JavaScript, and what else is measured.
 *
 *   node dist/bench/mux.js [--rounds 40] [--quick] [--json] [--only PART] [--workload 1-flow …] [--wasm other-mux.wasm …]
 *                          [--deno /path/to/deno] [--workerd /path/to/workerd]
 *
 * `--only` measures one part: packets, rings, program, two-cores, ipv6, host, ports or flood.
 * `--wasm` adds another build of the data plane to the same rounds: the way to see what a change of it is worth.
 * `--deno` and `--workerd` add the same build in those runtimes; by default those that `npm install --no-save deno
 * workerd` has put into node_modules take part.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Contestant } from './contestant.js';
import { type FloodRow, measureFloods } from './flood.js';
import { measureHost } from './host.js';
import { measureIpv6 } from './ipv6.js';
import { lineUp } from './line-up.js';
import { describeMachine } from './machine.js';
import { measurePorts } from './ports.js';
import { measureProgram } from './program.js';
import { measureRing } from './ring.js';
import { measure, type Row } from './rounds.js';
import { FRAME_SIZES, WORKLOADS } from './scenario.js';
import { measureTwoCores } from './two-cores.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '40' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    workload: { type: 'string', multiple: true, default: [] },
    wasm: { type: 'string', multiple: true, default: [] },
    deno: { type: 'string' },
    workerd: { type: 'string' },
  },
});
const roundCount = options.quick ? 7 : Number(options.rounds);
const timeMs = options.quick ? 200 : 1000;
const workloads = WORKLOADS.filter(({ name }) => options.workload.length === 0 || options.workload.includes(name));
const frameSizes = options.quick ? FRAME_SIZES.slice(0, 1) : FRAME_SIZES;
const print = options.json ? () => {} : console.log;

/** Both JavaScript contestants build a ring the same way; clocks stand still in workerd. */
const RING_BUILDERS = ['edgemux', 'c', 'js-idiomatic'];

/** In the order in which they are measured; the names are those of the results in JSON. */
const PARTS: Readonly<Record<string, (contestants: readonly Contestant[], folder: string) => Promise<unknown>>> = {
  packets: measurePackets,
  rings: measureRings,
  program: measurePrograms,
  'two-cores': measureBoth,
  ipv6: measureFamilies,
  host: measureHosts,
  ports: measurePortsOfMux,
  flood: flood,
};

if (options.only !== undefined && !(options.only in PARTS)) {
  console.error(`--only ${options.only}: one of ${Object.keys(PARTS).join(', ')}`);
  process.exit(2);
}
const isComparing = options.wasm.length > 0 || options.workload.length > 0;
/** Of both kinds of machine; `--workload host-deliver` and `host-reply` name those of a host. */
const PACKET_PARTS = ['packets', 'host'];
const wanted = options.only !== undefined ? [options.only] : isComparing ? PACKET_PARTS : Object.keys(PARTS);
const folder = mkdtempSync(join(tmpdir(), 'edgemux-bench-'));
const contestants: Contestant[] = [];
try {
  const machine = describeMachine();
  print(`${machine.machine}\n${machine.runtime}, commit ${machine.commit}`);
  contestants.push(...(await lineUp(folder, options, print)));
  const results: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(PARTS)) {
    if (wanted.includes(name)) results[name] = await part(contestants, folder);
  }
  const { packets = [], host = [], ...others } = results;
  const rows = [packets, host].flat();
  if (options.json) console.log(JSON.stringify({ ...machine, rows, ...others }, null, 2));
} finally {
  for (const contestant of contestants) contestant.end();
  rmSync(folder, { recursive: true });
}

async function measurePackets(contestants: readonly Contestant[], folder: string): Promise<Row[]> {
  print(`ns per packet: median and p10 of ${roundCount} rounds; ratio to C in the same round\n`);
  const rows: Row[] = [];
  for (const workload of workloads) {
    for (const frameBytes of frameSizes) {
      const measured = await measure(contestants, workload, frameBytes, roundCount, folder);
      rows.push(...measured);
      for (const row of measured) print(lineOf(row));
    }
  }
  return rows;
}

async function measureRings(contestants: readonly Contestant[]) {
  const builders = contestants.filter(({ name }) => RING_BUILDERS.includes(name));
  const rings = await measureRing(builders, roundCount);
  for (const { implementation, slotCount, memberCount, ms } of rings) {
    print(`ring of ${slotCount} slots, ${memberCount} backends: ${implementation.padEnd(14)}${ms.toFixed(2)} ms`);
  }
  return rings;
}

async function measurePrograms() {
  const ms = Number((await measureProgram(timeMs)).toFixed(2));
  print(`program of 1,000 rules, one backend less or more: ${ms} ms`);
  return { ms };
}

async function measureBoth() {
  const rows = await measureTwoCores(WORKLOADS, roundCount);
  for (const { workload, ratio } of rows) print(`two workers on two cores, ${workload}: ×${ratio} of one`);
  return rows;
}

async function measureFamilies(_: readonly Contestant[], folder: string) {
  const rows = await measureIpv6(WORKLOADS, roundCount, folder);
  for (const { workload, ipv4Ns, ipv6Ns, ratio } of rows) {
    print(`IPv6, ${workload}: ${ipv6Ns} ns, IPv4 ${ipv4Ns} ns, ×${ratio}`);
  }
  return rows;
}

async function measureHosts(_: readonly Contestant[], folder: string): Promise<Row[]> {
  const rows = await measureHost(options, roundCount, folder, print);
  for (const row of rows) print(lineOf(row));
  return rows;
}

/** From ring to ring. */
async function measurePortsOfMux() {
  const rows = await measurePorts(roundCount);
  for (const { flowCount, aloneNs, ringsNs, unfinishedNs } of rows) {
    const more = `, ${unfinishedNs} ns where checksums may be unfinished`;
    print(`AF_XDP rings, ${flowCount} flows: ${ringsNs} ns from ring to ring, ${aloneNs} ns without them${more}`);
  }
  return rows;
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

function lineOf({ implementation, workload, flowCount, frameBytes, ns, nsP10, mpps, ratioToC }: Row): string {
  return [
    workload.padEnd(12),
    String(flowCount).padStart(8),
    String(frameBytes).padStart(5),
    `  ${implementation.padEnd(16)}`,
    ns.toFixed(1).padStart(9),
    nsP10.toFixed(1).padStart(9),
    `${mpps.toFixed(2).padStart(8)} Mpps`,
    ratioToC === null ? '' : `  ×${ratioToC.toFixed(2)}`,
  ].join('');
}
