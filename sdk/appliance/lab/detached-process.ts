/** A process of a lab: it outlives the command that started it, and any later command finds it by its record. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { environment } from './namespaces.js';
import { sleep, waitFor } from './wait.js';

/** What is kept of a process in the run folder. */
export interface ProcessRecord {
  /** Its name in the lab, other than those of the others: `mux-1`, `web-2`. */
  readonly name: string;
  readonly namespace: string;
  readonly command: readonly string[];
  readonly pid: number;
  /** When the kernel started it, in clock ticks since the machine did: a process id may come again. */
  readonly startTicks: string;
  /** Where standard output and standard error go. */
  readonly log: string;
}

/** A process that was started once; it may be over. */
export class DetachedProcess {
  constructor(readonly record: ProcessRecord) {}

  /** Starts a command in a namespace; `ip netns exec` becomes the command, so a signal reaches the command itself. */
  static start(name: string, namespace: string, command: readonly string[], log: string): DetachedProcess {
    const file = openSync(log, 'a');
    try {
      const child = spawn('ip', ['netns', 'exec', namespace, ...command], {
        detached: true,
        stdio: ['ignore', file, file],
        env: environment(),
      });
      // What cannot be started is not running: whoever waits for it says so.
      child.on('error', () => {});
      child.unref();
      const pid = child.pid ?? 0;
      return new DetachedProcess({ name, namespace, command, pid, startTicks: statusOf(pid)?.startTicks ?? '', log });
    } finally {
      closeSync(file);
    }
  }

  /** Whether it still runs. */
  get isRunning(): boolean {
    const status = statusOf(this.record.pid);
    return status !== undefined && status.startTicks === this.record.startTicks && status.state !== 'Z';
  }

  /** Sends a signal; nothing happens to a process that is over. */
  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) process.kill(this.record.pid, signal);
  }

  /** Sends a signal and waits for the end; SIGKILL follows after `patienceMs`. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', patienceMs = STOP_MS_MAX): Promise<void> {
    this.signal(signal);
    for (let waitedMs = 0; waitedMs < patienceMs && this.isRunning; waitedMs += POLL_MS) await sleep(POLL_MS);
    this.signal('SIGKILL');
    await waitFor(`the end of ${this.record.name}`, () => !this.isRunning, STOP_MS_MAX, POLL_MS);
  }

  /** The last lines of what it has printed. */
  lastLines(count: number): string[] {
    try {
      return readFileSync(this.record.log, 'utf8').trimEnd().split('\n').slice(-count);
    } catch {
      return [];
    }
  }
}

const STOP_MS_MAX = 10_000;
const POLL_MS = 20;

/** State and start of a process out of /proc; `undefined` when there is none. */
function statusOf(pid: number): { readonly state: string; readonly startTicks: string } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The second field is the name in brackets, and may hold anything; the third is the state, the 22nd the start.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] as string, startTicks: fields[19] as string };
}
