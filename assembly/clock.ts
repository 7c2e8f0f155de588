/**
 * Time in ticks of 1024 ms.
 *
 * The caller's milliseconds arrive modulo 2^32. A tick is a power of two of them, so that ticks wrap where
 * milliseconds do and the difference of two ticks stays right across the wrap.
 */

/** What 32 bits of milliseconds leave of ticks. */
const TICK_BITS: u32 = 22;

export function ticksOf(nowMs: u32): u32 {
  return nowMs >>> (32 - TICK_BITS);
}

/** Ticks since `then`, across the wrap: right for what is younger than 49 days. */
export function ticksSince(then: u32, now: u32): u32 {
  return (now - then) & ((1 << TICK_BITS) - 1);
}

/** The same with a sign: negative when the caller's clock was set back since `then`. */
export function ticksBetween(then: u32, now: u32): i32 {
  return <i32>((now - then) << (32 - TICK_BITS)) >> (32 - TICK_BITS);
}
