/** The `edgemux` command as a user has it: a process with arguments, standard input, and two outputs. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

export const CLI = fileURLToPath(new URL('../../dist/sdk/appliance/edgemux.js', import.meta.url));
/** The example that comes with edgemux. */
export const FABRIC = fileURLToPath(new URL('../../examples/two-hosts.fabric.json', import.meta.url));

/** The other one: both families, outbound NAT, instance-level addresses, an internal VIP. */
export const DUAL_STACK = fileURLToPath(new URL('../../examples/dual-stack.fabric.json', import.meta.url));

const OUTPUT_BYTES_MAX = 64 << 20;

/** How a run ended. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command; `input` is its standard input, by default empty. */
export function edgemux(args: readonly string[], input: Uint8Array | string = ''): Outcome {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [CLI, ...args], {
    input,
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  if (error) throw error;
  return { status, stdout, stderr };
}

/** Runs the command with `--json` and gives what it says; it has to succeed. */
// biome-ignore lint/suspicious/noExplicitAny: the tests say what is in it.
export function edgemuxJson(args: readonly string[], input?: Uint8Array | string): any {
  const { status, stdout, stderr } = edgemux([...args, '--json'], input);
  if (status !== 0) throw new Error(`edgemux ${args.join(' ')}: exit code ${status}\n${stdout}${stderr}`);
  return JSON.parse(stdout);
}

/** Paths in a folder that is there for the tests of one file. */
export function temporaryFolder(): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'edgemux-test-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  return (name) => join(folder, name);
}
