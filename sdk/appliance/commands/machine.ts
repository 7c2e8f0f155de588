/** The options that say whose program is meant, shared by the commands that need one. */
import type { Command } from 'commander';
import { type CompiledFabric, compile, type Program } from '../../program/index.js';
import { readFabricFile } from '../files.js';
import { UsageError } from '../output.js';

/** Whose program: exactly one of the two. */
export interface MachineOptions {
  readonly mux?: string;
  readonly host?: string;
}

/** Adds `--mux` and `--host`, of which one must be given. */
export function withMachineOptions(command: Command): Command {
  return command
    .option('--mux <id>', 'resourceId of a load balancer MUX')
    .option('--host <id>', 'resourceId of a server');
}

/** Reads and compiles a fabric for the machine the options name. */
export async function programFor(path: string, options: MachineOptions): Promise<Program> {
  return (await machineOf(path, options)).program;
}

/** The same, with the fabric the machine is in. */
export async function machineOf(
  path: string,
  { mux, host }: MachineOptions,
): Promise<{ readonly program: Program; readonly fabric: CompiledFabric }> {
  if ((mux === undefined) === (host === undefined)) throw new UsageError('give one of --mux ID and --host ID');
  const fabric = compile(await readFabricFile(path));
  return { program: mux === undefined ? fabric.forHost(host as string) : fabric.forMux(mux), fabric };
}
