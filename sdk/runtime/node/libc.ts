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
  getsockopt(descriptor: number, level: number, option: number, value: Uint8Array, valueBytes: Uint8Array): number;
  ioctl(descriptor: number, request: number, argument: Uint8Array): number;
  /** The same, for requests whose argument is a number. */
  ioctlNumber(descriptor: number, request: number, argument: number): number;
  /** The system call bpf(2). */
  bpf(command: number, attributes: Uint8Array): number;
  mmap(
    address: bigint,
    byteCount: number,
    protection: number,
    flags: number,
    descriptor: number,
    offset: number,
  ): number;
  munmap(address: bigint, byteCount: number): number;
  /** Addresses of the calls a packet port makes per batch are plain numbers: all of them are below 2^53. */
  read(descriptor: number, address: number, byteCount: number): number;
  write(descriptor: number, address: number, byteCount: number): number;
  /** Without an address or a payload: what rings the bell of an AF_XDP socket. */
  sendto(descriptor: number, address: number, byteCount: number, flags: number): number;
  /** With where it came from: a socket address, and its length in and out. */
  recvfrom(
    descriptor: number,
    address: number,
    byteCount: number,
    flags: number,
    from: Uint8Array,
    fromBytes: Uint8Array,
  ): number;
  recvmmsg(descriptor: number, messages: number, messageCount: number, flags: number): number;
  sendmmsg(descriptor: number, messages: number, messageCount: number, flags: number): number;
  /** `fds` are `struct pollfd`. Blocks the thread. */
  poll(fds: Uint8Array, fdCount: number, timeoutMs: number): number;
  eventfd(initial: number, flags: number): number;
  open(path: string, flags: number): number;
  /** `time` is a `struct timespec`. */
  clock_gettime(clock: number, time: BigInt64Array): number;
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
    getsockopt: self.func('int getsockopt(int, int, int, void *, void *)'),
    ioctl: self.func('int ioctl(int, unsigned long, void *)'),
    ioctlNumber: self.func('int ioctl(int, unsigned long, unsigned long)'),
    bpf: bpfThrough(self),
    mmap: self.func('intptr_t mmap(uintptr_t, size_t, int, int, int, int64_t)'),
    munmap: self.func('int munmap(uintptr_t, size_t)'),
    read: self.func('intptr_t read(int, uintptr_t, size_t)'),
    write: self.func('intptr_t write(int, uintptr_t, size_t)'),
    sendto: sendtoThrough(self),
    recvfrom: self.func('intptr_t recvfrom(int, uintptr_t, size_t, int, void *, void *)'),
    recvmmsg: recvmmsgThrough(self),
    sendmmsg: self.func('int sendmmsg(int, uintptr_t, unsigned int, int)'),
    poll: self.func('int poll(void *, unsigned long, int)'),
    eventfd: self.func('int eventfd(unsigned int, int)'),
    open: self.func('int open(const char *, int)'),
    clock_gettime: self.func('int clock_gettime(int, void *)'),
    errno: () => koffi.errno(),
    addressOf: (bytes) => koffi.address(bytes),
  };
}

/** Numbers of bpf(2), by the processor. */
const BPF_CALL: Readonly<Record<string, number>> = { x64: 321, arm64: 280, riscv64: 280 };

type Library = ReturnType<typeof import('koffi')['load']>;

function bpfThrough(self: Library): Libc['bpf'] {
  const syscall = self.func('long syscall(long, int, void *, unsigned int)');
  const number = BPF_CALL[process.arch] ?? -1;
  return (command, attributes) => Number(syscall(number, command, attributes, attributes.length));
}

function sendtoThrough(self: Library): Libc['sendto'] {
  const sendto = self.func('intptr_t sendto(int, uintptr_t, size_t, int, uintptr_t, uint32_t)');
  return (descriptor, address, byteCount, flags) => sendto(descriptor, address, byteCount, flags, 0, 0);
}

function recvmmsgThrough(self: Library): Libc['recvmmsg'] {
  const recvmmsg = self.func('int recvmmsg(int, uintptr_t, unsigned int, int, uintptr_t)');
  return (descriptor, messages, messageCount, flags) => recvmmsg(descriptor, messages, messageCount, flags, 0);
}
