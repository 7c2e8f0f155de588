/** Labs of the tests: `edgemux lab` as a process, under names of their own, which go also when a test run was killed. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll } from 'vitest';
import type { CheckedRow } from '../../../sdk/appliance/lab/checks/check.js';
import { canMakeNamespaces } from '../../../sdk/appliance/lab/namespaces.js';
import { installLine, missingOf, NEEDED_BY_ALL, needed } from '../../../sdk/appliance/lab/needs.js';
import { CLI, edgemux, type Outcome } from '../../appliance/cli.js';

const RUN = '/run/edgemux-lab';
const NEEDED = [
  ...NEEDED_BY_ALL,
  ...needed('curl', 'curl'),
  ...needed('tcpdump', 'tcpdump'),
  ...needed('nftables', 'nft'),
];

/** Why no lab can be built here, whatever routes in it; `undefined` when one can. */
export function whyNoLab(): string | undefined {
  if (!canMakeNamespaces()) return 'network namespaces take Linux and its root';
  const missing = missingOf(NEEDED);
  return missing.length > 0 ? installLine(missing) : undefined;
}

let labCount = 0;

/** A name for a lab of this process. */
export function labName(): string {
  return `emx-${process.pid}-l${++labCount}`;
}

/** Removes the labs of this file when its tests are over, and before them what a run before has left. */
export function cleanUp(): void {
  beforeAll(() => removeLabs((pid) => !existsSync(`/proc/${pid}`)));
  afterAll(() => removeLabs((pid) => pid === process.pid));
}

function removeLabs(isOurs: (pid: number) => boolean): void {
  if (!existsSync(RUN)) return;
  for (const name of readdirSync(RUN)) {
    const pid = /^emx-(\d+)-l\d+$/.exec(name)?.[1];
    if (pid !== undefined && isOurs(Number(pid))) lab('down', '--name', name);
  }
}

/** Runs `edgemux lab`. */
export function lab(...args: readonly string[]): Outcome {
  return edgemux(['lab', ...args]);
}

/** Starts `edgemux lab` and leaves it running; it answers to signals. */
export function startLab(...args: readonly string[]) {
  return spawn(process.execPath, [CLI, 'lab', ...args], { stdio: 'ignore' });
}

/** What `lab test --json` says. */
export interface LabReport {
  readonly checks: readonly CheckedRow[];
  readonly failed: number;
}

/** Runs `lab test` in a lab of its own; prints its table. */
export function testLab(...args: readonly string[]): LabReport {
  const { stdout, stderr } = lab('test', '--name', labName(), '--json', ...args);
  const report = JSON.parse(stdout);
  if (report.error) throw new Error(`${report.error.message}\n${stderr}`);
  const lines = (report as LabReport).checks.map(
    ({ name, outcome, text }) => `${outcome.padEnd(9)}${name.padEnd(52)}${text}`,
  );
  console.log(`lab test ${args.join(' ')}\n${lines.join('\n')}`);
  return report;
}

/** The namespaces there are whose names begin with this. */
export function namespacesOf(name: string): string[] {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  return stdout.split('\n').flatMap((line) => (line.startsWith(`${name}-`) ? [line.split(' ')[0] as string] : []));
}
