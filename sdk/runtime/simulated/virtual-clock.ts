/** Virtual time: it stands still while code runs, and jumps to the next timer when that is asked for. */
import type { Clock, Timer } from '../clock.js';

interface Due {
  readonly atMs: number;
  /** Timers of the same moment fire in the order they were set. */
  readonly order: number;
  /** Gone once it was called or taken back. */
  callback: (() => void) | undefined;
}

/**
 * A clock that a test winds. Between two timers every promise that can settle does, so `await` takes no time.
 *
 * What a timer throws comes out of the call that ran it.
 *
 * @example
 * ```ts
 * const clock = new VirtualClock();
 * clock.after(3000, () => console.log(clock.nowMs())); // 3000
 * await clock.runFor(5000);
 * ```
 */
export class VirtualClock implements Clock {
  readonly #heap: Due[] = [];
  #nowMs = 0;
  #setCount = 0;
  #isRunning = false;

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const due: Due = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#setCount, callback };
    this.#setCount += 1;
    this.#push(due);
    return {
      cancel: () => {
        due.callback = undefined;
      },
    };
  }

  /** Runs every timer up to the moment `untilMs`, which is then the time. */
  async run(untilMs: number): Promise<void> {
    await this.#run(untilMs, () => false);
  }

  /** Runs every timer of the next `durationMs` milliseconds. */
  async runFor(durationMs: number): Promise<void> {
    await this.#run(this.#nowMs + durationMs, () => false);
  }

  /** Runs until `isReached` says so after some timer, and returns whether it did within `limitMs` milliseconds from now. */
  async runUntil(isReached: () => boolean, limitMs: number): Promise<boolean> {
    return this.#run(this.#nowMs + limitMs, isReached);
  }

  async #run(untilMs: number, isReached: () => boolean): Promise<boolean> {
    if (this.#isRunning) throw new Error('the clock runs already: await the call that winds it');
    this.#isRunning = true;
    try {
      for (;;) {
        await settled();
        if (isReached()) return true;
        const due = this.#heap[0];
        if (due === undefined || due.atMs > untilMs) break;
        this.#pop();
        const { callback } = due;
        if (callback === undefined) continue;
        this.#nowMs = due.atMs;
        due.callback = undefined;
        callback();
      }
      this.#nowMs = Math.max(this.#nowMs, untilMs);
      return false;
    } finally {
      this.#isRunning = false;
    }
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(due);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isSooner(due, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isSooner(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isSooner(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isSooner(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Resolves when no promise is left that could go on by itself: a task comes after all microtasks. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}
