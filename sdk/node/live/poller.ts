/**
 * Waits for packet ports with poll(2), and for whoever wants to wake the waiting thread:
 *
 *   struct pollfd { int fd; short events; short revents; }
 */
import { type Libc, libcFor } from '../../runtime/node/libc.js';
import type { PacketPort } from '../../runtime/packet-port.js';

const POLLFD_BYTES = 8;
const EVENTS = 4;
const REVENTS = 6;
const POLLIN = 1;
const POLLERR = 8;
const POLLHUP = 16;
const POLLNVAL = 32;
const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;

const libc = (): Libc => libcFor('packet ports');

/** A descriptor a thread waits on beside its ports: whoever writes to it wakes the thread. */
export function openWaker(): number {
  return libc().eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

const one = new Uint8Array(new BigUint64Array([1n]).buffer);

/** Wakes the thread that waits on it, also one that will only begin to. */
export function wake(waker: number): void {
  libc().write(waker, Number(libc().addressOf(one)), one.length);
}

/** Gives a waker back. */
export function closeWaker(waker: number): void {
  libc().close(waker);
}

/** The waiting end. */
export class Poller {
  readonly #libc = libc();
  readonly #waker: number;
  readonly #drained = new Uint8Array(8);
  readonly #drainedAddress = Number(this.#libc.addressOf(this.#drained));
  #ports: readonly PacketPort[] | undefined;
  #fds = new Uint8Array(POLLFD_BYTES);
  #view = new DataView(this.#fds.buffer);

  constructor(waker: number) {
    this.#waker = waker;
  }

  /** As `PacketLoopParts.wait`. */
  wait(
    ports: readonly PacketPort[],
    timeoutMs: number,
    ready: (port: PacketPort, isTroubled: boolean) => void,
  ): boolean {
    if (ports !== this.#ports) this.#list(ports);
    // Rounded up: what is due in half a millisecond is not due yet. A signal ends it early, and that is no harm.
    const count = this.#libc.poll(this.#fds, ports.length + 1, Math.ceil(timeoutMs));
    if (count <= 0) return false;
    for (let at = 0; at < ports.length; at++) {
      const events = this.#view.getInt16((at + 1) * POLLFD_BYTES + REVENTS, true);
      if (events !== 0) ready(ports[at], (events & (POLLERR | POLLHUP | POLLNVAL)) !== 0);
    }
    if (this.#view.getInt16(REVENTS, true) === 0) return false;
    this.#libc.read(this.#waker, this.#drainedAddress, this.#drained.length);
    return true;
  }

  #list(ports: readonly PacketPort[]): void {
    this.#ports = ports;
    this.#fds = new Uint8Array((ports.length + 1) * POLLFD_BYTES);
    this.#view = new DataView(this.#fds.buffer);
    // poll(2) leaves negative descriptors alone.
    [this.#waker, ...ports.map(({ descriptor }) => descriptor)].forEach((descriptor, at) => {
      this.#view.setInt32(at * POLLFD_BYTES, descriptor, true);
      this.#view.setInt16(at * POLLFD_BYTES + EVENTS, POLLIN, true);
    });
  }
}
