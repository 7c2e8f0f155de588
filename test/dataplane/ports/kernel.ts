/**
 * The other side of packet ports: what the kernel does with rings and messages, on the same linear memory. It checks what the
 * module hands it, as a kernel would.
 */
import type { PortTable } from 'edgemux';
import type { RingLayout, RingLayouts } from '../../../sdk/runtime/packet-port.js';

/** Where linear memory begins, as far as the module knows. */
export const NATIVE_ADDRESS = 0x7f12_3457_0000n;

const HEADROOM_BYTES = 256;
const MESSAGE_BYTES = 64;
const TRUNCATED = 0x20;

const PRODUCER = 0;
const CONSUMER = 64;
const FLAGS = 128;
const ENTRIES = 320;

export interface RingSizes {
  readonly receive: number;
  readonly transmit: number;
  readonly fill: number;
  readonly completion: number;
}

export const SMALL_RINGS: RingSizes = { receive: 8, transmit: 8, fill: 8, completion: 8 };

class Ring {
  readonly #view: DataView;

  constructor(
    ports: PortTable,
    readonly offset: number,
    readonly entryCount: number,
    readonly entryBytes: number,
  ) {
    this.#view = new DataView(ports.bytes.buffer);
  }

  get layout(): RingLayout {
    return { producer: PRODUCER, consumer: CONSUMER, descriptors: ENTRIES, flags: FLAGS, entryCount: this.entryCount };
  }

  /** Both ends, as at the start or after so many frames. */
  begin(index: number): void {
    this.producer = index;
    this.consumer = index;
  }

  get producer(): number {
    return this.#view.getUint32(this.offset + PRODUCER, true);
  }

  set producer(index: number) {
    this.#view.setUint32(this.offset + PRODUCER, index, true);
  }

  get consumer(): number {
    return this.#view.getUint32(this.offset + CONSUMER, true);
  }

  set consumer(index: number) {
    this.#view.setUint32(this.offset + CONSUMER, index, true);
  }

  set flags(flags: number) {
    this.#view.setUint32(this.offset + FLAGS, flags, true);
  }

  get filled(): number {
    const filled = (this.producer - this.consumer) >>> 0;
    if (filled > this.entryCount) throw new Error(`a ring of ${this.entryCount} entries has ${filled}`);
    return filled;
  }

  get isFull(): boolean {
    return this.filled === this.entryCount;
  }

  put(address: bigint, length = 0, options = 0): void {
    if (this.isFull) throw new Error('the kernel does not overrun a ring');
    const entry = this.#entry(this.producer);
    this.#view.setBigUint64(entry, address, true);
    if (this.entryBytes === 16) {
      this.#view.setUint32(entry + 8, length, true);
      this.#view.setUint32(entry + 12, options, true);
    }
    this.producer = (this.producer + 1) >>> 0;
  }

  take(): { address: number; length: number; options: number } {
    const entry = this.#entry(this.consumer);
    const address = Number(this.#view.getBigUint64(entry, true));
    const isLong = this.entryBytes === 16;
    const length = isLong ? this.#view.getUint32(entry + 8, true) : 0;
    const options = isLong ? this.#view.getUint32(entry + 12, true) : 0;
    this.consumer = (this.consumer + 1) >>> 0;
    return { address, length, options };
  }

  /** Of all entries that have not been taken. */
  addresses(): number[] {
    return Array.from({ length: this.filled }, (_, at) =>
      Number(this.#view.getBigUint64(this.#entry((this.consumer + at) >>> 0), true)),
    );
  }

  #entry(index: number): number {
    return this.offset + ENTRIES + ((index & (this.entryCount - 1)) >>> 0) * this.entryBytes;
  }
}

/** An AF_XDP socket in copy mode. */
export class XdpSocket {
  readonly #ports: PortTable;
  readonly receive: Ring;
  readonly transmit: Ring;
  readonly fill: Ring;
  readonly completion: Ring;
  /** Chunks in the hands of the kernel itself: consumed from the transmit ring, not yet in the completion ring. */
  readonly sending: number[] = [];

