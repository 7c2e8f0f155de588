/** Time as the control plane sees it: a clock that never goes back, and timers. */

/** A pending call. */
export interface Timer {
  /** Takes the call back; nothing happens when it was made, or was taken back already. */
  cancel(): void;
}

/** A clock and its timers; a simulation has one of its own. */
export interface Clock {
  /** Milliseconds since some fixed moment. Never goes back; not the time of day. */
  nowMs(): number;
  /** Calls `callback` once, no sooner than `delayMs` milliseconds from now, never from within this call. */
  after(delayMs: number, callback: () => void): Timer;
}
