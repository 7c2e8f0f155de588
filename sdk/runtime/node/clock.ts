/** The clock of Node and Deno: `performance.now()`, and timers that keep the promise of `Clock`. */
import { performance } from 'node:perf_hooks';
import type { Clock, Timer } from '../clock.js';

/** The longest delay `setTimeout` knows; a longer one it takes for 1 ms. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** Milliseconds since the process, or this thread of it, began; timers hold the process until they are due. */
export const nodeClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs: number, callback: () => void): Timer {
    const dueMs = performance.now() + delayMs;
    // A timer counts in whole milliseconds of the event loop's own time, and so may be due up to one too soon.
    const ring = () => {
      if (performance.now() < dueMs) pending = setTimeout(ring, delayUntil(dueMs));
      else callback();
    };
    let pending = setTimeout(ring, delayUntil(dueMs));
    return { cancel: () => clearTimeout(pending) };
  },
};

function delayUntil(dueMs: number): number {
  return Math.min(Math.max(0, Math.ceil(dueMs - performance.now())), DELAY_MS_MAX);
}
