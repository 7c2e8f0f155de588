/** A socket in the making: every option that is refused closes it, and becomes one line about its port. */
import { type Libc, libcFor } from '../libc.js';
import { kernelRefused, PACKET_PORTS } from './port-error.js';

const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;

/**
 * Room for what arrives between two turns of a data plane: some 10 ms at a million small packets a second. The kernel allows
 * twice as much memory, as it counts its own structures.
 */
const BUFFER_BYTES = 8 * 1024 * 1024;

/** What a socket of a port is, and what it takes to make one. */
export interface PortSocketOptions {
  readonly port: string;
  readonly domain: number;
  readonly type: number;
  readonly protocol: number;
  /** `CAP_NET_RAW`. */
  readonly capability: string;
}

/** A socket that never blocks. */
export class PortSocket {
  readonly descriptor: number;
  readonly #libc: Libc;
  readonly #options: PortSocketOptions;

  /** @throws EdgemuxError `ERR_PORT` */
  constructor(options: PortSocketOptions) {
    const { port, domain, type, protocol, capability } = options;
    this.#options = options;
    this.#libc = libcFor(PACKET_PORTS);
    this.descriptor = this.#libc.socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (this.descriptor < 0) throw kernelRefused(port, 'there is no such socket', this.#libc.errno(), capability);
  }

  /**
   * Sets an option to a value, or to an `int`; `what` could not be done otherwise, as the beginning of a sentence.
   *
   * @throws EdgemuxError `ERR_PORT`
   */
  set(level: number, option: number, value: number | Uint8Array, what: string): void {
    if (!this.try(level, option, value)) this.refuse(what);
  }

  /** The same; says whether the kernel took it. */
  try(level: number, option: number, value: number | Uint8Array): boolean {
    const bytes = typeof value === 'number' ? new Uint8Array(new Int32Array([value]).buffer) : value;
    return this.#libc.setsockopt(this.descriptor, level, option, bytes, bytes.length) >= 0;
  }

  /** An option that is an `int`. */
  number(level: number, option: number): number {
    const value = new Int32Array(1);
    const length = new Uint8Array(new Int32Array([4]).buffer);
    this.#libc.getsockopt(this.descriptor, level, option, new Uint8Array(value.buffer), length);
    return value[0]!;
  }

  /** Makes room for bursts in both directions, as much as may be. */
  makeRoom(): void {
    // Over the limits of net.core it takes CAP_NET_ADMIN.
    if (!this.try(SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)) this.try(SOL_SOCKET, SO_RCVBUF, BUFFER_BYTES);
    if (!this.try(SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES)) this.try(SOL_SOCKET, SO_SNDBUF, BUFFER_BYTES);
  }

  /** Returns 0, or why not: an error number. */
  bind(address: Uint8Array): number {
    return this.#libc.bind(this.descriptor, address, address.length) < 0 ? this.#libc.errno() : 0;
  }

  /** @throws EdgemuxError `ERR_PORT`, with what the kernel said last */
  refuse(what: string): never {
    throw kernelRefused(this.#options.port, what, this.#libc.errno(), this.#options.capability);
  }

  close(): void {
    this.#libc.close(this.descriptor);
  }
}

/**
 * Makes `count` sockets; when one of them cannot be made, there will be none.
 *
 * @param make how to make one, given those before it
 */
export function makeSockets(count: number, make: (before: readonly PortSocket[]) => PortSocket): PortSocket[] {
  const sockets: PortSocket[] = [];
  try {
    while (sockets.length < count) sockets.push(make(sockets));
    return sockets;
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
}
