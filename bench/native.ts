/** The yardsticks' executables: compiled from `bench/native` with the better of the compilers that are there. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MUX_SOURCES = ['mux.c', 'tables.c', 'tables_file.c', 'ring.c', 'commands.c', 'main.c'];
export const HOST_SOURCES = ['host.c', 'host_tables.c', 'tables_file.c', 'commands.c', 'host_main.c'];
const FLAGS = ['-std=gnu11', '-O3', '-march=native', '-Wall', '-Wextra'];
/** clang first: gcc 12 spills words in the staged loop and pays 6 ns per packet for it. */
const COMPILERS = ['clang', 'gcc', 'cc'];

const sourceFolder = fileURLToPath(new URL('../../bench/native/', import.meta.url));

/** The path of the executable and the compiler's name, or the reason why there is none. */
export type Native = { readonly path: string; readonly compiler: string } | { readonly missing: string };

export function buildNative(path: string, sources: readonly string[] = MUX_SOURCES): Native {
  const compiler = COMPILERS.find((name) => spawnSync(name, ['--version']).status === 0);
  if (compiler === undefined) return { missing: `no C compiler (${COMPILERS.join(', ')}) on this machine` };
  const parameters = [...FLAGS, '-o', path, ...sources.map((name) => sourceFolder + name)];
  const { status, stderr } = spawnSync(compiler, parameters, { encoding: 'utf8' });
  return status === 0 ? { path, compiler: `${compiler} ${FLAGS.slice(1, 3).join(' ')}` } : { missing: stderr };
}
