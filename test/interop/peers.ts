/** The programs of others that judge edgemux: scapy (through oracle.py) and Wireshark's tshark and editcap. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Distributions install scapy for their own Python. */
const PYTHON = '/usr/bin/python3';
const ORACLE = fileURLToPath(new URL('oracle.py', import.meta.url));

const NEEDED = [
  { name: 'scapy', args: [PYTHON, '-c', 'import scapy.all'] },
  { name: 'tshark', args: ['tshark', '--version'] },
  { name: 'editcap', args: ['editcap', '--version'] },
];

const missing = NEEDED.filter(({ args: [command = '', ...args] }) => spawnSync(command, args).status !== 0);

/** Whether a peer is not installed; the tests are then skipped, and the reason printed. */
export const arePeersMissing = missing.length > 0;
if (arePeersMissing) console.warn(`skipped: ${missing.map(({ name }) => name).join(', ')} not installed`);

/** Asks the oracle; its docstring lists the questions. */
// biome-ignore lint/suspicious/noExplicitAny: the tests say what is in the answer.
export function oracle(...args: readonly string[]): any {
  return JSON.parse(
    run(PYTHON, ['-B', ORACLE, ...args])
      .trim()
      .split('\n')
      .at(-1) ?? '',
  );
}

/** A field of a frame → what the oracle says is wrong with it. */
export interface Verdict {
  readonly frames: number;
  readonly wrong: Readonly<Record<string, readonly string[]>>;
}

const BAD = ['_ws.malformed', ...['ip', 'tcp', 'udp'].map((protocol) => `${protocol}.checksum.status == 0`)].join(
  ' || ',
);

/**
 * The frames of a capture that Wireshark finds malformed or whose checksums it finds wrong, one line each.
 *
 * @param withoutProtocols application protocols not to look into, where payloads are not what ports promise
 */
export function complaints(capture: string, withoutProtocols: readonly string[] = []): string[] {
  const checked = ['ip', 'tcp', 'udp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]);
  const blind = withoutProtocols.flatMap((protocol) => ['--disable-protocol', protocol]);
  return run('tshark', ['-r', capture, ...checked, ...blind, '-Y', BAD])
    .split('\n')
    .filter(Boolean);
}

/** The frames of a capture that match a display filter. */
export function frameCount(capture: string, filter: string): number {
  return run('tshark', ['-r', capture, '-Y', filter]).split('\n').filter(Boolean).length;
}

/** Rewrites a capture as pcapng. */
export function toPcapng(from: string, to: string): void {
  run('editcap', ['-F', 'pcapng', from, to]);
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 16 << 20 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
