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
const PACKETS_PER_PROGRAM = 1_000;

/** Steps without an end, the same for the same seed. `program` is what the packets are for. */
export function* randomSteps(program: MuxProgram | HostProgram, seed: number): Generator<Step> {
  const packets = new RandomPackets(program, new Random(seed), FRAME_BYTES_MAX);
  const random = new Random(seed + 1_000_000);
  // The 32 bits of milliseconds that a data plane is told are over on the way.
  let nowMs = 2 ** 32 - 1_000_000;
  let programNumber = 0;
  for (let packetCount = 0; ; ) {
    if (packetCount / PACKETS_PER_PROGRAM > programNumber + 1) {
      yield { program: ++programNumber };
      // Where a flow went before and where it would go now are two places: this is when its age shows.
      nowMs += TICK_MS * random.pick(IDLE_TICKS);
    } else {
      nowMs += idleMs(random);
    }
    const batch = Array.from({ length: batchFrameCount(random) }, () => packets.next());
    packetCount += batch.length;
    yield { nowMs, packets: batch };
  }
}

const TICK_MS = 1024;
/** None, and both sides of what flows last: resets, rules of 10 and 20 seconds, half-open and closing ones. */
const IDLE_TICKS = [0, 0, 4, 5, 10, 11, 20, 21, 30, 31, 60, 61];

/** Full ones leave no room for frames that are produced, which go with the next, also with an empty one. */
function batchFrameCount(random: Random): number {
  const any = random.between(1, BATCH_FRAME_COUNT_MAX);
  return random.pick([...new Array<number>(38).fill(any), 0, BATCH_FRAME_COUNT_MAX]);
}

/** Mostly busy, so that buckets run dry; at times long enough for datagrams and all kinds of flows to be forgotten. */
function idleMs(random: Random): number {
  const dice = random.below(100);
  if (dice < 40) return random.below(20);
  if (dice < 93) return random.below(2_000);
  const atTheLimit = random.pick([random.between(29, 31), random.between(59, 62)]) * TICK_MS;
  return random.pick([5_000, 25_000, atTheLimit, atTheLimit, random.below(70_000)]);
}
