/** What the commands have in common when they answer. */
import { InvalidArgumentError } from 'commander';

/** The command has said itself what failed: exit code 1, nothing more to print. */
export class Failed extends Error {}

/** Options that do not go together, or none of those that must be given: exit code 2. */
export class UsageError extends Error {}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

export function warn(line: string): void {
  process.stderr.write(`warning: ${line}\n`);
}

/** An option's value as a whole number of at least `min`. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < min) {
      throw new InvalidArgumentError(`expected a whole number of at least ${min}`);
    }
    return value;
  };
}

/** `1 host`, `2 hosts`. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}
