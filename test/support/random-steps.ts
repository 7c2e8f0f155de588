/**
 * A life of a data plane, by seed: batches of every size at uneven times, and now and then another program.
 */

import type { HostProgram, MuxProgram } from '../../sdk/program/types.js';
import type { Step } from './duel.js';
import { Random } from './random.js';
import { RandomPackets } from './random-packets.js';

/** Room of a data plane that random steps fit. */
export const FRAME_BYTES_MAX = 65_600;
export const BATCH_FRAME_COUNT_MAX = 150;
const PACKETS_PER_PROGRAM = 3_000;
const TICK_MS = 1024;

/** Steps without an end, the same for the same seed. `program` is what the packets are for. */
export function* randomSteps(program: MuxProgram | HostProgram, seed: number): Generator<Step> {
  const packets = new RandomPackets(program, new Random(seed), FRAME_BYTES_MAX);
  const random = new Random(seed + 1_000_000);
  let nowMs = 1_000_000;
  let programNumber = 0;
  for (let packetCount = 0; ; ) {
    if (packetCount / PACKETS_PER_PROGRAM > programNumber + 1) yield { program: ++programNumber };
    nowMs += idleMs(random);
    const batch = Array.from({ length: random.between(1, BATCH_FRAME_COUNT_MAX) }, () => packets.next());
    packetCount += batch.length;
    yield { nowMs, packets: batch };
  }
}

/** Mostly busy, so that buckets run dry; at times long enough for datagrams and all kinds of flows to be forgotten. */
function idleMs(random: Random): number {
  const dice = random.below(100);
  if (dice < 40) return random.below(20);
  if (dice < 93) return random.below(2_000);
  const atTheLimit = random.pick([random.between(29, 31), random.between(59, 62)]) * TICK_MS;
  return random.pick([5_000, 25_000, atTheLimit, atTheLimit, random.below(70_000)]);
}
