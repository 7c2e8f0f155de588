/** What the child process of the JavaScript side needs of an implementation. */
import type { Member } from './ring.js';
import type { Slots } from './slots.js';

export interface Implementation {
  /** Where its frames lie. */
  readonly slots: Slots;
  /** Runs the first `count` frames. */
  process(count: number, nowMs: number): void;
  /** What became of a frame: numbers of assembly/abi.ts, and the frame as it is to be sent. */
  outcome(index: number): Outcome;
  /** Frames forwarded, then the counters of the flow table in the order of assembly/abi.ts; empty when not kept. */
  counters(): number[];
  /** Builds a ring of the members, and nothing else of what a program needs. */
  buildRing(members: readonly Member[], slotCount: number): Uint16Array;
  /** Forgets every flow and counter. */
  reset(): void;
}

export interface Outcome {
  readonly verdict: number;
  readonly reason: number;
  readonly bytes: Uint8Array;
}
