/** What the child process of the JavaScript side needs of an implementation. */
import * as abi from '../../assembly/abi.js';
import type { Member } from './ring.js';
import type { Slots } from './slots.js';

export interface Implementation {
  /** Where its frames lie. */
  readonly slots: Slots;
  /** Runs the first `count` frames. */
  process(count: number, nowMs: number): void;
  /** What became of a frame: numbers of assembly/abi.ts, and the frame as it is to be sent. */
  outcome(index: number): Outcome;
  /** Frames forwarded, then FLOW_COUNTERS; empty when not kept. */
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

/** The counters and gauges of the flow table that every implementation must agree on. */
export const FLOW_COUNTERS = [
  abi.COUNTER_FLOW_HITS,
  abi.COUNTER_FLOW_MISSES,
  abi.COUNTER_FLOW_INSERTS,
  abi.COUNTER_FLOW_EXPIRED,
  abi.COUNTER_FLOW_EVICTED,
  abi.COUNTER_FLOW_REFUSED,
  abi.COUNTER_FLOW_TRUSTED,
  abi.COUNTER_FLOW_UNTRUSTED,
  abi.COUNTER_FLOW_PROMOTED,
  abi.COUNTER_FLOW_PROMOTION_REFUSED,
];
