/**
 * How long a peer is left alone after failures: DampPeerOscillations of RFC 4271 section 8.1.1, with its
 * ConnectRetryCounter. 1 s after the first failure, twice as long after each one more, 60 s at most.
 */
import type { Clock } from '../../runtime/clock.js';
import { Alarm } from './alarm.js';

const IDLE_HOLD_MS = 1000;
const IDLE_HOLD_MS_MAX = 60_000;
/** A session that lasted so long was a good one: what failed before it is forgotten. */
const GOOD_SESSION_MS = 60_000;

/** The failures of a peer, and the IdleHoldTimer. */
export class IdleHold {
  readonly #alarm: Alarm;
  #failureCount = 0;

  /** @param over called when the peer may be tried again */
  constructor(clock: Clock, over: () => void) {
    this.#alarm = new Alarm(clock, over);
  }

  get isRunning(): boolean {
    return this.#alarm.isRunning;
  }

  /** Failures since the last good session. */
  get failureCount(): number {
    return this.#failureCount;
  }

  reset(): void {
    this.#failureCount = 0;
  }

  /** @param sessionMs how long the session lasted that has failed; 0 when there was none */
  countFailure(sessionMs: number): void {
    if (sessionMs >= GOOD_SESSION_MS) this.#failureCount = 0;
    this.#failureCount += 1;
  }

  start(): void {
    const doublings = Math.max(0, this.#failureCount - 1);
    this.#alarm.start(Math.min(IDLE_HOLD_MS * 2 ** doublings, IDLE_HOLD_MS_MAX));
  }

  stop(): void {
    this.#alarm.stop();
  }
}
