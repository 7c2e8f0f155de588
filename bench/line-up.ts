/** Who takes part: the MUX in each runtime that is there, and those it is compared with. */
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import muxModule from 'edgemux/mux-module';
import { processChannel } from './channel.js';
import { Contestant } from './contestant.js';
import { buildNative } from './native.js';
import { programmed } from './programmed.js';
import { benchProgram } from './scenario.js';
import { encodeTables } from './tables.js';
import { workerdChannel } from './workerd.js';

/** Who is to take part beside the MUX in Node, C and JavaScript. */
export interface LineUpOptions {
  /** Other builds of the data plane; the JavaScript contestants then stay away. */
  readonly wasm: readonly string[];
  readonly deno?: string | undefined;
  readonly workerd?: string | undefined;
}

export const MUX_WASM = fileURLToPath(new URL('../mux.wasm', import.meta.url));
export const CHILD = fileURLToPath(new URL('js/child.js', import.meta.url));

/** A collector that works on beyond the slice of the one whose garbage it collects would slow down the next. */
export const NODE_COMMAND = [process.execPath, '--single-threaded-gc'];

/** The last core of two: the first one tends to be busy with interrupts. */
export const CORE = '1';

/** Whether a process can be kept on one core. */
export function canPin(core: string): boolean {
  return spawnSync('taskset', ['-c', core, 'true']).status === 0;
}

/** Starts everybody; those who are missing are named by `print`. */
export async function lineUp(
  folder: string,
  options: LineUpOptions,
  print: (line: string) => void,
): Promise<Contestant[]> {
  const tables = join(folder, 'tables');
  writeFileSync(tables, encodeTables(await programmed(muxModule, benchProgram())));
  const core = canPin(CORE) ? CORE : undefined;
  if (core === undefined) print('no taskset or no second core: nothing is pinned');

  const inNode = (name: string, as: string, ...more: string[]) =>
    new Contestant(as, processChannel([...NODE_COMMAND, CHILD, name, tables, ...more], core));
  const started = [inNode('edgemux', 'edgemux', MUX_WASM)];
  for (const wasm of options.wasm) started.push(inNode('edgemux', basename(wasm, '.wasm'), wasm));
  const native = buildNative(join(folder, 'mux'));
  if ('missing' in native) {
    print(`no row for C: ${native.missing}`);
  } else {
    print(`C: ${native.compiler}`);
    started.push(new Contestant('c', processChannel([native.path, tables], core)));
  }
  if (options.wasm.length > 0) return started;

  started.push(inNode('js-typed', 'js-typed'), inNode('js-idiomatic', 'js-idiomatic'));
  const deno = installed('deno', options.deno);
  if (deno === undefined) print(missing('deno'));
  else {
    const command = [deno, 'run', '--allow-all', CHILD, 'edgemux', tables, MUX_WASM];
    started.push(new Contestant('edgemux-deno', processChannel(command, core)));
  }
  const workerd = installed('workerd', options.workerd);
  if (workerd === undefined) print(missing('workerd'));
  else started.push(new Contestant('edgemux-workerd', await workerdChannel(workerd, MUX_WASM, folder, core)));
  return started;
}

function installed(name: string, path: string | undefined): string | undefined {
  const wanted = path ?? fileURLToPath(new URL(`../../node_modules/.bin/${name}`, import.meta.url));
  return existsSync(wanted) ? wanted : undefined;
}

function missing(name: string): string {
  return `no row for ${name}: npm install --no-save ${name}, or --${name} PATH`;
}
