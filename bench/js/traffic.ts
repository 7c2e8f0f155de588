/**
 * The packets of a workload, made where they lie: each slot gets a source address and port and a checksum that fits,
 * each descriptor its slot. `native/main.c` makes the same ones.
 *
 * The TCP checksum is left as it was: a MUX does not look at it.
 */
import * as abi from '../../assembly/abi.js';
import { BATCH_FRAME_COUNT } from '../scenario.js';
import { sourceOf } from './sequence.js';
import type { Slots } from './slots.js';

const IP = 14;
const IPV4_BYTES = 20;
const CHECKSUM = 10;
const SOURCE = 12;
const IPV6_VERSION = 6;
/** The last four bytes of the source address, and the source port, of a frame with IPv6. */
const IPV6_SOURCE_LOW = IP + 20;
const IPV6_SOURCE_PORT = IP + 40;
const WORD_COUNT = 2 ** 32;

export class Traffic {
  readonly #slots: Slots;
  readonly #frame: Uint8Array;
  readonly #flowCount: number;
  readonly #frameBytes: number;
  readonly #isIpv6: boolean;
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
    this.#isIpv6 = frame[IP] >> 4 === IPV6_VERSION;
    this.#headerSum = sumWithoutSource(frame.subarray(IP, IP + IPV4_BYTES));
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
    const isIpv6 = this.#isIpv6;
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
      const source = sourceOf(flow);
      // 24 of its bits choose a host in 10.0.0.0/8, the other eight a port of 16384..16639.
      const address = (source & 0xffffff00) | 10;
      const portNet = ((source & 0xff) << 8) | 0x40;
      if (isIpv6) {
        halves[(frame + IPV6_SOURCE_LOW) >> 1] = address;
        halves[(frame + IPV6_SOURCE_LOW + 2) >> 1] = address >>> 16;
        halves[(frame + IPV6_SOURCE_PORT) >> 1] = portNet;
      } else {
        let sum = headerSum + (address & 0xffff) + (address >>> 16);
        sum = (sum & 0xffff) + (sum >>> 16);
        sum = (sum & 0xffff) + (sum >>> 16);
        const ip = (frame + IP) >> 1;
        halves[ip + 5] = ~sum;
        halves[ip + 6] = address;
        halves[ip + 7] = address >>> 16;
        halves[ip + 10] = portNet;
      }
      words[descriptor] = frame;
      words[descriptor + 1] = frameBytes;
      frame += slotBytes;
      descriptor += abi.DESCRIPTOR_BYTES >> 2;
    }
    this.#random = random;
    this.#next = next;
  }
}

function sumWithoutSource(header: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) {
    if (at !== CHECKSUM && at !== SOURCE && at !== SOURCE + 2) sum += header[at] | (header[at + 1] << 8);
  }
  return sum;
}
