/** Time as the data plane counts it: ticks of 1024 ms, see assembly/clock.ts. */

const TICK_MS = 1024;

/** An idle timeout in ticks, rounded up: a connection is never forgotten early. */
export function idleTicks(timeoutMs: number): number {
  return Math.ceil(timeoutMs / TICK_MS);
}

/** A caller's milliseconds, from whatever epoch, as the argument of process: modulo 2^32. */
export function wrapMs(nowMs: number): number {
  return Math.floor(nowMs) >>> 0;
}
