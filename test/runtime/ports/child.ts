/** Ports in a process of their own, in the namespace of the test: one with fewer privileges, or one that is killed. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AttachOptions } from '../../../sdk/runtime/node/ports/types.js';
import type { FrameSelection } from '../../../sdk/runtime/packet-port.js';

const ports = new URL('../../../dist/sdk/runtime/node/ports/', import.meta.url).pathname;

/** Attaches to each port, selects, tells how that went, and stays when it is asked to. */
const SCRIPT = `
  const { attachPort } = await import('${ports}attach-port.js');
  const { parsePortSpec } = await import('${ports}port-spec.js');
  const { openPassDevice } = await import('${ports}device-attachment.js');
  const { texts, options, selection, stays } = JSON.parse(process.argv[1]);
  const outcomes = {};
  for (const text of texts) {
    try {
      const attachment = text === 'pass' ? openPassDevice() : await attachPort(parsePortSpec(text), options);
      attachment.select(selection);
      outcomes[text] = ['works', ...attachment.notes].join('; ');
    } catch (error) { outcomes[text] = error.code + ': ' + error.message; }
  }
  console.log(JSON.stringify(outcomes));
  if (stays) setInterval(() => {}, 1000);
`;

export interface ChildTask {
  readonly texts: readonly string[];
  readonly options: AttachOptions;
  readonly selection: FrameSelection;
}

function argumentsOf(task: ChildTask, stays: boolean): string[] {
  return ['--input-type=module', '-e', SCRIPT, JSON.stringify({ ...task, stays })];
}

/** What becomes of each port in a process of `nobody` that has no other capabilities than these: `net_raw`. */
export function outcomesFor(capabilities: readonly string[], task: ChildTask): Record<string, string> {
  const list = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  const drop = ['--reuid=65534', '--regid=65534', '--clear-groups', `--inh-caps=${list}`, `--ambient-caps=${list}`];
  const command = [...drop, '--', process.execPath, ...argumentsOf(task, false)];
  return JSON.parse(execFileSync('setpriv', command, { encoding: 'utf8' }));
}

/** A process that has opened the ports and keeps them. */
export async function startHolder(task: ChildTask): Promise<{ child: ChildProcess; outcomes: Record<string, string> }> {
  const child = spawn(process.execPath, argumentsOf(task, true), { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  return { child, outcomes: JSON.parse(line) };
}
