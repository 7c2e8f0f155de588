/**
 * The port `xdp:` on the thread of a data plane: one AF_XDP socket on one queue, whose rings the module walks. JavaScript only
 * rings the bell.
 */
import type { PacketPort, PortCounters, PortInterface, PortMemory } from '../../packet-port.js';
import { forPort } from '../bpf/call.js';
import { putSocket } from '../bpf/map.js';
import { type Libc, libcFor } from '../libc.js';
import { PACKET_PORTS, portError } from './port-error.js';
import type { XdpPlan } from './types.js';
import { XdpSocket } from './xdp-socket.js';

/** XDP_PACKET_HEADROOM: where in its chunk a received packet begins. */
const HEADROOM_BYTES = 256;
/** An Ethernet header and two VLAN tags. */
const LINK_HEADER_BYTES_MAX = 22;

const MSG_DONTWAIT = 0x40;
const POLLIN = 1;
const RING_NEEDS_WAKEUP = 1;

/**
 * Opens an `xdp` port: its queue is served by the calling thread from now on. What has been selected arrives as soon as
 * this returns.
 *
 * Ports of several interfaces and queues may share a memory; a frame received by one may leave by another.
 */
export function openXdp(plan: XdpPlan, memory: PortMemory): PacketPort {
  const { mtuBytes } = plan.interface;
  const mtuBytesMax = xdpMtuBytesMax(memory.chunks.chunkBytes);
  if (mtuBytes > mtuBytesMax) {
    throw portError(plan.name, `MTU ${mtuBytes} is too large: ${mtuBytesMax} bytes fit the chunks of this data plane`);
  }
  const libc = libcFor(PACKET_PORTS);
  const start = libc.addressOf(memory.bytes);
  memory.locate(start);
  const socket = new XdpSocket(plan.name);
  let number: number | undefined;
  try {
    const { offset, byteCount, chunkBytes } = memory.chunks;
    socket.registerMemory(start + BigInt(offset), byteCount, chunkBytes);
    number = memory.open({ kind: 'rings', link: 'ethernet', side: plan.side, mayBeUnfinished: true });
    const layouts = socket.mapRings(start, memory.places(number));
    memory.startRings(number, layouts);
    socket.bind({
      interfaceName: plan.interface.name,
      interfaceIndex: plan.interface.index,
      queue: plan.queue,
      isCopying: plan.isGeneric ? true : plan.isZeroCopy === undefined ? undefined : !plan.isZeroCopy,
    });
    forPort(plan.name, 'AF_XDP', () => putSocket(plan.socketMap, plan.queue, socket.descriptor));
    return new XdpPort(plan, memory, { number, socket, libc, fillFlags: layouts.fill.flags });
  } catch (error) {
    socket.close();
    if (number !== undefined) memory.close(number);
    throw error;
  }
}

/** The largest MTU of an interface whose frames fit chunks of a length: 1,770 bytes for 2,048, and 3,818 for 4,096. */
export function xdpMtuBytesMax(chunkBytes: number): number {
  return chunkBytes - HEADROOM_BYTES - LINK_HEADER_BYTES_MAX;
}

class XdpPort implements PacketPort {
  readonly name: string;
  readonly number: number;
  readonly descriptor: number;
  readonly interface: PortInterface;
  readonly isAtEnd = false;
  readonly #memory: PortMemory;
  readonly #socket: XdpSocket;
  readonly #libc: Libc;
  readonly #fillFlags: number;
  /** `struct pollfd`: | descriptor 4 | events 2 | events that have happened 2 |. */
  readonly #pollDescriptor = new Uint8Array(8);

  constructor(
    plan: XdpPlan,
    memory: PortMemory,
    open: {
      readonly number: number;
      readonly socket: XdpSocket;
      readonly libc: Libc;
      /** Of the fill ring. */
      readonly fillFlags: number;
    },
  ) {
    this.name = plan.name;
    this.number = open.number;
    this.descriptor = open.socket.descriptor;
    this.interface = plan.interface;
    this.#memory = memory;
    this.#socket = open.socket;
    this.#libc = open.libc;
    this.#fillFlags = memory.places(open.number).fillRing + open.fillFlags;
    const poll = new DataView(this.#pollDescriptor.buffer);
    poll.setInt32(0, this.descriptor, true);
    poll.setInt16(4, POLLIN, true);
  }

  receive(): number {
    const frameCount = this.#memory.takeRing(this.number);
    // A driver with zero-copy has run out of chunks, and does not look for new ones by itself.
    if ((this.#memory.bytes[this.#fillFlags]! & RING_NEEDS_WAKEUP) !== 0) this.#libc.poll(this.#pollDescriptor, 1, 0);
    return frameCount;
  }

  send(): void {
    const memory = this.#memory;
    let pendingCount = memory.pendingCount(this.number);
    if (pendingCount === 0 || !memory.needsWakeup(this.number)) return;
    // Where packets are copied, a call takes up to 32. One that takes none has no room, or nothing to send through.
    for (;;) {
      this.#libc.sendto(this.descriptor, 0, 0, MSG_DONTWAIT);
      const leftCount = memory.pendingCount(this.number);
      if (leftCount === 0 || leftCount >= pendingCount) return;
      pendingCount = leftCount;
    }
  }

  counters(): PortCounters {
    return this.#memory.counters(this.number);
  }

  close(): void {
    this.#socket.close();
    this.#memory.close(this.number);
  }
}