  /** @param index where all indexes begin */
  constructor(ports: PortTable, port: number, sizes: RingSizes = SMALL_RINGS, index = 0) {
    this.#ports = ports;
    const places = ports.places(port);
    this.receive = new Ring(ports, places.receiveRing, sizes.receive, 16);
    this.transmit = new Ring(ports, places.transmitRing, sizes.transmit, 16);
    this.fill = new Ring(ports, places.fillRing, sizes.fill, 8);
    this.completion = new Ring(ports, places.completionRing, sizes.completion, 8);
    for (const ring of [this.receive, this.transmit, this.fill, this.completion]) ring.begin(index);
    ports.startRings(port, this.layouts);
  }

  get layouts(): RingLayouts {
    return {
      receive: this.receive.layout,
      transmit: this.transmit.layout,
      fill: this.fill.layout,
      completion: this.completion.layout,
    };
  }

  /** A frame arrives; false when there is no chunk or no room for it. */
  deliver(frame: Uint8Array): boolean {
    if (this.fill.filled === 0 || this.receive.isFull) return false;
    const { address } = this.fill.take();
    this.#checkAddress(address);
    if (address % this.#ports.chunks.chunkBytes !== 0) throw new Error(`fill address ${address} is no chunk`);
    this.#ports.bytes.set(frame, this.#ports.chunks.offset + address + HEADROOM_BYTES);
    this.receive.put(BigInt(address + HEADROOM_BYTES), frame.length);
    return true;
  }

  /** A chunk comes back as a frame that is longer than it. */
  deliverNonsense(): void {
    if (this.fill.filled === 0 || this.receive.isFull) return;
    this.receive.put(BigInt(this.fill.take().address + HEADROOM_BYTES), 0xffff_ffff);
  }

  /** All addresses in the rings and in the hands of the kernel. */
  addresses(): number[] {
    const rings = [this.receive, this.transmit, this.fill, this.completion];
    return [...rings.flatMap((ring) => ring.addresses()), ...this.sending];
  }

  /** The kernel sends what is in the transmit ring, `count` frames of it; they come back with `complete`. */
  send(count = Infinity): Uint8Array[] {
    const frames: Uint8Array[] = [];
    while (this.transmit.filled > 0 && frames.length < count) {
      const { address, length, options } = this.transmit.take();
      this.#checkAddress(address);
      if (options !== 0) throw new Error('no options are asked for');
      const { chunkBytes, offset } = this.#ports.chunks;
      if ((address % chunkBytes) + length > chunkBytes) throw new Error('a frame runs out of its chunk');
      frames.push(this.#ports.bytes.slice(offset + address, offset + address + length));
      this.sending.push(address);
    }
    return frames;
  }

  complete(count = Infinity): void {
    for (let left = count; left > 0 && this.sending.length > 0 && !this.completion.isFull; left--) {
      this.completion.put(BigInt(this.sending.shift() as number));
    }
  }

  #checkAddress(address: number): void {
    if (!(address >= 0 && address < this.#ports.chunks.byteCount)) throw new Error(`${address} is outside the UMEM`);
  }
}

/** A received message: the bytes, and the address they came from as a socket says it. */
export interface Received {
  readonly bytes: Uint8Array;
  readonly name?: Uint8Array;
  /** What the kernel says in place of the truth. */
  readonly length?: number;
  readonly flags?: number;
}

/** A sent message. */
export interface Sent {
  readonly bytes: Uint8Array;
  readonly name: Uint8Array;
}

/** A socket with recvmmsg and sendmmsg. */
export class MessageSocket {
  readonly #ports: PortTable;
  readonly #port: number;
  readonly #view: DataView;

  constructor(ports: PortTable, port: number) {
    this.#ports = ports;
    this.#port = port;
    this.#view = new DataView(ports.bytes.buffer);
  }

  /** Fills as many messages as there are; returns how many. */
  recvmmsg(messages: readonly Received[]): number {
    const { receiveMessages, messageCount } = this.#ports.places(this.#port);
    const count = Math.min(messages.length, messageCount);
    for (const [index, { bytes, name, length, flags }] of messages.slice(0, count).entries()) {
      const message = receiveMessages + index * MESSAGE_BYTES;
      const { offset, room } = this.#vector(message);
      this.#ports.bytes.set(bytes.subarray(0, room), offset);
      const isTruncated = bytes.length > room;
      this.#view.setUint32(message + 48, flags ?? (isTruncated ? TRUNCATED : 0), true);
      this.#view.setUint32(message + 56, length ?? Math.min(bytes.length, room), true);
      if (name) this.#writeName(message, name);
    }
    return count;
  }

  /** What sendmmsg would send of what waits. */
  sendmmsg(count = this.#ports.pendingCount(this.#port)): Sent[] {
    const { transmitMessages } = this.#ports.places(this.#port);
    return Array.from({ length: Math.min(count, this.#ports.pendingCount(this.#port)) }, (_, index) => {
      const message = transmitMessages + index * MESSAGE_BYTES;
      const { offset, room } = this.#vector(message);
      const pointer = this.#view.getBigUint64(message, true);
      const nameBytes = this.#view.getUint32(message + 8, true);
      const name =
        pointer === 0n ? new Uint8Array() : this.#ports.bytes.slice(linear(pointer), linear(pointer) + nameBytes);
      return { bytes: this.#ports.bytes.slice(offset, offset + room), name };
    });
  }

  #writeName(message: number, name: Uint8Array): void {
    const pointer = this.#view.getBigUint64(message, true);
    if (pointer === 0n) return;
    const room = this.#view.getUint32(message + 8, true);
    const bytes = name.subarray(0, room);
    this.#ports.bytes.set(bytes, linear(pointer));
    this.#view.setUint32(message + 8, name.length, true);
  }

  #vector(message: number): { offset: number; room: number } {
    if (this.#view.getBigUint64(message + 24, true) !== 1n) throw new Error('a message has one vector');
    const vector = linear(this.#view.getBigUint64(message + 16, true));
    const offset = linear(this.#view.getBigUint64(vector, true));
    const room = Number(this.#view.getBigUint64(vector + 8, true));
    const { offset: first, byteCount } = this.#ports.chunks;
    if (offset < first || offset + room > first + byteCount) throw new Error('a vector leaves the pool');
    return { offset, room };
  }
}

/** Reads and writes frames one at a time. */
export class Device {
  readonly #ports: PortTable;
  readonly #port: number;

  constructor(ports: PortTable, port: number) {
    this.#ports = ports;
    this.#port = port;
  }

  /** A frame arrives; false when there is no room for it. */
  deliver(frame: Uint8Array): boolean {
    const offset = this.#ports.frameRoom(this.#port);
    if (offset === 0) return false;
    this.#ports.bytes.set(frame, offset);
    this.#ports.takeFrame(this.#port, frame.length);
    return true;
  }

  /** Takes what waits. */
  write(count = this.#ports.pendingCount(this.#port)): Uint8Array[] {
    const frames = Array.from({ length: Math.min(count, this.#ports.pendingCount(this.#port)) }, (_, index) => {
      const offset = this.#ports.pendingOffset(this.#port, index);
      return this.#ports.bytes.slice(offset, offset + this.#ports.pendingBytes(this.#port, index));
    });
    this.#ports.sent(this.#port, frames.length, false);
    return frames;
  }
}

/** `struct sockaddr_in` of an IPv4 address, `struct sockaddr_in6` of an IPv6 one. */
export function socketName(addressBytes: Uint8Array, port: number): Uint8Array {
  const isIpv6 = addressBytes.length === 16;
  const name = new Uint8Array(isIpv6 ? 28 : 16);
  const view = new DataView(name.buffer);
  view.setUint16(0, isIpv6 ? 10 : 2, true);
  view.setUint16(2, port);
  name.set(addressBytes, isIpv6 ? 8 : 4);
  return name;
}

function linear(pointer: bigint): number {
  return Number(pointer - NATIVE_ADDRESS);
}
