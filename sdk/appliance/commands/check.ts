/** `edgemux check`: is this fabric sound? */
import { Command } from 'commander';
import { EdgemuxError, formatProblem, type Problem } from '../../errors.js';
import { compile } from '../../program/index.js';
import { type Fabric, Membership, notesOf, ResourceIndex } from '../../resources/index.js';
import { readFabricFile } from '../files.js';
import { counted, Failed, note, print, printJson, warn } from '../output.js';
import { styled } from '../terminal.js';

export function checkCommand(): Command {
  return new Command('check')
    .description('Validate a fabric file: every problem with its path. Exit code 1 when there is one.')
    .argument('<fabric>', 'fabric file, or - for standard input')
    .option('--json', 'print { valid, code, problems, ignored, notes, counts } as JSON')
    .action(check);
}

async function check(path: string, options: { json?: boolean }): Promise<void> {
  try {
    const fabric = await readFabricFile(path);
    compile(fabric);
    const counts = countsOf(fabric);
    const notes = notesOf(fabric);
    if (options.json) {
      printJson({ valid: true, problems: [], ignored: fabric.ignored, notes, counts });
      return;
    }
    for (const ignored of fabric.ignored) warn(`${ignored} means nothing to edgemux and was ignored`);
    for (const { path: place, text } of notes) note(`${place} ${text}`);
    print(`${styled('green', 'ok')} ${path}: ${summaryOf(counts)}`);
  } catch (error) {
    if (!(error instanceof EdgemuxError)) throw error;
    reportProblems(path, error, options.json ?? false);
    throw new Failed();
  }
}

function reportProblems(path: string, error: EdgemuxError, asJson: boolean): void {
  const { code, problems } = error;
  const [message] = error.message.split('\n');
  if (asJson) {
    printJson({ valid: false, code, message, problems, ignored: [], notes: [] });
    return;
  }
  process.stderr.write(`${path}: ${message}\n${problems.map(problemLine).join('')}`);
}

function problemLine(problem: Problem): string {
  return `  ${formatProblem(problem)}\n`;
}

type Counts = Readonly<Record<'hosts' | 'muxes' | 'vips' | 'rules' | 'dips' | 'instanceAddresses', number>>;

function countsOf(fabric: Fabric): Counts {
  const index = new ResourceIndex(fabric);
  return {
    hosts: fabric.servers.length,
    muxes: fabric.loadBalancerMuxes.length,
    vips: index.all('frontendIPConfiguration').length,
    rules:
      index.all('loadBalancingRule').length + index.all('inboundNatRule').length + index.all('outboundNatRule').length,
    dips: index.all('ipConfiguration').length,
    instanceAddresses: new Membership(index).withInstanceAddress.length,
  };
}

function summaryOf({ hosts, muxes, vips, rules, dips, instanceAddresses }: Counts): string {
  return [
    counted(hosts, 'host'),
    counted(muxes, 'MUX', 'MUXes'),
    counted(vips, 'frontend'),
    counted(rules, 'rule'),
    counted(dips, 'DIP'),
    ...(instanceAddresses > 0
      ? [counted(instanceAddresses, 'instance-level address', 'instance-level addresses')]
      : []),
  ].join(', ');
}
