/** Counters: 64 bits each, in the fixed block, read by the SDK straight from memory. */
import {
  DESCRIPTOR_REASON,
  DESCRIPTOR_VERDICT,
  FIXED_COUNTERS,
  FIXED_REASON_COUNTERS,
  FIXED_VERDICT_COUNTERS,
  VERDICT_DROP,
} from './abi';

/** Writes what happens with a frame into its descriptor, and counts it. */
export function conclude(descriptor: usize, verdict: u32, reason: u32): void {
  store<u8>(descriptor, <u8>verdict, DESCRIPTOR_VERDICT);
  store<u8>(descriptor, <u8>reason, DESCRIPTOR_REASON);
  increment(FIXED_VERDICT_COUNTERS + (verdict << 3));
  if (verdict == VERDICT_DROP) countReason(reason);
}

/** Counts a drop reason, REASON_…. */
export function countReason(reason: u32): void {
  increment(FIXED_REASON_COUNTERS + (reason << 3));
}

/** Counts an event, COUNTER_…. */
export function count(counter: u32): void {
  increment(FIXED_COUNTERS + (counter << 3));
}

/** Two u64 side by side: packets, bytes. */
export function countTraffic(counters: usize, bytes: u32): void {
  store<u64>(counters, load<u64>(counters) + 1);
  store<u64>(counters, load<u64>(counters, 8) + bytes, 8);
}

function increment(counter: usize): void {
  store<u64>(counter, load<u64>(counter) + 1);
}
