/**
 * bpf(2): a command and a `union bpf_attr`, of which each command has its own fields. Numbers of 4 bytes lie on multiples of 4,
 * addresses on multiples of 8.
 */
import { EdgemuxError } from '../../../errors.js';
import { errnoText } from '../error-text.js';
import { readKernelFile } from '../kernel-files.js';
import { type Libc, libcFor } from '../libc.js';

/** Error numbers that mean something of their own here. */
export const ERRNO = {
  EPERM: 1,
  E2BIG: 7,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  ERANGE: 34,
  ENOSYS: 38,
  EOPNOTSUPP: 95,
} as const;

/** Older kernels count the memory of maps against a limit that nobody raises, and lack links of XDP (5.9). */
const KERNEL_NEEDED = 'Linux 5.11';

/** The C library, for packet ports. */
export function portLibc(): Libc {
  return libcFor('packet ports');
}

/** Fields of a command, in their order. Bytes stand for their address, text for a name of 16 bytes. */
export type Field = number | bigint | Uint8Array | string;

/** A command that the kernel refused. */
export class BpfRefusal extends Error {
  readonly errno: number;

  constructor(errno: number) {
    super(errnoText(errno));
    this.errno = errno;
  }
}

/** A program that the verifier of the kernel refused; the log says why. */
export class ProgramRefusal extends Error {
  readonly log: string;

  constructor(name: string, log: string) {
    super(`the kernel refuses the program ${name}:\n${log}`);
    this.log = log;
  }
}

const NAME_BYTES = 16;

/**
 * Makes a call.
 *
 * @returns what the command returns: a descriptor, or 0
 * @throws BpfRefusal
 */
export function bpfCall(command: number, fields: readonly Field[]): number {
  const libc = portLibc();
  const attributes = attributesOf(libc, fields);
  const result = libc.bpf(command, attributes);
  if (result < 0) throw new BpfRefusal(libc.errno());
  return result;
}

/** The fields of a command one behind the other, aligned. */
export function attributesOf(libc: Pick<Libc, 'addressOf'>, fields: readonly Field[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(128));
  let at = 0;
  for (const field of fields) {
    if (typeof field === 'number') {
      view.setInt32(at, field, true);
      at += 4;
    } else if (typeof field === 'string') {
      new TextEncoder().encodeInto(field, new Uint8Array(view.buffer, at, NAME_BYTES - 1));
      at += NAME_BYTES;
    } else {
      at = (at + 7) & ~7;
      view.setBigUint64(at, typeof field === 'bigint' ? field : libc.addressOf(field), true);
      at += 8;
    }
  }
  return new Uint8Array(view.buffer, 0, (at + 7) & ~7);
}

/**
 * Runs what makes calls for a port, and says in one line why one was refused.
 *
 * @param port as it was asked for: `xdp:eth0`
 * @param what the call is about: `BPF`
 * @param since which kernel knows that
 * @throws EdgemuxError `ERR_PORT`
 */
export function forPort<T>(port: string, what: string, call: () => T, since = KERNEL_NEEDED): T {
  try {
    return call();
  } catch (error) {
    const text = refusalText(error, what, since);
    if (text === undefined) throw error;
    throw new EdgemuxError('ERR_PORT', `${port}: ${text}`);
  }
}

function refusalText(error: unknown, what: string, since: string): string | undefined {
  if (error instanceof ProgramRefusal) return programRefusalText(error);
  if (!(error instanceof BpfRefusal)) return undefined;
  const { errno, message } = error;
  if (errno === ERRNO.EPERM) return 'not permitted: it takes CAP_BPF and CAP_NET_ADMIN, or root';
  if (errno === ERRNO.EINVAL || errno === ERRNO.ENOSYS) {
    return `this kernel, ${kernelRelease()}, has no ${what}: it takes ${since}`;
  }
  return `${what}: ${message}`;
}

function kernelRelease(): string {
  return readKernelFile('/proc/sys/kernel/osrelease')?.trim() ?? '';
}

function programRefusalText({ log }: ProgramRefusal): string {
  // Without that privilege a program may not add a number it has read in a frame to a position in it.
  if (log.includes('prohibited for !root')) return 'not permitted: it takes CAP_PERFMON, or root';
  const lines = log.split('\n').filter((line) => !line.startsWith('processed '));
  return `this kernel, ${kernelRelease()}, refuses the program: ${lines.at(-1)}`;
}
