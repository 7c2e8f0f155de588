/** A process in a laboratory: its lines, its signals, its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that was started; `ip netns exec` becomes the command, so a signal reaches the command itself. */
export class LabProcess {
  readonly #child: ChildProcess;
  /** Resolves when the process is over and all its output has been read. */
  readonly ended: Promise<ProcessEnd>;
  /** Called with each line of standard output. */
  onLine: (line: string) => void = () => {};

  constructor(
    /** Where standard output and standard error are kept. */
    readonly log: string,
    [command = '', ...args]: readonly string[],
  ) {
    const file = createWriteStream(log, { flags: 'a' });
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let rest = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      file.write(text);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.onLine(line);
    });
    this.#child.stderr?.on('data', (bytes: Buffer) => file.write(bytes));
    this.ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', (code, signal) => file.end(() => resolve({ code, signal })));
    });
  }

  /** Whether it still runs. */
  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends a signal; nothing happens to a process that is over. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends its standard input. */
  endInput(): void {
    this.#child.stdin?.end();
  }

  /** Ends it: the signal, and SIGKILL two seconds later when that did not help. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<ProcessEnd> {
    const timer = setTimeout(() => this.signal('SIGKILL'), STOP_MS_MAX);
    this.signal(signal);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }
}

const STOP_MS_MAX = 2_000;
