/** `edgemux` as a process that goes on: its events as they come. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { CLI } from './cli.js';

const POLL_MS = 20;
const PATIENCE_MS = 30_000;

/** A line of its output. */
// biome-ignore lint/suspicious/noExplicitAny: the tests say what is in it.
export type EventLine = { readonly time: string; readonly event: string; readonly [member: string]: any };

/** Waits until something holds; what it was is in the error when it never does. */
export async function until(what: string, holds: () => boolean, told: () => unknown = () => ''): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`never: ${what}\n${JSON.stringify(told(), null, 1)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The command while it runs; `end` must be called. */
export class RunningEdgemux {
  readonly events: EventLine[] = [];
  stdout = '';
  stderr = '';
  exitCode: number | null | undefined;
  readonly #child: ChildProcess;

  /** @param within a network namespace, by name; by default that of the test */
  constructor(args: readonly string[], within?: string) {
    const command = [process.execPath, CLI, ...args];
    const [program, ...others] = within === undefined ? command : ['ip', 'netns', 'exec', within, ...command];
    this.#child = spawn(program, others, { stdio: ['ignore', 'pipe', 'pipe'] });
    let rest = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      const lines = (rest + text).split('\n');
      rest = lines.pop() as string;
      this.events.push(...lines.map((line) => JSON.parse(line)));
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.#child.on('close', (code) => {
      this.exitCode = code;
    });
  }

  /** Reads its output no more, as a log collector that has died. */
  stopReading(): void {
    this.#child.stdout?.destroy();
  }

  /** The first event of a kind after `from` others of its kind, with these members. */
  async event(event: string, members: Readonly<Record<string, unknown>> = {}, from = 0): Promise<EventLine> {
    const found = () =>
      this.events
        .filter((line) => line.event === event)
        .slice(from)
        .find((line) => Object.entries(members).every(([key, value]) => line[key] === value));
    await until(
      `${event} ${JSON.stringify(members)}`,
      () => found() !== undefined || this.exitCode !== undefined,
      () => [this.events, this.stderr],
    );
    const line = found();
    if (line === undefined) throw new Error(`over before ${event}: ${this.stdout}${this.stderr}`);
    return line;
  }

  /** Waits until it obeys signals, of which Node leaves SIGUSR2 alone; where that cannot be seen, not at all. */
  async obeysSignals(): Promise<void> {
    const isCaught = () => {
      const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'latin1'))?.[1];
      return (BigInt(`0x${caught ?? 0}`) & (1n << 11n)) !== 0n;
    };
    if (existsSync('/proc/self/status')) await until('SIGUSR2 is caught', isCaught);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async exit(): Promise<number | null> {
    await until(
      'its end',
      () => this.exitCode !== undefined,
      () => this.events,
    );
    return this.exitCode as number | null;
  }

  /** Ends it whatever it does. */
  end(): void {
    this.#child.kill('SIGKILL');
  }
}
