/** What the host agent costs per packet: a VXLAN frame to a VM, and the VM's answer, beside the same in C. */
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import muxModule from 'edgemux/mux-module';
import { processChannel } from './channel.js';
import { Contestant } from './contestant.js';
import { encodeHostTables, programmedHost } from './host-programmed.js';
import { answerFrame, HOST_WORKLOADS, type HostWorkload, hostProgram, tunneledFrame } from './host-scenario.js';
import { CHILD, CORE, canPin, MUX_WASM, NODE_COMMAND } from './line-up.js';
import { buildNative, HOST_SOURCES } from './native.js';
import { measurePrepared, type Row } from './rounds.js';

export interface HostOptions {
  /** Other builds of the data plane. */
  readonly wasm: readonly string[];
  /** Names of workloads; empty: all. */
  readonly workload: readonly string[];
}

export async function measureHost(
  options: HostOptions,
  roundCount: number,
  folder: string,
  print: (line: string) => void,
): Promise<Row[]> {
  const workloads = HOST_WORKLOADS.filter(
    ({ name }) => options.workload.length === 0 || options.workload.includes(name),
  );
  if (workloads.length === 0) return [];
  const contestants = await hostLineUp(folder, options.wasm, print);
  try {
    const rows: Row[] = [];
    for (const workload of workloads) rows.push(...(await measureWorkload(contestants, workload, roundCount, folder)));
    return rows;
  } finally {
    for (const contestant of contestants) contestant.end();
  }
}

async function measureWorkload(
  contestants: readonly Contestant[],
  workload: HostWorkload,
  roundCount: number,
  folder: string,
): Promise<Row[]> {
  const tunneled = tunneledFrame();
  const answer = answerFrame();
  for (const contestant of contestants) await contestant.prepareHost(workload, tunneled, answer);
  const frameBytes = (workload.direction === 'deliver' ? tunneled : answer).length;
  return measurePrepared(contestants, { ...workload, frameBytes }, roundCount, folder);
}

/** The host agent in Node, of each build, and C. */
async function hostLineUp(
  folder: string,
  builds: readonly string[],
  print: (line: string) => void,
): Promise<Contestant[]> {
  const tables = join(folder, 'host-tables');
  writeFileSync(tables, encodeHostTables(await programmedHost(muxModule, hostProgram())));
  const core = canPin(CORE) ? CORE : undefined;
  const started = [MUX_WASM, ...builds].map((wasm, at) => {
    const command = [...NODE_COMMAND, CHILD, 'edgemux-host', tables, wasm];
    return new Contestant(at === 0 ? 'edgemux-host' : basename(wasm, '.wasm'), processChannel(command, core));
  });
  const native = buildNative(join(folder, 'host'), HOST_SOURCES);
  if ('missing' in native) print(`no row for the host agent in C: ${native.missing}`);
  else started.push(new Contestant('c-host', processChannel([native.path, tables], core)));
  return started;
}
