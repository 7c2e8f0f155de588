/** What the bench takes beside Node, and the line that installs it. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

interface Program {
  readonly name: string;
  readonly package: string;
}

const PROGRAMS: readonly Program[] = [
  { name: 'ip', package: 'iproute2' },
  { name: 'ethtool', package: 'ethtool' },
  { name: 'taskset', package: 'util-linux' },
  { name: 'gcc', package: 'gcc libc6-dev' },
];

/** Of the part that measures requests. */
export const REQUEST_PROGRAMS: readonly Program[] = [
  { name: 'nginx', package: 'nginx-light' },
  { name: 'wrk', package: 'wrk' },
];

/** One line that says why the bench cannot run here; `undefined` when it can. */
export function whatIsMissing(): string | undefined {
  if (process.platform !== 'linux') return `it takes Linux, and this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'it makes network namespaces, which takes root';
  if (spawnSync('taskset', ['-c', '1', 'true']).status !== 0) return 'it takes two cores: one sends, one forwards';
  return missingPrograms(PROGRAMS);
}

export function missingPrograms(programs: readonly Program[]): string | undefined {
  const missing = programs.filter(({ name }) => !isInstalled(name));
  if (missing.length === 0) return undefined;
  const names = missing.map(({ name }) => name).join(', ');
  return `there is no ${names}: apt-get install ${missing.map((program) => program.package).join(' ')}`;
}

function isInstalled(name: string): boolean {
  const folders = (process.env.PATH ?? '').split(':').concat('/usr/sbin', '/sbin');
  return folders.some((folder) => existsSync(`${folder}/${name}`));
}
