/** What the lab runs that others have made, which package has it, and what of it is missing here. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** A program by its name in PATH, or by its path where it is not there. */
export interface NeededProgram {
  readonly program: string;
  readonly package: string;
  /** Whose package it is. */
  readonly installer: 'apt-get' | 'npm';
}

/** Programs of one package of Debian. */
export function needed(debianPackage: string, ...programs: readonly string[]): readonly NeededProgram[] {
  return programs.map((program) => ({ program, package: debianPackage, installer: 'apt-get' }));
}

/** Programs of one package of npm. */
export function neededFromNpm(npmPackage: string, ...programs: readonly string[]): readonly NeededProgram[] {
  return programs.map((program) => ({ program, package: npmPackage, installer: 'npm' }));
}

/** What every lab needs. */
export const NEEDED_BY_ALL: readonly NeededProgram[] = [...needed('iproute2', 'ip'), ...needed('procps', 'sysctl')];

/** Where programs are; root of some systems has a PATH without those of administrators. */
export function searchPath(): string {
  return [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean).join(':');
}

/** The programs that are not installed. */
export function missingOf(needs: readonly NeededProgram[]): readonly NeededProgram[] {
  return needs.filter(({ program }) => !isInstalled(program));
}

/** The line that installs them: `apt-get install bird2 curl`. */
export function installLine(missing: readonly NeededProgram[]): string {
  const lines = [
    ['apt-get', 'apt-get install'],
    ['npm', 'npm install --global'],
  ].flatMap(([installer, command]) => {
    const packages = missing.filter((program) => program.installer === installer).map((program) => program.package);
    return packages.length === 0 ? [] : [`${command} ${[...new Set(packages)].sort().join(' ')}`];
  });
  return lines.join(' && ');
}

function isInstalled(program: string): boolean {
  if (program.includes('/')) return existsSync(program);
  return searchPath()
    .split(':')
    .some((folder) => existsSync(join(folder, program)));
}
