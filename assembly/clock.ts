/**
 * Time in ticks of 1024 ms.
 *
 * The caller's milliseconds arrive modulo 2^32. A tick is a power of two of them, so that ticks wrap where
 * milliseconds do and the difference of two ticks stays right across the wrap.
 */
import { FLOW_TICKS_MASK } from './abi';

export function ticksOf(nowMs: u32): u32 {
  return nowMs >>> 10;
}

/** Ticks since `then`, across the wrap; only 20 bits of them are kept, so it is right for what is younger than 12 days. */
export function ticksSince(then: u32, now: u32): u32 {
  return (now - then) & FLOW_TICKS_MASK;
}
