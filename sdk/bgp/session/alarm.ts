/** Timers by name: started, restarted and stopped as RFC 4271 speaks of its own. */
import type { Clock, Timer } from '../../runtime/clock.js';

/** A timer that calls back once each time it is started and not stopped before. */
export class Alarm {
  readonly #clock: Clock;
  readonly #expired: () => void;
  #timer: Timer | undefined;
  #dueMs = 0;

  constructor(clock: Clock, expired: () => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  get isRunning(): boolean {
    return this.#timer !== undefined;
  }

  /** How much later than asked for it went off, in milliseconds; asked within the callback. */
  get lateMs(): number {
    return this.#clock.nowMs() - this.#dueMs;
  }

  /** Starts, or starts again. */
  start(delayMs: number): void {
    this.#timer?.cancel();
    this.#dueMs = this.#clock.nowMs() + delayMs;
    this.#timer = this.#clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#expired();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/** A time shortened by up to a quarter, RFC 4271 section 10, so that many peers do not all speak at once. */
export function jittered(ms: number, random: () => number): number {
  return Math.round(ms * (0.75 + 0.25 * random()));
}
