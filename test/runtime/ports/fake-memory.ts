/**
 * A `PortMemory` in JavaScript, for ports without a data plane: what arrives is kept as it came, and what is put is sent.
 * Frames are whole here, with the virtio header in front where the port has one.
 *
 *   port 0: | messages | vectors | names | chunks to receive into | chunks to send |  port 1: …
 */
import type { PortCounters, PortMemory, PortTraits } from '../../../sdk/runtime/packet-port.js';

const MESSAGE_COUNT = 8;
const CHUNK_BYTES = 69_632;
const MESSAGE_BYTES = 64;
const VECTOR_BYTES = 16;
const NAME_BYTES = 32;
const TRANSMIT = MESSAGE_COUNT;

const MESSAGES = 0;
const VECTORS = MESSAGES + 2 * MESSAGE_COUNT * MESSAGE_BYTES;
const NAMES = VECTORS + 2 * MESSAGE_COUNT * VECTOR_BYTES;
const CHUNKS = 4096;
const PORT_BYTES = CHUNKS + 2 * MESSAGE_COUNT * CHUNK_BYTES;
const PORT_COUNT = 4;

/** What has arrived by a port. */
export interface Arrival {
  readonly bytes: Uint8Array;
  /** `datagrams`: the socket address of the sender. */
  readonly name: Uint8Array;
}

interface OpenPort {
  readonly traits: PortTraits;
  readonly arrivals: Arrival[];
  readonly pendingBytes: number[];
  sent: number;
  sendDropped: number;
}

export class FakeMemory implements PortMemory {
  readonly bytes = new Uint8Array(PORT_COUNT * PORT_BYTES);
  readonly chunks = { offset: 0, byteCount: 0, chunkBytes: CHUNK_BYTES };
  readonly frameRoomBytes = CHUNK_BYTES;
  /** Frames `frameRoom` still has room for; the others wait in the kernel. */
  roomCount = Number.POSITIVE_INFINITY;
  readonly #view = new DataView(this.bytes.buffer);
  readonly #ports: (OpenPort | undefined)[] = Array.from({ length: PORT_COUNT });
  #address = 0n;

  locate(address: bigint): void {
    this.#address = address;
  }

  open(traits: PortTraits): number {
    const port = this.#ports.indexOf(undefined);
    this.#ports[port] = { traits, arrivals: [], pendingBytes: [], sent: 0, sendDropped: 0 };
    for (let index = 0; index < 2 * MESSAGE_COUNT; index++) this.#layOut(port, index);
    return port;
  }

  close(port: number): void {
    this.#ports[port] = undefined;
  }

  /** What has arrived since the last call. */
  arrivals(port: number): Arrival[] {
    return this.#open(port).arrivals.splice(0);
  }

  /** Puts a frame where the next `send` takes it; `datagrams` with the socket address it goes to. */
  put(port: number, frame: Uint8Array, name?: Uint8Array): void {
    const { pendingBytes } = this.#open(port);
    const index = TRANSMIT + pendingBytes.length;
    this.bytes.set(frame, chunkOf(port, index));
    this.#view.setBigUint64(vectorOf(port, index) + 8, BigInt(frame.length), true);
    if (name) {
      this.bytes.set(name, nameOf(port, index));
      this.#view.setUint32(messageOf(port, index) + 8, name.length, true);
    }
    pendingBytes.push(frame.length);
  }

  places(port: number) {
    return {
      receiveRing: 0,
      transmitRing: 0,
      fillRing: 0,
      completionRing: 0,
      receiveMessages: messageOf(port, 0),
      transmitMessages: messageOf(port, TRANSMIT),
      messageCount: MESSAGE_COUNT,
    };
  }

  takeMessages(port: number, messageCount: number): number {
    for (let index = 0; index < messageCount; index++) {
      const message = messageOf(port, index);
      const nameBytes = this.#view.getUint32(message + 8, true);
      this.#arrive(port, chunkOf(port, index), this.#view.getUint32(message + 56, true), {
        at: nameOf(port, index),
        bytes: nameBytes,
      });
      this.#layOut(port, index);
    }
    return messageCount;
  }

  waitingCount(): number {
    return 0;
  }

  frameRoom(port: number): number {
    return this.roomCount > 0 ? chunkOf(port, 0) : 0;
  }

  takeFrame(port: number, byteCount: number): number {
    this.roomCount -= 1;
    this.#arrive(port, chunkOf(port, 0), byteCount, { at: 0, bytes: 0 });
    return 1;
  }

  pendingCount(port: number): number {
    return this.#open(port).pendingBytes.length;
  }

  pendingOffset(port: number, index: number): number {
    return chunkOf(port, TRANSMIT + index);
  }

  pendingBytes(port: number, index: number): number {
    return this.#open(port).pendingBytes[index];
  }

  /** Those that wait stay where they are: a test puts no others meanwhile. */
  sent(port: number, count: number, isRefused: boolean): void {
    const open = this.#open(port);
    open.pendingBytes.splice(0, count);
    open.sent += count;
    if (isRefused) open.sendDropped += open.pendingBytes.splice(0).length;
  }

  counters(port: number): PortCounters {
    const { sent, sendDropped } = this.#open(port);
    return { received: 0, sent, sendDropped, tooLong: 0, finished: 0, segmented: 0 };
  }

  startRings(): void {
    throw new Error('no rings here');
  }

  takeRing(): number {
    throw new Error('no rings here');
  }

  needsWakeup(): boolean {
    throw new Error('no rings here');
  }

  #open(port: number): OpenPort {
    const open = this.#ports[port];
    if (!open) throw new Error(`port ${port} is closed`);
    return open;
  }

  #arrive(port: number, at: number, byteCount: number, name: { at: number; bytes: number }): void {
    const bytes = this.bytes.slice(at, at + byteCount);
    this.#open(port).arrivals.push({ bytes, name: this.bytes.slice(name.at, name.at + name.bytes) });
  }

  #layOut(port: number, index: number): void {
    const message = messageOf(port, index);
    const isNamed = this.#open(port).traits.kind === 'datagrams';
    this.bytes.fill(0, message, message + MESSAGE_BYTES);
    if (isNamed) {
      this.#view.setBigUint64(message, this.#address + BigInt(nameOf(port, index)), true);
      this.#view.setUint32(message + 8, NAME_BYTES, true);
    }
    this.#view.setBigUint64(message + 16, this.#address + BigInt(vectorOf(port, index)), true);
    this.#view.setBigUint64(message + 24, 1n, true);
    this.#view.setBigUint64(vectorOf(port, index), this.#address + BigInt(chunkOf(port, index)), true);
    this.#view.setBigUint64(vectorOf(port, index) + 8, BigInt(CHUNK_BYTES), true);
  }
}

function messageOf(port: number, index: number): number {
  return port * PORT_BYTES + MESSAGES + index * MESSAGE_BYTES;
}

function vectorOf(port: number, index: number): number {
  return port * PORT_BYTES + VECTORS + index * VECTOR_BYTES;
}

function nameOf(port: number, index: number): number {
  return port * PORT_BYTES + NAMES + index * NAME_BYTES;
}

function chunkOf(port: number, index: number): number {
  return port * PORT_BYTES + CHUNKS + index * CHUNK_BYTES;
}
