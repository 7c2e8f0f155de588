/**
 * The few calls of Linux that Node has no words for: sockets with options set before anything can arrive on them.
 *
 * They are made through koffi, an optional package, which is loaded when they are first needed.
 */
import { createRequire } from 'node:module';
import { EdgemuxError } from '../../errors.js';

/** The C library of this process. Every call returns a negative number when it fails, and `errno()` then says why. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(descriptor: number, level: number, option: number, value: Uint8Array, valueBytes: number): number;
  bind(descriptor: number, address: Uint8Array, addressBytes: number): number;
  close(descriptor: number): number;
  errno(): number;
  /** Where bytes are; they stay there as long as they live. */
  addressOf(bytes: Uint8Array): bigint;
}

/** Whether this is Deno, whose node: modules take over a descriptor that listens, but none that connects or of UDP. */
export const IS_DENO = 'Deno' in globalThis;

let loaded: Libc | undefined;

/**
 * The C library, for `what`: what the caller cannot do without it, as the subject of a sentence in the plural.
 *
 * @throws EdgemuxError `ERR_UNSUPPORTED` where there is no Linux or no koffi
 */
export function libcFor(what: string): Libc {
  if (process.platform !== 'linux') {
    throw new EdgemuxError('ERR_UNSUPPORTED', `${what} need Linux, and this is ${process.platform}`);
  }
  loaded ??= load(what);
  return loaded;
}

function load(what: string): Libc {
  let koffi: typeof import('koffi');
  try {
    koffi = createRequire(import.meta.url)('koffi');
  } catch (error) {
    const isMissing = (error as { code?: unknown }).code === 'MODULE_NOT_FOUND';
    const why = isMissing ? 'which is not installed: npm install koffi' : `which does not load: ${String(error)}`;
    throw new EdgemuxError('ERR_UNSUPPORTED', `${what} need the package koffi, ${why}`);
  }
  if (koffi.sizeof('void *') !== 8) {
    throw new EdgemuxError('ERR_UNSUPPORTED', `${what} need a machine of 64 bits, and this is ${process.arch}`);
  }
  // No name means this process: Node is linked to a C library already, be it that of GNU or musl.
  const self = koffi.load(null);
  return {
    socket: self.func('int socket(int, int, int)'),
    setsockopt: self.func('int setsockopt(int, int, int, const void *, uint32_t)'),
    bind: self.func('int bind(int, const void *, uint32_t)'),
    close: self.func('int close(int)'),
    errno: () => koffi.errno(),
    addressOf: (bytes) => koffi.address(bytes),
  };
}
