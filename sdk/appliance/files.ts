/** Files of the command line: fabrics in, captures in, results out without a trace of a failed attempt. */
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { type Fabric, readFabric } from '../resources/index.js';
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

/** A file that appears under its name only when it is complete. */
export interface OutputFile {
  write(bytes: Uint8Array): Promise<void>;
  /** Gives the file its name. */
  complete(): Promise<void>;
  /** Removes what was written. */
  abandon(): Promise<void>;
}

/** Opens an output file beside its final place. */
export async function openOutput(path: string): Promise<OutputFile> {
  const partial = `${path}.${process.pid}.partial`;
  const stream = createWriteStream(partial);
  await attempt('write', path, () => once(stream, 'open'));
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
      stream.end();
      await attempt('write', path, async () => {
        await once(stream, 'close');
        if (failure) throw failure;
        await rename(partial, path);
      });
    },
    async abandon() {
      stream.destroy();
      await rm(partial, { force: true });
    },
  };
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
  ENOSPC: 'no space left on the device',
};

function fileError(verb: string, path: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined || (error instanceof Error && error.name === 'EdgemuxError')) return error as Error;
  return new FileError(`cannot ${verb} ${path}: ${REASONS[code] ?? (error as Error).message}`);
}
