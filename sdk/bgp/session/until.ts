/** Waiting for what has no callback of its own. */
import type { Clock } from '../../runtime/clock.js';

/** How often it is looked at. */
const LOOK_MS = 10;

/**
 * Waits until `isSo`, or for `timeoutMs` milliseconds.
 *
 * @throws the reason of `signal` when that is aborted first
 */
export async function until(clock: Clock, isSo: () => boolean, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  const endMs = clock.nowMs() + timeoutMs;
  while (!isSo() && clock.nowMs() < endMs) {
    signal?.throwIfAborted();
    await pause(clock, LOOK_MS);
  }
}

/** Lets so many milliseconds pass. */
export function pause(clock: Clock, durationMs: number): Promise<void> {
  return new Promise((resolve) => clock.after(durationMs, resolve));
}
