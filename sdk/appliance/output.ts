/** What the commands have in common when they answer. */
import { InvalidArgumentError } from 'commander';

/** The command has said itself what failed: exit code 1, nothing more to print. */
export class Failed extends Error {}

/** The answer was on its way when this happened: `cause` can only be told on standard error any more. */
export class BrokenOff extends Error {}

/** Options that do not go together, or none of those that must be given: exit code 2. */
export class UsageError extends Error {}

/** Prints a line; `to` is standard error where standard output has the result itself (`--out -`). */
export function print(line: string, to: NodeJS.WritableStream = process.stdout): void {
  to.write(`${line}\n`);
}

export function printJson(value: unknown, to?: NodeJS.WritableStream): void {
  print(JSON.stringify(value, null, 2), to);
}

/** Where a command speaks while its result goes to `path`. */
export function besides(path: string | undefined): NodeJS.WritableStream {
  return path === '-' ? process.stderr : process.stdout;
}

export function warn(line: string): void {
  process.stderr.write(`warning: ${line}\n`);
}

/** What is worth knowing and no mistake. */
export function note(line: string): void {
  process.stderr.write(`note: ${line}\n`);
}

/** For captures that break off, as they do when the capturing program was killed. */
export function warnOfTruncation(bytesLeft: number): void {
  warn(
    `the capture ends inside a record: its last ${counted(bytesLeft, 'byte')} ${bytesLeft === 1 ? 'is' : 'are'} left out`,
  );
}

/** A file name among the arguments. */
export function fileName(text: string): string {
  if (text === '') throw new InvalidArgumentError('expected a file name');
  return text;
}

/** Standard input can be read once: at most one of these paths may be `-`. */
export function onlyOneFromStandardInput(...paths: readonly (string | undefined)[]): void {
  if (paths.filter((path) => path === '-').length > 1) throw new UsageError('only one input can be standard input (-)');
}

/** An option's value as a whole number of at least `min`, and at most `max` where that is given. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !(value >= min && value <= max)) {
      const isBounded = max < Number.MAX_SAFE_INTEGER;
      throw new InvalidArgumentError(`expected a whole number ${isBounded ? `${min}..${max}` : `of at least ${min}`}`);
    }
    return value;
  };
}

/** `1 host`, `2 hosts`. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}
