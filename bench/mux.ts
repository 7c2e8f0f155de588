import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Contestant } from './contestant.js';
import { measureHost } from './host.js';
import { measureIpv6 } from './ipv6.js';
import { lineUp } from './line-up.js';
import { describeMachine } from './machine.js';
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
    workload: { type: 'string', multiple: true, default: [] },
    wasm: { type: 'string', multiple: true, default: [] },
    deno: { type: 'string' },
    workerd: { type: 'string' },
  },
});
/** Both JavaScript contestants build a ring the same way; clocks stand still in workerd. */
const RING_BUILDERS = ['edgemux', 'c', 'js-idiomatic'];

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
  contestants.push(...(await lineUp(folder, options, print)));
  print(`ns per packet: median and p10 of ${roundCount} rounds; ratio to C in the same round\n`);
  for (const workload of workloads) {
    for (const frameBytes of frameSizes) {
      const measured = await measure(contestants, workload, frameBytes, roundCount, folder);
      rows.push(...measured);
      for (const row of measured) print(lineOf(row));
    }
  }
  const measuredHost = await measureHost(options, roundCount, folder, print);
  rows.push(...measuredHost);
  for (const row of measuredHost) print(lineOf(row));
  const isComparingBuilds = options.wasm.length > 0 || options.workload.length > 0;
  const control = isComparingBuilds ? undefined : await measureControl();
  if (options.json) console.log(JSON.stringify({ ...machine, rows, ...control }, null, 2));
} finally {
  for (const contestant of contestants) contestant.end();
  rmSync(folder, { recursive: true });
}

/** What is not per packet of one MUX: rings, programs, two cores, IPv6. */
async function measureControl() {
  const timeMs = options.quick ? 200 : 1000;
  const rings = await measureRing(
    contestants.filter(({ name }) => RING_BUILDERS.includes(name)),
    roundCount,
  );
  for (const { implementation, slotCount, memberCount, ms } of rings) {
    print(`ring of ${slotCount} slots, ${memberCount} backends: ${implementation.padEnd(14)}${ms.toFixed(2)} ms`);
  }
  const programMs = Number((await measureProgram(timeMs)).toFixed(2));
  print(`program of 1,000 rules, one backend less or more: ${programMs} ms`);
  const twoCores = await measureTwoCores(WORKLOADS, roundCount);
  for (const { workload, ratio } of twoCores) print(`two workers on two cores, ${workload}: ×${ratio} of one`);
  const ipv6 = await measureIpv6(WORKLOADS, roundCount);
  for (const { workload, ipv4Ns, ipv6Ns, ratio } of ipv6) {
    print(`IPv6, ${workload}: ${ipv6Ns} ns, IPv4 ${ipv4Ns} ns, ×${ratio}`);
  }
  return { rings, programMs, twoCores, ipv6 };
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
