/**
 * From a long way into a bug to a short one: leaves out steps, then packets, for as long as it still fails (Zeller,
 * Hildebrandt: "Simplifying and isolating failure-inducing input", the complements of ddmin alone).
 */

import type { Step } from '../support/duel.js';

/** Whether these steps still show the bug. */
export type Fails = (steps: readonly Step[]) => Promise<boolean>;

/** Fewer steps and packets that fail like all of them. Stops early at `deadline`, in the milliseconds of `Date.now()`. */
export async function shrink(steps: readonly Step[], fails: Fails, deadline = Number.POSITIVE_INFINITY) {
  const fewer = await fewest(steps, fails, deadline);
  const single = fewer.flatMap(onePacketEach);
  return fewest((await fails(single)) ? single : fewer, fails, deadline);
}

/** Frames of a batch meet in its stages and at its end, so this may be another bug, or none. */
function onePacketEach(step: Step): Step[] {
  if ('program' in step || step.packets.length === 0) return [step];
  return step.packets.map((packet) => ({ nowMs: step.nowMs, packets: [packet] }));
}

/** Without chunks of steps, the chunks ever smaller. */
async function fewest(all: readonly Step[], fails: Fails, deadline: number): Promise<readonly Step[]> {
  let steps = all;
  for (let chunk = Math.ceil(steps.length / 2); chunk >= 1; chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2)) {
    for (let start = 0; start < steps.length; ) {
      if (Date.now() > deadline) return steps;
      const without = steps.toSpliced(start, chunk);
      if (await fails(without)) steps = without;
      else start += chunk;
    }
  }
  return steps;
}
