/** `edgemux demo`: the whole fabric in one process. */
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Command } from 'commander';
import type { FieldChange } from '../../packet/index.js';
import { type DemoReport, type EventReport, runDemo, type WalkHop } from '../demo/demo.js';
import { attempt, readFabricFile, writeOutput } from '../files.js';
import { fileName, print, printJson, wholeNumber } from '../output.js';
import { styled } from '../terminal.js';

interface DemoOptions {
  readonly connections: number;
  readonly pcap?: string;
  readonly json?: boolean;
}

const FABRIC_DEFAULT = 'edgemux/examples/two-hosts.fabric.json';

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'Run a whole fabric in this process: follow one request hop by hop, then lose a MUX and move a VM while thousands of connections are open, and count those that break.',
    )
    .argument('[fabric]', 'fabric file (default: the example that comes with edgemux)')
    .option('--connections <count>', 'connections to open', wholeNumber(1), 3000)
    .option('--pcap <dir>', 'write what crossed each link to a pcap file there', fileName)
    .option('--json', 'print { walk, connections, broken: { muxLoss, vmMove }, delayed: { … } } as JSON')
    .action(demo);
}

async function demo(path: string | undefined, options: DemoOptions): Promise<void> {
  const fabric = await readFabricFile(path ?? createRequire(import.meta.url).resolve(FABRIC_DEFAULT));
  const { connections, pcap: directory, json } = options;
  if (directory !== undefined) await attempt('write', directory, () => mkdir(directory, { recursive: true }));
  const onStage = (stage: string) => process.stderr.isTTY && process.stderr.write(`${stage} …\n`);
  const report = await runDemo(fabric, { connections, capture: directory !== undefined, onStage });
  if (directory !== undefined) await writeCaptures(directory, report);
  if (json) printJson(jsonOf(report));
  else printReport(report, directory);
}

async function writeCaptures(directory: string, { captures }: DemoReport): Promise<void> {
  for (const [link, parts] of captures) await writeOutput(join(directory, `${link}.pcap`), Buffer.concat(parts));
}

function jsonOf({ walk, connections, muxLoss, vmMove }: DemoReport): object {
  return {
    walk,
    connections,
    broken: { muxLoss: muxLoss.broken, vmMove: vmMove.broken },
    delayed: { muxLoss: muxLoss.delayed, vmMove: vmMove.delayed },
  };
}

function printReport(report: DemoReport, directory: string | undefined): void {
  print(styled('bold', 'One connection, hop by hop'));
  report.walk.forEach((hop, index) => {
    printHop(index + 1, hop);
  });
  print('');
  print(styled('bold', `${report.connections} connections`));
  printEvent(report, report.muxLoss);
  printEvent(report, report.vmMove);
  if (directory !== undefined)
    print(`\nCaptures: ${[...report.captures.keys()].map((link) => join(directory, `${link}.pcap`)).join(' ')}`);
}

function printHop(number: number, { from, to, action, frame, changed }: WalkHop): void {
  print('');
  print(`${styled('bold', `${number}. ${from} → ${to}`)}  ${action}`);
  print(`   ${styled('dim', frame)}`);
  const added = changed.filter(({ before }) => before === undefined);
  const removed = changed.filter(({ after }) => after === undefined);
  for (const change of changed) if (change.before !== undefined && change.after !== undefined) printChange(change);
  if (added.length > 0) print(`   ${styled('green', '+')} ${headersOf(added)}`);
  if (removed.length > 0) print(`   ${styled('red', '-')} ${headersOf(removed)}`);
}

function printChange({ field, before, after }: FieldChange): void {
  const values = field.endsWith('hecksum') ? [hex(before), hex(after)] : [before, after];
  print(`   ${field.padEnd(24)} ${styled('red', String(values[0]))} → ${styled('green', String(values[1]))}`);
}

/** The headers that a set of fields belongs to: `outer.ipv4, outer.udp, outer.vxlan`. */
function headersOf(changes: readonly FieldChange[]): string {
  return [...new Set(changes.map(({ field }) => field.slice(0, field.lastIndexOf('.'))))].join(', ');
}

function hex(value: string | number | undefined): string {
  return `0x${Number(value).toString(16).padStart(4, '0')}`;
}

function printEvent({ connections }: DemoReport, { event, delayed, broken }: EventReport): void {
  const style = broken === 0 ? 'green' : 'red';
  print(`  ${event}:`);
  print(`    ${styled(style, `${broken} of ${connections} broken`)}, ${delayed} answered after sending again`);
}
