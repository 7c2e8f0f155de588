/** How the harness talks to a contestant: a line there, a line back. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface Channel {
  /** Milliseconds a slice must last so that asking for it does not count. */
  readonly sliceMs: number;
  ask(line: string): Promise<string>;
  end(): void;
}

const PROCESS_SLICE_MS = 10;

/** A process that reads lines from its standard input and answers on its standard output. */
export function processChannel(command: readonly string[], core: string | undefined): Channel {
  const child = spawn(...pinned(command, core));
  child.stderr.pipe(process.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    sliceMs: PROCESS_SLICE_MS,
    async ask(line) {
      child.stdin.write(`${line}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${command.join(' ')} ended at: ${line.slice(0, 40)}`);
      return value;
    },
    end: () => child.stdin.end(),
  };
}

/** A command on one core of the machine, or on any. */
export function pinned(command: readonly string[], core: string | undefined): [string, string[]] {
  const [file, ...parameters] = core === undefined ? command : ['taskset', '-c', core, ...command];
  return [file, parameters];
}
