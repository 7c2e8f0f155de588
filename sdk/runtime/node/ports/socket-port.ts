/**
 * A port on a socket: `packet:` and `udp:`. The kernel writes frames into linear memory and reads them from there, many by
 * one call, as arrays of messages say that the module keeps.
 */
import type { PacketPort, PortCounters, PortInterface, PortMemory } from '../../packet-port.js';
import { type Libc, libcFor } from '../libc.js';
import { EAGAIN, PACKET_PORTS } from './port-error.js';
import { withRefused } from './refused.js';
import type { PacketPlan, UdpPlan } from './types.js';

const MSG_DONTWAIT = 0x40;
/** `struct mmsghdr`. */
const MESSAGE_BYTES = 64;

const EBADF = 9;
const ENXIO = 6;
const ENODEV = 19;
const ENETDOWN = 100;
/** With these, nothing can be sent at all. */
const LOST: ReadonlySet<number> = new Set([EBADF, ENXIO, ENODEV, ENETDOWN]);

/** recvmmsg tells an error that is not about what has arrived, and then goes on; as often as this is believed at a time. */
const RECEIVE_ERRORS_MAX = 4;

/** Opens a `packet` or `udp` port on the socket of its plan. */
export function openSocketPort(plan: PacketPlan | UdpPlan, memory: PortMemory): PacketPort {
  const libc = libcFor(PACKET_PORTS);
  const start = libc.addressOf(memory.bytes);
  memory.locate(start);
  const { side } = plan;
  const number =
    plan.kind === 'packet'
      ? memory.open({ kind: 'messages', link: 'ethernet', side, hasVirtioHeader: true })
      : memory.open({ kind: 'datagrams', link: 'bare', side });
  return new SocketPort(plan, memory, number, libc, Number(start));
}

class SocketPort implements PacketPort {
  readonly name: string;
  readonly number: number;
  readonly descriptor: number;
  readonly interface: PortInterface | undefined;
  readonly isAtEnd = false;
  readonly #memory: PortMemory;
  readonly #libc: Libc;
  readonly #receiveMessages: number;
  readonly #transmitMessages: number;
  readonly #messageCount: number;
  /** Messages the kernel would not take; the memory believes they have left. */
  #refusedCount = 0;

  constructor(plan: PacketPlan | UdpPlan, memory: PortMemory, number: number, libc: Libc, start: number) {
    this.name = plan.name;
    this.number = number;
    this.descriptor = plan.descriptor;
    this.interface = plan.interface;
    this.#memory = memory;
    this.#libc = libc;
    const places = memory.places(number);
    this.#receiveMessages = start + places.receiveMessages;
    this.#transmitMessages = start + places.transmitMessages;
    this.#messageCount = places.messageCount;
  }

  receive(): number {
    const memory = this.#memory;
    let frameCount = 0;
    if (memory.waitingCount(this.number) > 0) {
      frameCount = memory.takeMessages(this.number, 0);
      if (memory.waitingCount(this.number) > 0) return frameCount;
    }
    const messageCount = this.#receiveMessagesNow();
    return messageCount > 0 ? frameCount + memory.takeMessages(this.number, messageCount) : frameCount;
  }

  send(): void {
    const libc = this.#libc;
    const pendingCount = this.#memory.pendingCount(this.number);
    let doneCount = 0;
    while (doneCount < pendingCount) {
      const at = this.#transmitMessages + MESSAGE_BYTES * doneCount;
      const sentCount = libc.sendmmsg(this.descriptor, at, pendingCount - doneCount, MSG_DONTWAIT);
      if (sentCount > 0) {
        doneCount += sentCount;
        continue;
      }
      const errno = libc.errno();
      // The socket has as much under way as it may: the rest waits.
      if (errno === EAGAIN) break;
      if (LOST.has(errno)) {
        this.#memory.sent(this.number, doneCount, true);
        return;
      }
      // Too long, no route, no room in the queue of the interface: about the first one, and the others may do better.
      doneCount += 1;
      this.#refusedCount += 1;
    }
    if (doneCount > 0) this.#memory.sent(this.number, doneCount, false);
  }

  counters(): PortCounters {
    return withRefused(this.#memory.counters(this.number), this.#refusedCount);
  }

  close(): void {
    this.#memory.close(this.number);
  }

  #receiveMessagesNow(): number {
    for (let errors = 0; errors < RECEIVE_ERRORS_MAX; errors++) {
      const count = this.#libc.recvmmsg(this.descriptor, this.#receiveMessages, this.#messageCount, MSG_DONTWAIT);
      if (count >= 0) return count;
      if (this.#libc.errno() === EAGAIN) return 0;
    }
    return 0;
  }
}
