/** What a ring costs to build: the data plane beside C and plain JavaScript, same members, same slots. */
import type { Contestant } from './contestant.js';
import { BACKEND_COUNT, RING_SLOT_COUNT } from './scenario.js';
import { median } from './statistics.js';

export interface RingRow {
  readonly implementation: string;
  readonly slotCount: number;
  readonly memberCount: number;
  /** Milliseconds, median. */
  readonly ms: number;
}

/** The contestants' own rings are gone afterwards. */
export async function measureRing(contestants: readonly Contestant[], roundCount: number): Promise<RingRow[]> {
  const ms: number[][] = contestants.map(() => []);
  const digests = new Set<string>();
  for (let round = 0; round < roundCount; round++) {
    for (const [at, contestant] of contestants.entries()) {
      const built = await contestant.buildRing(RING_SLOT_COUNT, BACKEND_COUNT);
      ms[at].push(built.ms);
      digests.add(built.digest);
    }
  }
  if (digests.size > 1) throw new Error(`the rings differ: ${[...digests].join(', ')}`);
  return contestants.map(({ name }, at) => ({
    implementation: name,
    slotCount: RING_SLOT_COUNT,
    memberCount: BACKEND_COUNT,
    ms: Number(median(ms[at]).toFixed(2)),
  }));
}
