/**
 * The packets of a host agent's workload, made where they lie: each slot gets another client and what the host agent has
 * translated in it before. `native/host_main.c` makes the same ones.
 *
 * The TCP checksum is left as it was: a host agent mends it, and does not look whether it is true.
 */
import * as abi from '../../assembly/abi.js';
import { type Direction, TUNNEL_BYTES } from '../host-scenario.js';
import { BATCH_FRAME_COUNT } from '../scenario.js';
import { type Sequence, sourceOf } from './sequence.js';
import type { Slots } from './slots.js';

// Halves behind the tenant's Ethernet header.
const SOURCE_MAC = 3;
const IP = 7;
const CHECKSUM = 12;
const SOURCE = 13;
const DESTINATION = 15;
const SOURCE_PORT = 17;
const DESTINATION_PORT = 18;
const TCP_CHECKSUM = 25;
const HEADERS_END = 27;

export class HostTraffic {
  readonly #slots: Slots;
  readonly #frame: Uint8Array;
  readonly #sequence: Sequence;
  readonly #isIn: boolean;
  /** From the start of a frame to the tenant's Ethernet header. */
  readonly #tunnelBytes: number;
  readonly #headers: Uint16Array;
  /** One's complement sum of the tenant's IPv4 header without client and checksum. */
  readonly #headerSum: number;

  constructor(slots: Slots, frame: Uint8Array, direction: Direction, sequence: Sequence) {
    this.#slots = slots;
    this.#frame = frame;
    this.#sequence = sequence;
    this.#isIn = direction === 'deliver';
    this.#tunnelBytes = this.#isIn ? TUNNEL_BYTES : 0;
    this.#headers = halvesOf(frame.subarray(this.#tunnelBytes));
    this.#headerSum = sumWithoutClient(this.#headers, this.#isIn ? SOURCE : DESTINATION);
  }

  /** Puts the frame into every slot: once, before others of its kind are generated. */
  put(): void {
    this.#slots.put(this.#frame);
  }

  /** The next batch: its connections at random, or one after the other. */
  generate(isInOrder: boolean): void {
    const { halves, words, slotBytes, frames, descriptors } = this.#slots;
    const headers = this.#headers;
    const headerSum = this.#headerSum;
    const frameBytes = this.#frame.length;
    const tunnelBytes = this.#tunnelBytes;
    const client = this.#isIn ? SOURCE : DESTINATION;
    const clientPort = this.#isIn ? SOURCE_PORT : DESTINATION_PORT;
    const link = abi.LINK_ETHERNET | ((this.#isIn ? abi.PORT_UNDERLAY : abi.PORT_VM) << 8);
    const sequence = this.#sequence;
    let frame = frames;
    let descriptor = descriptors >> 2;
    for (let count = 0; count < BATCH_FRAME_COUNT; count++) {
      const source = sourceOf(sequence.next(isInOrder));
      const address = (source & 0xffffff00) | 10;
      let sum = headerSum + (address & 0xffff) + (address >>> 16);
      sum = (sum & 0xffff) + (sum >>> 16);
      sum = (sum & 0xffff) + (sum >>> 16);
      const at = (frame + tunnelBytes) >> 1;
      halves[at + SOURCE_MAC] = headers[SOURCE_MAC];
      halves[at + SOURCE_MAC + 1] = headers[SOURCE_MAC + 1];
      halves[at + SOURCE_MAC + 2] = headers[SOURCE_MAC + 2];
      halves[at + CHECKSUM] = ~sum;
      for (let half = SOURCE; half <= DESTINATION_PORT; half++) halves[at + half] = headers[half];
      halves[at + client] = address;
      halves[at + client + 1] = address >>> 16;
      halves[at + clientPort] = ((source & 0xff) << 8) | 0x40;
      halves[at + TCP_CHECKSUM] = headers[TCP_CHECKSUM];
      words[descriptor] = frame;
      words[descriptor + 1] = frameBytes;
      words[descriptor + 2] = link;
      frame += slotBytes;
      descriptor += abi.DESCRIPTOR_BYTES >> 2;
    }
  }
}

function halvesOf(bytes: Uint8Array): Uint16Array {
  return Uint16Array.from({ length: HEADERS_END }, (_, at) => bytes[2 * at] | (bytes[2 * at + 1] << 8));
}

function sumWithoutClient(headers: Uint16Array, client: number): number {
  let sum = 0;
  for (let at = IP; at < SOURCE_PORT; at++) {
    if (at !== CHECKSUM && at !== client && at !== client + 1) sum += headers[at];
  }
  return sum;
}
