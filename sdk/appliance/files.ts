/** Files of the command line: fabrics in, captures in, results out without a trace of a failed attempt. */
import { once } from 'node:events';
import { createReadStream, createWriteStream, rmSync } from 'node:fs';
import { readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { type Fabric, readFabric } from '../resources/index.js';
import { UsageError } from './output.js';
import { progressBar } from './terminal.js';

/** A file that cannot be read or written: the operating system's word for it, for people. */
export class FileError extends Error {
  override readonly name = 'FileError';
  readonly code = 'ERR_FILE';
  readonly problems = [];
}

/** Reads and validates a fabric file; `-` is standard input. */
export async function readFabricFile(path: string): Promise<Fabric> {
  return readFabric(
    await attempt('read', path, () => (path === '-' ? readAll(process.stdin) : readFile(path, 'utf8'))),
  );
}

/** The bytes of a file in chunks, with a progress bar on a terminal; `-` is standard input. */
export async function* readChunks(path: string): AsyncGenerator<Uint8Array> {
  if (path === '-') {
    yield* process.stdin;
    return;
  }
  const { size } = await attempt('read', path, () => stat(path));
  const progress = progressBar(size);
  let done = 0;
  const stream = createReadStream(path, { highWaterMark: 1 << 20 });
  try {
    for await (const chunk of stream) {
      yield chunk as Uint8Array;
      done += (chunk as Uint8Array).length;
      progress.update(done);
    }
  } catch (error) {
    throw fileError('read', path, error);
  } finally {
    progress.stop();
    stream.destroy();
  }
}

/** Where results go. */
export interface OutputFile {
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the output; a regular file now appears under its name. */
  complete(): Promise<void>;
  /** Ends the output after a failure; of a regular file nothing is left, and what was there before still is. */
  abandon(): Promise<void>;
}

/**
 * Opens an output; `-` is standard output.
 *
 * A regular file is written beside its place and renamed when it is complete. Anything else that already has that name
 * (a device, a pipe) is written to as it is: a rename would replace it.
 */
export async function openOutput(path: string): Promise<OutputFile> {
  if (path === '-') return streamOutput(path, process.stdout, async () => {});
  const target = await attempt('write', path, () => regularTarget(path));
  if (target === undefined) {
    const device = createWriteStream(path, { flags: 'r+' });
    await attempt('write', path, () => once(device, 'open'));
    return streamOutput(path, device, () => ended(device));
  }
  const partial = `${target}.${process.pid}.partial`;
  // Before there is a file: a signal may come as soon as there is one.
  addPartial(partial);
  const stream = createWriteStream(partial);
  try {
    await attempt('write', path, () => once(stream, 'open'));
  } catch (error) {
    removePartial(partial);
    throw error;
  }
  const output = streamOutput(path, stream, async () => {
    await ended(stream);
    await rename(partial, target);
    removePartial(partial);
  });
  return {
    ...output,
    async abandon() {
      stream.destroy();
      await rm(partial, { force: true });
      removePartial(partial);
    },
  };
}

function streamOutput(path: string, stream: Writable, complete: () => Promise<void>): OutputFile {
  let failure: unknown;
  stream.on('error', (error) => {
    failure = error;
  });
  return {
    async write(bytes) {
      if (failure) throw fileError('write', path, failure);
      if (!stream.write(bytes)) await attempt('write', path, () => once(stream, 'drain'));
    },
    async complete() {
      await attempt('write', path, async () => {
        await complete();
        if (failure) throw failure;
      });
    },
    async abandon() {},
  };
}

async function ended(stream: Writable): Promise<void> {
  stream.end();
  await once(stream, 'close');
}

/** The file a path stands for, symbolic links followed; `undefined` when something is there that is no regular file. */
async function regularTarget(path: string): Promise<string | undefined> {
  let target: string;
  try {
    target = await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return path;
    throw error;
  }
  return (await stat(target)).isFile() ? target : undefined;
}

/**
 * Refuses an output that is one of the inputs: it would take the place of what it was made from.
 *
 * @throws UsageError
 */
export async function checkOutputIsNoInput(output: string, ...inputs: readonly string[]): Promise<void> {
  const written = await fileIdentity(output);
  if (written === undefined) return;
  for (const input of inputs) {
    if ((await fileIdentity(input)) === written) throw new UsageError(`${output} is an input too, and would be lost`);
  }
}

/** What two names of one regular file have in common; `undefined` for anything else. */
async function fileIdentity(path: string): Promise<string | undefined> {
  const status = path === '-' ? undefined : await stat(path).catch(() => undefined);
  return status?.isFile() ? `${status.dev}:${status.ino}` : undefined;
}

/** Files that are being written; whoever interrupts the command finds none of them. */
const partials = new Set<string>();

function addPartial(path: string): void {
  if (partials.size === 0) process.once('SIGINT', endWithoutPartials).once('SIGTERM', endWithoutPartials);
  partials.add(path);
}

function removePartial(path: string): void {
  partials.delete(path);
  if (partials.size === 0) process.off('SIGINT', endWithoutPartials).off('SIGTERM', endWithoutPartials);
}

function endWithoutPartials(_: NodeJS.Signals, number: number): void {
  for (const partial of partials) rmSync(partial, { force: true });
  // As a shell reports a command that a signal has ended.
  process.exit(128 + number);
}

/** Writes a whole file at once. */
export async function writeOutput(path: string, bytes: Uint8Array): Promise<void> {
  const output = await openOutput(path);
  try {
    await output.write(bytes);
    await output.complete();
  } catch (error) {
    await output.abandon();
    throw error;
  }
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Runs a file operation; what fails in it becomes a FileError. */
export async function attempt<T>(verb: 'read' | 'write', path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw fileError(verb, path, error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'part of the path is no directory',
  EEXIST: 'there is a file of that name',
  ENOSPC: 'no space left on the device',
};

function fileError(verb: string, path: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined || (error instanceof Error && error.name === 'EdgemuxError')) return error as Error;
  return new FileError(`cannot ${verb} ${path}: ${REASONS[code] ?? (error as Error).message}`);
}
