/** What a JavaScript contestant does, whichever runtime it is in and however its orders reach it. */
import type { Direction } from '../host-scenario.js';
import { BATCH_FRAME_COUNT } from '../scenario.js';
import { HostTraffic } from './host-traffic.js';
import type { Implementation, Outcome } from './implementation.js';
import { ringMembers } from './ring.js';
import { Sequence } from './sequence.js';
import { Traffic } from './traffic.js';

/** A millisecond passes every 64 batches: the clock of a MUX that is sent 16 million packets per second. */
const BATCHES_PER_MS = 64;
const START_MS = 1_000_000;
const TICK_MS = 1024;

const RECORD_HEADER_BYTES = 6;

export class Subject {
  readonly #implementation: Implementation;
  /** What is measured. */
  #traffic: Traffic | HostTraffic;
  /** What opens the connections, where that is other packets. */
  #opening: HostTraffic | undefined;
  #batchNumber = 0;
  /** Every filling begins in another tick, for trust takes packets in three of them. */
  #startMs = START_MS;

  constructor(implementation: Implementation) {
    this.#implementation = implementation;
    this.#traffic = new Traffic(implementation.slots, new Uint8Array(64), 1);
  }

  /** Starts over: no flow is known, nothing is counted, every slot holds this frame. */
  useWorkload(flowCount: number, frame: Uint8Array): void {
    this.#startOver();
    this.#traffic = new Traffic(this.#implementation.slots, frame, flowCount);
  }

  /** The same for a host agent: clients open the connections, and then come packets of one direction. */
  useHostWorkload(flowCount: number, tunneled: Uint8Array, answer: Uint8Array, direction: Direction): void {
    this.#startOver();
    const { slots } = this.#implementation;
    const sequence = new Sequence(flowCount);
    this.#opening = new HostTraffic(slots, tunneled, 'deliver', sequence);
    this.#traffic = direction === 'deliver' ? this.#opening : new HostTraffic(slots, answer, direction, sequence);
  }

  fill(batchCount: number): void {
    this.#startMs += TICK_MS;
    this.#opening?.put();
    const traffic = this.#opening ?? this.#traffic;
    for (let count = 0; count < batchCount; count++) {
      traffic.generate(true);
      this.#process();
    }
    if (this.#traffic instanceof HostTraffic) this.#traffic.put();
  }

  /** What comes out for the next packets, each as verdict u8, reason u8, length u32, bytes. */
  frames(batchCount: number): Uint8Array {
    const records: Uint8Array[] = [];
    for (let count = 0; count < batchCount; count++) {
      this.#traffic.generate(false);
      this.#process();
      for (let at = 0; at < BATCH_FRAME_COUNT; at++) records.push(recordOf(this.#implementation.outcome(at)));
    }
    return concat(records);
  }

  counters(): string {
    return this.#implementation.counters().join(' ');
  }

  run(batchCount: number): void {
    for (let count = 0; count < batchCount; count++) {
      this.#traffic.generate(false);
      this.#process();
    }
  }

  generate(batchCount: number): void {
    for (let count = 0; count < batchCount; count++) this.#traffic.generate(false);
  }

  /** Milliseconds, and a digest of the slots. */
  buildRing(slotCount: number, memberCount: number): { ms: number; digest: number } {
    const members = ringMembers(memberCount, slotCount);
    const startMs = performance.now();
    const ring = this.#implementation.buildRing(members, slotCount);
    const ms = performance.now() - startMs;
    return { ms, digest: ring.reduce((digest, backend) => (Math.imul(digest, 31) + backend) >>> 0, 0) };
  }

  #startOver(): void {
    this.#batchNumber = 0;
    this.#startMs = START_MS;
    this.#implementation.reset();
  }

  #process(): void {
    const nowMs = this.#startMs + Math.floor(this.#batchNumber++ / BATCHES_PER_MS);
    this.#implementation.process(BATCH_FRAME_COUNT, nowMs);
  }
}

function recordOf({ verdict, reason, bytes }: Outcome): Uint8Array {
  const record = new Uint8Array(RECORD_HEADER_BYTES + bytes.length);
  record[0] = verdict;
  record[1] = reason;
  new DataView(record.buffer).setUint32(2, bytes.length, true);
  record.set(bytes, RECORD_HEADER_BYTES);
  return record;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
