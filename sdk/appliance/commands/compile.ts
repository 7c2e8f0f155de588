/** `edgemux compile`: the program of one MUX or host. */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { decodeProgram, diffPrograms, encodeProgram, type Program, type ProgramDiff } from '../../program/index.js';
import { attempt, checkOutputIsNoInput, writeOutput } from '../files.js';
import { besides, counted, fileName, print, printJson } from '../output.js';
import { type MachineOptions, programFor, withMachineOptions } from './machine.js';

interface CompileOptions extends MachineOptions {
  readonly output?: string;
  readonly against?: string;
  readonly json?: boolean;
}

export function compileCommand(): Command {
  return withMachineOptions(new Command('compile'))
    .description('Compile a fabric for one MUX or host, and print the digest of the program.')
    .argument('<fabric>', 'fabric file, or - for standard input')
    .option('-o, --output <file>', 'write the program there; - for standard output', fileName)
    .option('--against <file>', 'show what differs from a program that was written earlier', fileName)
    .option('--json', 'print the whole program as JSON')
    .action(compileFabric);
}

async function compileFabric(path: string, options: CompileOptions): Promise<void> {
  if (options.output !== undefined) await checkOutputIsNoInput(options.output, path);
  const program = await programFor(path, options);
  const bytes = encodeProgram(program);
  const { against } = options;
  const before =
    against === undefined ? undefined : decodeProgram(await attempt('read', against, () => readFile(against)));
  const diff = before && diffPrograms(before, program);
  if (options.output !== undefined) await writeOutput(options.output, bytes);
  const to = besides(options.output);
  if (options.json) {
    printJson({ ...program, bytes: bytes.length, ...(diff && { diff }) }, to);
    return;
  }
  print(`${program.kind} ${program.id}: ${contentsOf(program)}, ${bytes.length} bytes`, to);
  print(`sha256:${program.digest}`, to);
  if (diff) for (const line of linesOf(diff)) print(line, to);
}

function contentsOf(program: Program): string {
  const contents: readonly [list: readonly unknown[] | undefined, singular: string][] =
    program.kind === 'mux'
      ? [
          [program.vips, 'VIP'],
          [program.services, 'service'],
          [program.rings, 'ring'],
          [program.backends, 'backend'],
          [program.snatRanges, 'SNAT range'],
        ]
      : [
          [program.nics, 'NIC'],
          [program.translations, 'translation'],
          [program.snatRules, 'SNAT rule'],
          [program.exemptions, 'exemption'],
        ];
  return contents.flatMap(([list, singular]) => (list ? [counted(list.length, singular)] : [])).join(', ');
}

function linesOf({ machine, members }: ProgramDiff): string[] {
  const lines = Object.entries(members).flatMap(([kind, { added, removed, changed }]) => [
    ...added.map((key) => `+ ${kind} ${key}`),
    ...removed.map((key) => `- ${kind} ${key}`),
    ...changed.map((key) => `~ ${kind} ${key}`),
  ]);
  lines.unshift(...machine.map((name) => `~ machine ${name}`));
  return lines.length === 0 ? ['no difference'] : lines;
}
