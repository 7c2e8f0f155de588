/**
 * A `PortMemory` of rings that are walked in JavaScript, so that a test sees every frame where it lies, and says what becomes
 * of it.
 *
 *   port 0: receive ring, transmit ring, fill ring, completion ring, 64 KiB each | port 1: … | … | chunks
 */
import type {
  PortCounters,
  PortMemory,
  PortTraits,
  RingLayout,
  RingLayouts,
} from '../../../sdk/runtime/packet-port.js';

const PLACE_BYTES = 65_536;
const PORT_COUNT = 4;
const CHUNK_COUNT = 1024;
const CHUNKS_OFFSET = 4 * PORT_COUNT * PLACE_BYTES;
const LENT_MAX = 200;

/** A frame in its chunk. */
export interface RingFrame {
  readonly offset: number;
  readonly byteCount: number;
}

export class RingMemory implements PortMemory {
  readonly bytes: Uint8Array;
  readonly chunks: { readonly offset: number; readonly byteCount: number; readonly chunkBytes: number };
  readonly frameRoomBytes = 0;
  readonly #view: DataView;
  readonly #free: number[] = [];
  readonly #ports: (RingPort | undefined)[] = Array.from({ length: PORT_COUNT });

  constructor(chunkBytes = 2048) {
    const byteCount = CHUNK_COUNT * chunkBytes;
    const pages = (CHUNKS_OFFSET + byteCount) / PLACE_BYTES;
    const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.chunks = { offset: CHUNKS_OFFSET, byteCount, chunkBytes };
    for (let address = 0; address < byteCount; address += chunkBytes) this.#free.push(address);
  }

  get freeChunkCount(): number {
    return this.#free.length;
  }

  locate(): void {}

  open(_: PortTraits): number {
    const port = this.#ports.indexOf(undefined);
    this.#ports[port] = new RingPort();
    return port;
  }

  /** Chunks that the kernel has had come back. */
  close(port: number): void {
    this.#free.push(...this.#port(port).lent);
    this.#ports[port] = undefined;
  }

  places(port: number) {
    const base = 4 * port * PLACE_BYTES;
    return {
      receiveRing: base,
      transmitRing: base + PLACE_BYTES,
      fillRing: base + 2 * PLACE_BYTES,
      completionRing: base + 3 * PLACE_BYTES,
      receiveMessages: 0,
      transmitMessages: 0,
      messageCount: 0,
    };
  }

