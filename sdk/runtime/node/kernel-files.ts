/**
 * Files of /proc, through the C library: Deno's node:fs has them for a program that may do everything (--allow-all) only, and
 * who may call the C library needs no leave beside that.
 */
import { libcFor } from './libc.js';

const O_RDONLY = 0;
const O_WRONLY = 1;
const O_CLOEXEC = 0o2000000;
const PIECE_BYTES = 4096;

const WHAT = 'settings of the kernel';

/**
 * What a file says; `undefined` when it cannot be read.
 *
 * @throws EdgemuxError `ERR_UNSUPPORTED` where there is no Linux or no koffi
 */
export function readKernelFile(path: string): string | undefined {
  const libc = libcFor(WHAT);
  const descriptor = libc.open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return undefined;
  const piece = new Uint8Array(PIECE_BYTES);
  const address = Number(libc.addressOf(piece));
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const byteCount = libc.read(descriptor, address, PIECE_BYTES);
    if (byteCount > 0) {
      text += decoder.decode(piece.subarray(0, byteCount), { stream: true });
      continue;
    }
    libc.close(descriptor);
    return byteCount === 0 ? text : undefined;
  }
}

/**
 * Writes a file that is there.
 *
 * @returns 0, or the error number of the kernel that has refused
 * @throws EdgemuxError `ERR_UNSUPPORTED` where there is no Linux or no koffi
 */
export function writeKernelFile(path: string, text: string): number {
  const libc = libcFor(WHAT);
  const descriptor = libc.open(path, O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return libc.errno();
  const bytes = new TextEncoder().encode(text);
  const errno = libc.write(descriptor, Number(libc.addressOf(bytes)), bytes.length) < 0 ? libc.errno() : 0;
  libc.close(descriptor);
  return errno;
}
