/** What the command line shows people: colours and progress on a terminal, and nothing of either anywhere else. */
import { styleText } from 'node:util';
import { SingleBar } from 'cli-progress';
import { IS_DENO } from '../runtime/node/libc.js';

type Style = Parameters<typeof styleText>[0];

/** Text in a style when standard output is a terminal and NO_COLOR (no-color.org) is not set. */
export function styled(style: Style, text: string): string {
  if (!process.stdout.isTTY || process.env.NO_COLOR) return text;
  // For the rest of the environment Deno wants a permission.
  return styleText(style, text, { validateStream: !IS_DENO });
}

/** Work whose end is known. */
export interface Progress {
  update(done: number): void;
  stop(): void;
}

const SILENT: Progress = { update() {}, stop() {} };

/** A progress bar on standard error for work of `total` bytes; silent when that is no terminal. */
export function progressBar(total: number): Progress {
  if (!process.stderr.isTTY || total === 0) return SILENT;
  const bar = new SingleBar({
    format: '{bar} {percentage}% | {value} of {total} MB | {eta} s left',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
  const megabytes = (bytes: number) => Math.round(bytes / 100_000) / 10;
  bar.start(megabytes(total), 0);
  return { update: (done) => bar.update(megabytes(done)), stop: () => bar.stop() };
}

/**
 * Lets writing to a terminal never wait for it. Node waits, and one that is stopped (Ctrl-S, a connection that hangs)
 * would stop whatever else this process does.
 */
export function neverWaitFor(terminal: NodeJS.WriteStream): void {
  // Node has no public name for this; where the member is missing, writing goes on as before.
  const { _handle: handle } = terminal as { _handle?: { setBlocking?(isBlocking: boolean): void } };
  handle?.setBlocking?.(false);
}
