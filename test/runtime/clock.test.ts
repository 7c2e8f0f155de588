/** The clock of Node: timers are never early, never late twice, and can be taken back. */

import { nodeRuntime } from 'edgemux/node';
import { describe, expect, it } from 'vitest';

const { clock } = nodeRuntime();
const firing = (delayMs: number) =>
  new Promise<number>((resolve) => {
    clock.after(delayMs, () => resolve(clock.nowMs()));
  });

describe('clock', () => {
  it('never goes back', () => {
    const times = Array.from({ length: 1000 }, () => clock.nowMs());
    expect(times.toSorted((a, b) => a - b)).toEqual(times);
  });

  it.each([0, 0.4, 1, 2.5, 7, 20])('calls back no sooner than %d ms from now', async (delayMs) => {
    for (let i = 0; i < 20; i++) {
      const beganMs = clock.nowMs();
      expect((await firing(delayMs)) - beganMs).toBeGreaterThanOrEqual(delayMs);
    }
  });

  it('never calls back from within the call', async () => {
    let isInside = true;
    const called = new Promise<boolean>((resolve) => clock.after(-1, () => resolve(isInside)));
    isInside = false;
    expect(await called).toBe(false);
  });

  it('takes a call back, as often as it is told', async () => {
    let callCount = 0;
    const timer = clock.after(1, () => callCount++);
    timer.cancel();
    timer.cancel();
    await firing(5);
    expect(callCount).toBe(0);
  });

  it('waits for longer than setTimeout can', async () => {
    let callCount = 0;
    const timer = clock.after(2 ** 40, () => callCount++);
    await firing(5);
    timer.cancel();
    expect(callCount).toBe(0);
  });
});
