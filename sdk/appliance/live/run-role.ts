/** A role from its start to the signal that ends it: it follows its fabric file, and tells what happens. */
import { performance } from 'node:perf_hooks';
import { EdgemuxError } from '../../errors.js';
import { FileError } from '../files.js';
import { Failed } from '../output.js';
import { type EventRecord, errorRecord } from '../service/events.js';
import { watchForChange } from '../service/file-watch.js';
import type { Read, Reading } from '../service/readings.js';
import { lineReporter, type Reporter, tableReporter } from '../service/reporter.js';
import { reread } from '../service/reread.js';
import { obeySignals } from '../service/signals.js';
import { outliveStandardOutput } from '../standard-output.js';
import type { DataPlanes } from './data-planes.js';
import { StatsLine } from './stats.js';
import { Turns } from './turns.js';

/** MUX or host agent, forwarding. */
export interface Role<T> {
  readonly ended: Promise<void>;
  readonly planes: DataPlanes;
  readonly program: { readonly digest: string };
  reload(why: string, next: T): Promise<void>;
  drain(text: string): Promise<void>;
  abandon(text: string): Promise<void>;
}

/** What is to run, and how it is to be told. */
export interface RoleRun<R extends Reading, A extends Role<Read<R>>> {
  /** The fabric file; `-` is standard input, which is not followed. */
  readonly path: string;
  readonly reading: R;
  /** resourceId of the machine. */
  readonly id: string;
  readonly isJson: boolean;
  /** Milliseconds between two lines of statistics, which a terminal has in its table; 0: none. */
  readonly statsMs: number;
  start(tell: (record: EventRecord) => void): Promise<A>;
  /** What a terminal shows. */
  table(role: A, columnCount: number): string[];
}

/** Runs a role; an error that was told as an event is thrown as `Failed`. */
export async function runRole<R extends Reading, A extends Role<Read<R>>>(run: RoleRun<R, A>): Promise<void> {
  outliveStandardOutput();
  const isTable = process.stdout.isTTY && !run.isJson;
  let role: A | undefined;
  const reporter = isTable
    ? tableReporter((columnCount) => (role === undefined ? [] : run.table(role, columnCount)))
    : lineReporter();
  try {
    await runUntilSignal({ ...run, statsMs: isTable ? 0 : run.statsMs }, reporter, (started) => {
      role = started;
    });
  } finally {
    reporter.end();
  }
}

/** An error that ends a command before or while it runs: as an event where those are asked for, else as ever. */
export async function tellingErrors(isJson: boolean, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const isExpected = error instanceof EdgemuxError || error instanceof FileError;
    if (!isJson || !isExpected) throw error;
    lineReporter().tell(errorRecord(error));
    throw new Failed();
  }
}

async function runUntilSignal<R extends Reading, A extends Role<Read<R>>>(
  run: RoleRun<R, A>,
  reporter: Reporter,
  started: (role: A) => void,
): Promise<void> {
  const { path, reading, id, statsMs } = run;
  const tell = (record: EventRecord) => reporter.tell(record);
  const reloads = new Turns();
  let role: A | undefined;
  let isEnding = false;
  const reload = (why: string) => {
    void reloads.take(async () => {
      if (role === undefined) return;
      const failed = (error: EventRecord) =>
        tell({ ...error, during: `reload (${why})`, kept: role?.program.digest.slice(0, 12) });
      try {
        const answer = await reread({ path, reading, id });
        if (isEnding) return;
        if ('error' in answer) failed(answer.error);
        else await role.reload(why, answer.value);
      } catch (error) {
        failed(errorRecord(error));
      }
    });
  };
  let release = () => {};
  const signalled = new Promise<string>((resolve) => {
    release = obeySignals({ drain: resolve, reload: () => reload('SIGHUP') });
  });
  const unwatch = path === '-' ? () => {} : watchForChange(path, () => reload('file changed'));
  let counting: NodeJS.Timeout | undefined;
  try {
    const running = await run.start(tell);
    role = running;
    started(running);
    if (statsMs > 0) counting = tellStats(running, statsMs, tell);
    const ended = running.ended.then(() => 'the end of the captures');
    const why = await Promise.race([signalled, ended]);
    isEnding = true;
    await running.drain(`edgemux stopped by ${why}`);
  } catch (error) {
    await role?.abandon('edgemux failed');
    throw error;
  } finally {
    clearInterval(counting);
    unwatch();
    release();
  }
}

function tellStats(role: Role<never>, everyMs: number, tell: (record: EventRecord) => void): NodeJS.Timeout {
  const line = new StatsLine();
  line.next(role.planes.totals(), performance.now());
  return setInterval(() => tell(line.next(role.planes.totals(), performance.now())), everyMs);
}
