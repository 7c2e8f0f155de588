/** Builds what is measured: places, executables, tables, and the MUXes at their places. */
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import muxModule from 'edgemux/mux-module';
import { compile, parseFabric } from '../../sdk/index.js';
import { buildNative } from '../native.js';
import { programmed } from '../programmed.js';
import { encodeTables } from '../tables.js';
import { liveFabric, MUX } from './fabric.js';
import { type Generator, startGenerator } from './generator.js';
import { makeGeneratorPlace, makePlace } from './network.js';
import { type PortKind, type Subject, standIn, startEdgemux, startYardstick, type Yardsticks } from './subjects.js';

export const PORTS: readonly PortKind[] = ['xdp', 'packet', 'tun'];

/** Who is to take part. */
export interface LineUpOptions {
  readonly ports: readonly PortKind[];
  /** Folders of other builds of edgemux. */
  readonly against: readonly string[];
}

/** In the folder of a package. */
const COMMAND = 'dist/sdk/appliance/edgemux.js';
const EDGEMUX = fileURLToPath(new URL(`../../../${COMMAND}`, import.meta.url));

const MUX_SOURCES = ['mux.c', 'tables.c', 'tables_file.c'];
const PORT_SOURCES = ['../live/native/port.c', '../live/native/bpf.c', ...MUX_SOURCES];

/** Every executable and its sources, as seen from the folder of those of the other bench. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  generate: ['../live/native/generate.c', '../live/native/bpf.c', 'commands.c'],
  ask: ['../live/native/ask.c', '../live/native/bpf.c'],
  xdp: ['../live/native/xdp.c', ...PORT_SOURCES],
  packet: ['../live/native/packet.c', '../live/native/messages.c', ...PORT_SOURCES],
  tun: ['../live/native/tun.c', '../live/native/messages.c', ...PORT_SOURCES],
};

/** Builds an executable and says where it is. */
export function build(name: string, folder: string): string {
  const path = join(folder, name);
  const built = buildNative(path, SOURCES[name]);
  if ('missing' in built) throw new Error(built.missing);
  return path;
}

/**
 * Starts the kernel's stand-in, and C and edgemux on each kind of port; puts each into `subjects` as soon as it runs, so that
 * whoever has to end them knows of them.
 */
export async function lineUp(
  subjects: Subject[],
  { ports, against }: LineUpOptions,
  folder: string,
): Promise<Generator> {
  const fabric = join(folder, 'fabric.json');
  writeFileSync(fabric, JSON.stringify(liveFabric()));
  const yardsticks = await buildYardsticks(folder);
  const builds = [
    { name: 'edgemux', path: EDGEMUX },
    ...against.map((path) => ({ name: basename(path), path: `${path}/${COMMAND}` })),
  ];
  makeGeneratorPlace();
  subjects.push(standIn(makePlace(0)));
  for (const port of ports) {
    subjects.push(await startYardstick(port, makePlace(subjects.length), yardsticks));
    for (const { name, path } of builds) {
      const edgemux = { name, command: [process.execPath, path], fabric };
      subjects.push(await startEdgemux(port, makePlace(subjects.length), edgemux));
    }
  }
  const links = subjects.map(({ place }) => place.generatorLink);
  return startGenerator(build('generate', folder), links);
}

/** The executables, and the tables that edgemux makes of the fabric. */
async function buildYardsticks(folder: string): Promise<Yardsticks> {
  const [xdp, packet, tun] = PORTS.map((port) => build(port, folder));
  const tables = join(folder, 'tables');
  const program = compile(parseFabric(liveFabric())).forMux(MUX);
  writeFileSync(tables, encodeTables(await programmed(muxModule, program)));
  return { executables: { xdp, packet, tun }, tables };
}
