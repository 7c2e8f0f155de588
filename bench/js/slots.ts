/** Frames and their descriptors in one buffer, laid out as assembly/abi.ts says. */
import * as abi from '../../assembly/abi.js';
import type { DataPlane } from '../../sdk/dataplane/instance.js';
import { BATCH_FRAME_COUNT } from '../scenario.js';

/** What an Ethernet header of 14 bytes leaves to the next word. */
const ALIGNMENT_BYTES = 2;
const WORD_BYTES = 4;

export interface SlotPlan {
  readonly buffer: ArrayBuffer;
  /** First byte of the descriptors. */
  readonly descriptors: number;
  /** First byte of the first frame. */
  readonly frames: number;
  readonly slotBytes: number;
}

export class Slots implements SlotPlan {
  readonly buffer: ArrayBuffer;
  readonly descriptors: number;
  readonly frames: number;
  readonly slotBytes: number;
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
  readonly words: Int32Array;

  constructor({ buffer, descriptors, frames, slotBytes }: SlotPlan) {
    this.buffer = buffer;
    this.descriptors = descriptors;
    this.frames = frames;
    this.slotBytes = slotBytes;
    this.bytes = new Uint8Array(buffer);
    this.halves = new Uint16Array(buffer);
    this.words = new Int32Array(buffer);
  }

  /** The slots of a data plane, in its linear memory. */
  static of(dataPlane: DataPlane): Slots {
    return new Slots({
      buffer: dataPlane.bytes.buffer as ArrayBuffer,
      descriptors: dataPlane.region(abi.REGION_DESCRIPTORS).base,
      frames: dataPlane.region(abi.REGION_SLOTS).base + abi.HEADROOM_BYTES,
      slotBytes: dataPlane.plan.slotBytes,
    });
  }

  /** Slots in memory of their own, whose IPv4 headers are aligned to words. */
  static aligned(slotBytes: number): Slots {
    const descriptorsBytes = BATCH_FRAME_COUNT * abi.DESCRIPTOR_BYTES;
    const buffer = new ArrayBuffer(descriptorsBytes + BATCH_FRAME_COUNT * slotBytes + WORD_BYTES);
    return new Slots({
      buffer,
      descriptors: 0,
      frames: descriptorsBytes + abi.HEADROOM_BYTES + ALIGNMENT_BYTES,
      slotBytes,
    });
  }

  /** Puts the same frame into every slot. */
  put(frame: Uint8Array): void {
    for (let at = 0; at < BATCH_FRAME_COUNT; at++) this.bytes.set(frame, this.frames + at * this.slotBytes);
  }

  /** The outcome the descriptor of a frame tells of. */
  outcome(index: number): { verdict: number; reason: number; bytes: Uint8Array } {
    const descriptor = this.descriptors + index * abi.DESCRIPTOR_BYTES;
    const offset = this.words[(descriptor + abi.DESCRIPTOR_OFFSET) >> 2];
    const length = this.words[(descriptor + abi.DESCRIPTOR_LENGTH) >> 2];
    return {
      verdict: this.bytes[descriptor + abi.DESCRIPTOR_VERDICT],
      reason: this.bytes[descriptor + abi.DESCRIPTOR_REASON],
      bytes: this.bytes.subarray(offset, offset + length),
    };
  }
}
