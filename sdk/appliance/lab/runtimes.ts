/** What runs the MUXes and host agents of a lab: Node, which runs the lab as well, or Deno. */
import { DENO_PERMISSIONS } from '../deno-permissions.js';
import { type NeededProgram, neededFromNpm } from './needs.js';
import { COMMAND_LINE } from './package-files.js';

/** The words for runtimes. */
export const RUNTIME_NAMES = ['node', 'deno'] as const;

/** The word for a runtime. */
export type RuntimeName = (typeof RUNTIME_NAMES)[number];

/** What a runtime is to a lab. */
export interface RoleRuntime {
  /** For people. */
  readonly name: string;
  readonly needs: readonly NeededProgram[];
  /** Whether MUXes may ask routers for BFD. */
  readonly hasBfd: boolean;
  /** What runs `edgemux` with these arguments. */
  command(args: readonly string[]): readonly string[];
  /** The same as people type it. */
  typed(args: readonly string[]): readonly string[];
}

/** A runtime by its word. Deno is the program in the environment variable EDGEMUX_DENO, or else `deno` in PATH. */
export function runtimeOf(name: RuntimeName): RoleRuntime {
  return name === 'node' ? node() : deno(process.env.EDGEMUX_DENO || 'deno');
}

function node(): RoleRuntime {
  return {
    name: 'Node',
    needs: [],
    hasBfd: true,
    command: (args) => [process.execPath, COMMAND_LINE, ...args],
    typed: (args) => ['edgemux', ...args],
  };
}

function deno(program: string): RoleRuntime {
  const command = (args: readonly string[]) => [
    program,
    'run',
    '--no-prompt',
    ...DENO_PERMISSIONS,
    COMMAND_LINE,
    ...args,
  ];
  return {
    name: 'Deno',
    needs: neededFromNpm('deno', program),
    hasBfd: false,
    command,
    typed: command,
  };
}
