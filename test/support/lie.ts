/**
 * One thing that is not as a pipeline hopes for.
 */

import type { PacketPlan } from './packet-plan.js';
import type { Random } from './random.js';

export interface Lie {
  readonly name: string;
  /** Changes the plan, which is not shared with any other. */
  tell(plan: PacketPlan, random: Random): void;
}

/** A value near the truth or near an end of its range: where comparisons go wrong. */
export function nearLength(random: Random, truth: number): number {
  const near = truth + random.between(-9, 9);
  const value = random.pick([near, near, random.between(0, 40), random.below(65536), 65535]);
  return Math.min(Math.max(value, 0), 65535);
}
