/**
 * The packets of a workload, made where they lie: each slot gets a source address and port and a checksum that fits,
 * each descriptor its slot. `native/main.c` makes the same ones.
 *
 * The TCP checksum is left as it was: a MUX does not look at it.
 */
import * as abi from '../../assembly/abi.js';
import { BATCH_FRAME_COUNT } from '../scenario.js';
import type { Slots } from './slots.js';

const IPV4 = 14;
const IPV4_BYTES = 20;
const CHECKSUM = 10;
const SOURCE = 12;
const WORD_COUNT = 2 ** 32;

export class Traffic {
  readonly #slots: Slots;
  readonly #frame: Uint8Array;
  readonly #flowCount: number;
  readonly #frameBytes: number;
  /** One's complement sum of the IPv4 header without source address and checksum. */
  readonly #headerSum: number;
  #random = 0x9e3779b9 | 0;
  #next: number;

  /**
   * @param flowCount connections to draw from; 0: every packet is of a connection never seen before
   * @param first number of the first one
   */
  constructor(slots: Slots, frame: Uint8Array, flowCount: number, first = 0) {
    slots.put(frame);
    this.#slots = slots;
    this.#frame = frame;
    this.#next = first;
    this.#flowCount = flowCount;
    this.#frameBytes = frame.length;
    this.#headerSum = sumWithoutSource(frame.subarray(IPV4, IPV4 + IPV4_BYTES));
  }

  /** To be called before generate when another traffic has used the slots. */
  takeSlots(): void {
    this.#slots.put(this.#frame);
  }

  /** The next batch: its connections at random, or one after the other. */
  generate(isInOrder: boolean): void {
    const { halves, words, slotBytes, frames, descriptors } = this.#slots;
    const flowCount = this.#flowCount;
    const frameBytes = this.#frameBytes;
    const headerSum = this.#headerSum;
    const isSequence = isInOrder || flowCount === 0;
    let random = this.#random;
    let next = this.#next;
    let frame = frames;
    let descriptor = descriptors >> 2;
    for (let count = 0; count < BATCH_FRAME_COUNT; count++) {
      let flow: number;
      if (isSequence) {
        flow = flowCount === 0 ? next : next % flowCount;
        next = (next + 1) >>> 0;
      } else {
        random ^= random << 13;
        random ^= random >>> 17;
        random ^= random << 5;
        flow = Math.floor(((random >>> 0) * flowCount) / WORD_COUNT);
      }
      const hash = hashOf(flow);
      const source = addressOf(hash);
      let sum = headerSum + (source & 0xffff) + (source >>> 16);
      sum = (sum & 0xffff) + (sum >>> 16);
      sum = (sum & 0xffff) + (sum >>> 16);
      const ip = (frame + IPV4) >> 1;
      halves[ip + 5] = ~sum;
      halves[ip + 6] = source;
      halves[ip + 7] = source >>> 16;
      halves[ip + 10] = hash | 0x0004;
      words[descriptor] = frame;
      words[descriptor + 1] = frameBytes;
      frame += slotBytes;
      descriptor += abi.DESCRIPTOR_BYTES >> 2;
    }
    this.#random = random;
    this.#next = next;
  }
}

/** An address a host may have, 128.0.0.0 to 191.255.255.255; the two bits it costs are in the port. */
function addressOf(hash: number): number {
  return (hash & ~0xc0) | 0x80;
}

/** A source address and port of its own for every flow: the finalizer of MurmurHash3, which maps 32 bits one to one. */
function hashOf(flow: number): number {
  let hash = flow | 0;
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function sumWithoutSource(header: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) {
    if (at !== CHECKSUM && at !== SOURCE && at !== SOURCE + 2) sum += header[at] | (header[at + 1] << 8);
  }
  return sum;
}