  startRings(port: number, layouts: RingLayouts): void {
    const { receiveRing, transmitRing, fillRing, completionRing } = this.places(port);
    this.#port(port).rings = {
      receive: new Ring(this.#view, receiveRing, layouts.receive, 16),
      transmit: new Ring(this.#view, transmitRing, layouts.transmit, 16),
      fill: new Ring(this.#view, fillRing, layouts.fill, 8),
      completion: new Ring(this.#view, completionRing, layouts.completion, 8),
    };
    this.#refill(port);
  }

  takeRing(port: number): number {
    const { rings, lent, arrivals } = this.#port(port);
    for (const at of rings.completion.take()) this.#takeBack(port, Number(this.#view.getBigUint64(at, true)));
    const before = arrivals.length;
    for (const at of rings.receive.take()) {
      const address = Number(this.#view.getBigUint64(at, true));
      lent.delete(this.#chunkOf(address));
      arrivals.push({ offset: CHUNKS_OFFSET + address, byteCount: this.#view.getUint32(at + 8, true) });
    }
    this.#refill(port);
    return arrivals.length - before;
  }

  /** What has arrived since the last call; every frame is to be sent or dropped. */
  arrivals(port: number): RingFrame[] {
    return this.#port(port).arrivals.splice(0);
  }

  /** Has a frame leave by a port, whichever it came in by. */
  transmit(port: number, { offset, byteCount }: RingFrame): void {
    const { rings, lent } = this.#port(port);
    const at = rings.transmit.put();
    this.#view.setBigUint64(at, BigInt(offset - CHUNKS_OFFSET), true);
    this.#view.setUint32(at + 8, byteCount, true);
    this.#view.setUint32(at + 12, 0, true);
    lent.add(this.#chunkOf(offset - CHUNKS_OFFSET));
    rings.transmit.publish();
  }

  drop({ offset }: RingFrame): void {
    this.#free.push(this.#chunkOf(offset - CHUNKS_OFFSET));
  }

  pendingCount(port: number): number {
    return this.#port(port).rings.transmit.filledCount;
  }

  needsWakeup(port: number): boolean {
    return this.#port(port).rings.transmit.needsWakeup;
  }

  counters(): PortCounters {
    return { received: 0, sent: 0, sendDropped: 0, tooLong: 0, finished: 0, segmented: 0 };
  }

  takeMessages(): number {
    throw new RangeError('no port of messages');
  }
  waitingCount(): number {
    throw new RangeError('no port of messages');
  }
  frameRoom(): number {
    throw new RangeError('no port of frames');
  }
  takeFrame(): number {
    throw new RangeError('no port of frames');
  }
  pendingOffset(): number {
    throw new RangeError('no port of frames');
  }
  pendingBytes(): number {
    throw new RangeError('no port of frames');
  }
  sent(): void {
    throw new RangeError('no port of frames');
  }

  #refill(port: number): void {
    const { rings, lent } = this.#port(port);
    while (lent.size < LENT_MAX && this.#free.length > 0) {
      const address = this.#free.pop()!;
      this.#view.setBigUint64(rings.fill.put(), BigInt(address), true);
      lent.add(address);
    }
    rings.fill.publish();
  }

  #takeBack(port: number, address: number): void {
    this.#port(port).lent.delete(this.#chunkOf(address));
    this.#free.push(this.#chunkOf(address));
  }

  #chunkOf(address: number): number {
    return address - (address % this.chunks.chunkBytes);
  }

  #port(port: number): RingPort {
    const open = this.#ports[port];
    if (open === undefined) throw new RangeError(`no port ${port}`);
    return open;
  }
}

class RingPort {
  rings!: Readonly<Record<'receive' | 'transmit' | 'fill' | 'completion', Ring>>;
  /** Chunks the kernel has. */
  readonly lent = new Set<number>();
  readonly arrivals: RingFrame[] = [];
}

class Ring {
  readonly #indexes: Int32Array;
  readonly #producer: number;
  readonly #consumer: number;
  readonly #flags: number;
  #written: number;

  constructor(
    view: DataView,
    readonly place: number,
    readonly layout: RingLayout,
    readonly entryBytes: number,
  ) {
    this.#indexes = new Int32Array(view.buffer);
    this.#producer = (place + layout.producer) >> 2;
    this.#consumer = (place + layout.consumer) >> 2;
    this.#flags = (place + layout.flags) >> 2;
    this.#written = Atomics.load(this.#indexes, this.#producer);
  }

  get filledCount(): number {
    return (this.#written - Atomics.load(this.#indexes, this.#consumer)) >>> 0;
  }

  get needsWakeup(): boolean {
    return (this.#indexes[this.#flags]! & 1) !== 0;
  }

  /** Where the entries lie that the kernel has put there. */
  *take(): Generator<number> {
    const end = Atomics.load(this.#indexes, this.#producer);
    let index = Atomics.load(this.#indexes, this.#consumer);
    for (; index !== end; index = (index + 1) | 0) yield this.#entry(index);
    Atomics.store(this.#indexes, this.#consumer, index);
  }

  /** Where the next entry for the kernel goes. */
  put(): number {
    const at = this.#entry(this.#written);
    this.#written = (this.#written + 1) | 0;
    return at;
  }

  publish(): void {
    Atomics.store(this.#indexes, this.#producer, this.#written);
  }

  #entry(index: number): number {
    return this.place + this.layout.descriptors + (index & (this.layout.entryCount - 1)) * this.entryBytes;
  }
}
