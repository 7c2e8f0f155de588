/** Waiting for what other programs do in their own time. */

/** Milliseconds of a clock that all processes of this machine share. */
export function nowMs(): number {
  return Date.now();
}

/** Waits this long. */
export function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/** There is no point in waiting any longer. */
export class GiveUp extends Error {}

/**
 * Asks until the answer is neither false nor undefined, and gives it. Fails after `timeoutMs` with what was waited for
 * and what the last question came to; at once when `ask` throws `GiveUp`.
 */
export async function waitFor<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs: number,
  everyMs = 50,
): Promise<T> {
  const deadlineMs = nowMs() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      last = answer;
    } catch (error) {
      if (error instanceof GiveUp) throw error;
      last = error;
    }
    if (nowMs() >= deadlineMs) throw new Error(`waited ${timeoutMs} ms for ${what}; last: ${String(last)}`);
    await sleep(everyMs);
  }
}
