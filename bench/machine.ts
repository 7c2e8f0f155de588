/** Where a figure was measured: without it a figure says nothing. */
import { execFileSync } from 'node:child_process';
import { cpus, release } from 'node:os';

export interface Machine {
  readonly machine: string;
  readonly runtime: string;
  readonly commit: string;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    machine: `${processors.length} × ${processors[0]?.model.trim()}, Linux ${release()}`,
    runtime: `Node ${process.versions.node}, V8 ${process.versions.v8}`,
    commit: commitOf(),
  };
}

function commitOf(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}
