/** The programs of others that judge edgemux: scapy (through oracle.py) and Wireshark's command line tools. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Distributions install scapy for their own Python. */
const PYTHON = '/usr/bin/python3';
const ORACLE = fileURLToPath(new URL('oracle.py', import.meta.url));
const MESSAGES = fileURLToPath(new URL('messages.py', import.meta.url));
const BGP_MESSAGES = fileURLToPath(new URL('bgp_messages.py', import.meta.url));

const NEEDED = [
  { name: 'scapy', args: [PYTHON, '-c', 'import scapy.all'] },
  { name: 'tshark', args: ['tshark', '--version'] },
  { name: 'editcap', args: ['editcap', '--version'] },
  { name: 'mergecap', args: ['mergecap', '--version'] },
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

/** Asks scapy what it would have answered in the place of a MUX; messages.py says how. */
export function judgeMessages(sent: string, received: string, mtu4: number, mtu6: number): unknown {
  return JSON.parse(run(PYTHON, ['-B', MESSAGES, sent, received, String(mtu4), String(mtu6)]));
}

/** Random BGP messages and BFD packets written by scapy, with what they say; bgp_messages.py describes them. */
// biome-ignore lint/suspicious/noExplicitAny: the test says what is in the answer.
export function scapyMessages(seed: number, count: number): any {
  return JSON.parse(run(PYTHON, ['-B', BGP_MESSAGES, String(seed), String(count)]));
}

/** A field of a frame → what the oracle says is wrong with it. */
export interface Verdict {
  readonly frames: number;
  readonly wrong: Readonly<Record<string, readonly string[]>>;
}

const BAD = ['_ws.malformed', ...['ip', 'tcp', 'udp'].map((protocol) => `${protocol}.checksum.status == 0`)].join(
  ' || ',
);
/** PI_WARN of Wireshark's epan/proto.h; errors are above it. */
const SEVERITY_WARNING = 0x600000;
const CHECKED = ['ip', 'tcp', 'udp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]);

/** The frames of a capture that Wireshark finds malformed, whose checksums it finds wrong, or that are not TCP. */
export function tcpComplaints(capture: string): string[] {
  return lines(run('tshark', ['-r', capture, ...CHECKED, '-Y', `${BAD} || !tcp`]));
}

/**
 * The frames of a capture that Wireshark finds malformed, or whose checksums it finds wrong, one line each; without a
 * look into payloads: those of the oracle are random bytes, whatever their ports promise.
 */
export function headerComplaints(capture: string): string[] {
  const blind = ['dns', 'http', 'tpkt', ...guessed()].flatMap((name) => ['--disable-protocol', name]);
  return lines(run('tshark', ['-r', capture, ...CHECKED, ...blind, '-Y', BAD]));
}

/** Protocols that Wireshark recognizes by the looks of a payload: now and then it believes in random bytes. */
function guessed(): string[] {
  const decodes = lines(run('tshark', ['-G', 'heuristic-decodes'])).map((line) => line.split('\t'));
  return decodes.flatMap(([parent, name = '']) => (parent === 'tcp' || parent === 'udp' ? [name] : []));
}

/** The frames of a capture that match a display filter. */
export function frameCount(capture: string, filter: string): number {
  return lines(run('tshark', ['-r', capture, '-Y', filter])).length;
}

/**
 * What an expert of Wireshark warns of or calls an error, checksums included, as `frame message`. Preferences are
 * options of tshark.
 */
export function warnings(capture: string, preferences: readonly string[] = []): string[] {
  const shown = ['-T', 'fields', '-e', 'frame.number', '-e', '_ws.expert.message'];
  const isWarned = ['-Y', `_ws.expert.severity >= ${SEVERITY_WARNING} || ${BAD}`];
  return lines(run('tshark', ['-r', capture, ...CHECKED, ...preferences, ...isWarned, ...shown]));
}

/**
 * The values of these fields in each frame, as Wireshark sees them; what occurs twice is joined by a comma. Preferences
 * as in `warnings`.
 */
export function fieldsOf(capture: string, fields: readonly string[], preferences: readonly string[] = []): string[][] {
  const shown = ['-T', 'fields', ...fields.flatMap((field) => ['-e', field])];
  const rows = run('tshark', ['-r', capture, ...CHECKED, ...preferences, ...shown])
    .replace(/\n$/, '')
    .split('\n');
  return rows.map((row) => row.split('\t'));
}

/** Rewrites a capture as pcapng. */
export function toPcapng(from: string, to: string): void {
  run('editcap', ['-F', 'pcapng', from, to]);
}

/** Merges captures into one pcapng, in which each keeps an interface of its own. */
export function merge(from: readonly string[], to: string): void {
  run('mergecap', ['-w', to, ...from]);
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 16 << 20 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

function lines(text: string): string[] {
  return text.split('\n').filter(Boolean);
}
