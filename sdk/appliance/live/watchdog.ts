/** Whether threads still do their work, by beats that go up as long as they do. */

/** A thread that has not beaten for so long is taken for stalled. */
export const STALLED_AFTER_MS = 2000;
const LOOK_EVERY_MS = 200;

/** What is watched. */
export interface Beating {
  readonly beatCount: number;
}

/** Told of what has changed, by the number of the thread. */
export interface WatchdogListener {
  stalled(thread: number): void;
  recovered(thread: number): void;
}

interface Watched {
  readonly beating: Beating;
  beatCount: number;
  silentMs: number;
}

/**
 * Watches threads from now on. Time counts only as far as this thread has seen it pass: a process that was stopped as a
 * whole, or a machine that slept, finds nobody stalled when it goes on.
 *
 * @returns ends it
 */
export function watchBeats(threads: readonly Beating[], listener: WatchdogListener): () => void {
  const watched = threads.map((beating): Watched => ({ beating, beatCount: beating.beatCount, silentMs: 0 }));
  let lookedMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    const passedMs = Math.min(nowMs - lookedMs, 2 * LOOK_EVERY_MS);
    lookedMs = nowMs;
    for (const [number, one] of watched.entries()) {
      const { beatCount } = one.beating;
      const wasStalled = one.silentMs >= STALLED_AFTER_MS;
      one.silentMs = beatCount === one.beatCount ? one.silentMs + passedMs : 0;
      one.beatCount = beatCount;
      const isStalled = one.silentMs >= STALLED_AFTER_MS;
      if (isStalled && !wasStalled) listener.stalled(number);
      if (!isStalled && wasStalled) listener.recovered(number);
    }
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
