/**
 * The batch: frames on their way into and out of a data plane.
 *
 * Frames are copied into slots of linear memory behind a headroom, processed together by one call, and read where they
 * lie afterwards. A frame that is too long for its slot is not copied; the data plane sees its length and drops it.
 */
import * as abi from '../../assembly/abi.js';
import type { DataPlane } from './instance.js';
import { type DropReason, reasonName, type Verdict, verdictName } from './reasons.js';

/** What a frame begins with: an Ethernet header, or the IP header itself (TUN devices, LINKTYPE_RAW captures). */
export type Link = 'ethernet' | 'bare';

/** Where a host agent's frame comes from; `shared`: by its source MAC address, as in a capture of both sides. */
export type FramePort = 'underlay' | 'vm' | 'shared';

const LINKS: Readonly<Record<Link, number>> = { ethernet: abi.LINK_ETHERNET, bare: abi.LINK_BARE };
const PORTS: Readonly<Record<FramePort, number>> = {
  underlay: abi.PORT_UNDERLAY,
  vm: abi.PORT_VM,
  shared: abi.PORT_SHARED,
};

/** What became of one frame. */
export interface Processed {
  readonly verdict: Verdict;
  /** Why, when the verdict is `drop`. */
  readonly reason: DropReason | undefined;
  /** The frame as it is to be sent; `undefined` when it was dropped or is kept. */
  readonly bytes: Uint8Array | undefined;
  /**
   * Further frames to send, in order: of a MUX fragments it had kept for this one, of a host agent resets of connections
   * that were idle for too long.
   */
  readonly produced: readonly Processed[];
}

/**
 * A batch of frames.
 *
 * Processing may put further frames behind those that were added, as far as there is room: `count` says how many there
 * are then. An empty batch may be processed too, for nothing but such frames.
 *
 * @example
 * ```ts
 * const { batch } = mux;
 * for (const frame of frames) batch.add(frame);
 * mux.processBatch(nowMs);
 * for (let index = 0; index < batch.count; index++) if (batch.verdict(index) === 'forward') send(batch.bytes(index));
 * batch.clear();
 * ```
 */
export class Batch {
  readonly #dataPlane: DataPlane;
  readonly #descriptors: number;
  readonly #slots: number;
  #count = 0;
  #isProcessed = false;

  constructor(dataPlane: DataPlane) {
    this.#dataPlane = dataPlane;
    this.#descriptors = dataPlane.region(abi.REGION_DESCRIPTORS).base;
    this.#slots = dataPlane.region(abi.REGION_SLOTS).base;
  }

  /** Frames in the batch: those that were added and, once it has been processed, those that were produced. */
  get count(): number {
    return this.#count;
  }

  /** Whether the batch has no room left. */
  get isFull(): boolean {
    return this.#count === this.#dataPlane.capacities.batchFrameCountMax;
  }

  clear(): void {
    this.#count = 0;
    this.#isProcessed = false;
  }

  /**
   * Runs the frames through a data plane: once, then no more until the batch has been cleared.
   *
   * @param run processes so many frames, and answers how many there are afterwards
   */
  process(run: (count: number) => number): void {
    if (this.#isProcessed) return;
    this.#isProcessed = true;
    this.#count = run(this.#count);
  }

  /** Copies a frame in; returns its index. The batch must not be full, and cleared since it was processed. */
  add(frame: Uint8Array, link: Link = 'ethernet', port: FramePort = 'underlay'): number {
    if (this.isFull) throw new RangeError(`the batch is full: ${this.#count} frames`);
    if (this.#isProcessed) throw new RangeError('the batch has been processed: clear it first');
    const index = this.#count++;
    const offset = this.#slots + index * this.#dataPlane.plan.slotBytes + abi.HEADROOM_BYTES;
    if (frame.length <= this.#dataPlane.capacities.frameBytesMax) this.#dataPlane.bytes.set(frame, offset);
    const descriptor = this.#descriptor(index);
    const { view } = this.#dataPlane;
    view.setUint32(descriptor + abi.DESCRIPTOR_OFFSET, offset, true);
    view.setUint32(descriptor + abi.DESCRIPTOR_LENGTH, frame.length, true);
    view.setUint8(descriptor + abi.DESCRIPTOR_LINK, LINKS[link]);
    view.setUint8(descriptor + abi.DESCRIPTOR_PORT, PORTS[port]);
    return index;
  }

  verdict(index: number): Verdict {
    return verdictName(this.#dataPlane.bytes[this.#descriptor(index) + abi.DESCRIPTOR_VERDICT]);
  }

  /** Why the frame was dropped; `undefined` when it was not. */
  reason(index: number): DropReason | undefined {
    return reasonName(this.#dataPlane.bytes[this.#descriptor(index) + abi.DESCRIPTOR_REASON]);
  }

  /** The frame as it is to be sent: a view, valid until the slot is used again. Meaningless for a dropped or kept one. */
  bytes(index: number): Uint8Array {
    const descriptor = this.#descriptor(index);
    const offset = this.#dataPlane.view.getUint32(descriptor + abi.DESCRIPTOR_OFFSET, true);
    const length = this.#dataPlane.view.getUint32(descriptor + abi.DESCRIPTOR_LENGTH, true);
    return this.#dataPlane.bytes.subarray(offset, offset + length);
  }

  /** Index of the service that took the frame, `NO_INDEX` without one; a MUX knows its services by it. */
  serviceIndex(index: number): number {
    return this.#dataPlane.view.getUint32(this.#descriptor(index) + abi.DESCRIPTOR_SERVICE, true);
  }

  /** Index of the backend that was chosen, `NO_INDEX` without one. */
  backendIndex(index: number): number {
    return this.#dataPlane.view.getUint32(this.#descriptor(index) + abi.DESCRIPTOR_BACKEND, true);
  }

  /** Verdict, reason and a copy of the frame. */
  processed(index: number): Processed {
    const verdict = this.verdict(index);
    const isGone = verdict === 'drop' || verdict === 'hold';
    return { verdict, reason: this.reason(index), bytes: isGone ? undefined : this.bytes(index).slice(), produced: [] };
  }

  /** The same of the only frame that was added, with all that were produced. */
  processedAlone(): Processed {
    const produced = Array.from({ length: this.#count - 1 }, (_, at) => this.processed(at + 1));
    return { ...this.processed(0), produced };
  }

  #descriptor(index: number): number {
    if (!(index >= 0 && index < this.#count)) throw new RangeError(`no frame ${index} in a batch of ${this.#count}`);
    return this.#descriptors + index * abi.DESCRIPTOR_BYTES;
  }
}
