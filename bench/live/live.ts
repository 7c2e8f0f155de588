/**
 * `npm run bench:live`: what edgemux costs on real interfaces, beside C that makes the same system calls and beside the
 * kernel itself, all in the same rounds. It runs as root, in network namespaces of its own.
 *
 *   node dist/bench/live/live.js [--rounds 12] [--quick] [--only PART] [--port KIND…] [--json]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import muxModule from 'edgemux/mux-module';
import { compile, parseFabric } from '../../sdk/index.js';
import { describeMachine } from '../machine.js';
import { buildNative } from '../native.js';
import { programmed } from '../programmed.js';
import { encodeTables } from '../tables.js';
import { FRAME_SIZES, liveFabric, MUX } from './fabric.js';
import { startGenerator } from './generator.js';
import { makeGeneratorPlace, makePlace, removeNetworks } from './network.js';
import { measurePackets } from './packets.js';
import { whatIsMissing } from './requirements.js';
import type { LiveRow } from './slices.js';
import {
  type PortKind,
  type Subject,
  standIn,
  startEdgemux,
  startYardstick,
  stop,
  type Yardsticks,
} from './subjects.js';

const PORTS: readonly PortKind[] = ['xdp', 'packet', 'tun'];
const ROUNDS_QUICK = 3;

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '12' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    port: { type: 'string', multiple: true, default: [] },
  },
});
const roundCount = options.quick ? ROUNDS_QUICK : Number(options.rounds);
const ports = PORTS.filter((port) => options.port.length === 0 || options.port.includes(port));
const print = options.json ? () => {} : console.log;

const missing = whatIsMissing();
if (missing !== undefined) {
  console.error(`bench:live: ${missing}`);
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), 'edgemux-bench-'));
const subjects: Subject[] = [];
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
process.once('exit', cleanUp);

const machine = describeMachine();
print(`${machine.machine}\n${machine.runtime}, commit ${machine.commit}`);
const rows = await packets();
if (options.json) console.log(JSON.stringify({ ...machine, rows }, null, 2));
process.exit(0);

async function packets(): Promise<LiveRow[]> {
  const yardsticks = await buildYardsticks();
  makeGeneratorPlace();
  const fabric = join(folder, 'fabric.json');
  writeFileSync(fabric, JSON.stringify(liveFabric()));
  const edgemux = {
    command: [process.execPath, fileURLToPath(new URL('../../sdk/appliance/edgemux.js', import.meta.url))],
    fabric,
  };
  let at = 0;
  subjects.push(standIn(makePlace(at++)));
  for (const port of ports) {
    subjects.push(await startYardstick(port, makePlace(at++), yardsticks));
    if (process.env.NO_EDGEMUX === undefined) subjects.push(await startEdgemux(port, makePlace(at++), edgemux));
  }
  const generator = startGenerator(
    join(folder, 'generate'),
    subjects.map(({ place }) => place.generatorLink),
  );
  const sizes = options.quick ? FRAME_SIZES.slice(0, 1) : FRAME_SIZES;
  const measured = await measurePackets(subjects, generator, roundCount, sizes);
  generator.end();
  for (const row of measured) print(lineOf(row));
  return measured;
}

/** The executables, and the tables that edgemux would make of the fabric. */
async function buildYardsticks(): Promise<Yardsticks> {
  const mux = ['mux.c', 'tables.c', 'tables_file.c'];
  const live = (names: readonly string[]) => names.map((name) => `../live/native/${name}`);
  build('generate', [...live(['generate.c', 'bpf.c']), 'commands.c']);
  build('xdp', [...live(['xdp.c', 'port.c', 'bpf.c']), ...mux]);
  for (const port of ['packet', 'tun']) build(port, [...live([`${port}.c`, 'messages.c', 'port.c', 'bpf.c']), ...mux]);
  const tables = join(folder, 'tables');
  const program = compile(parseFabric(liveFabric())).forMux(MUX);
  writeFileSync(tables, encodeTables(await programmed(muxModule, program)));
  const [xdp, packet, tun] = PORTS.map((port) => join(folder, port));
  return { executables: { xdp, packet, tun }, tables };
}

function build(name: string, sources: readonly string[]): void {
  const built = buildNative(join(folder, name), sources);
  if ('missing' in built) throw new Error(built.missing);
}

function cleanUp(): void {
  for (const subject of subjects) stop(subject);
  removeNetworks();
  rmSync(folder, { recursive: true, force: true });
}

function lineOf(row: LiveRow): string {
  const ratio = (value: number | null) => (value === null ? '' : `×${value.toFixed(2)}`).padStart(8);
  return [
    String(row.frameBytes).padStart(5),
    `  ${row.subject.padEnd(8)}${(row.port ?? '').padEnd(7)}`,
    `${row.processUs.toFixed(2).padStart(7)} + ${row.kernelUs.toFixed(2)} µs`,
    `${Math.round(row.perCore / 1000)} k/s`.padStart(11),
    `${Math.round(row.perSecond / 1000)} k/s`.padStart(11),
    `${(100 * row.lossShare).toFixed(2)} %`.padStart(9),
    ratio(row.ratioToC),
    ratio(row.ratioToKernel),
  ].join('');
}
