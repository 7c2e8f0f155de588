/**
 * Takes dead flows out of the table: some buckets per tick, so that each is visited every 64 ticks.
 *
 * A dead flow that nobody asks for again would count against its quota for as long as it lay there, and after 2^18 ticks
 * its 19 bits would call it young.
 */
import { COUNTER_FLOW_EXPIRED, FLOW_BUCKET_BYTES, FLOW_IDLE_TICKS_MAX, FLOW_SWEEP_TICKS, FLOW_VALUES } from '../abi';
import { ticksBetween } from '../clock';
import { count } from '../counters';
import { flowsBase, flowsMask } from '../layout';
import { backendAt, backendIs } from './backend';
import { backendIn, generationIn, isLive, serviceIn, trustedCount, untrustedCount, writeFlow } from './flow-state';
import { serviceAt, serviceIsInUse } from './service';

let sweptTicks: u32 = 0;
let nextBucket: u32 = 0;

/** To be called with every batch; works once per tick. @inline */
export function sweepFlows(now: u32): void {
  if (now != sweptTicks) sweepSince(now);
}

/** Forgets every flow of a service or backend that is gone, so that a service index can be given out again. */
export function flowSweep(): void {
  const end = flowsBase + (flowsMask + 1) * FLOW_BUCKET_BYTES;
  for (let bucket: usize = flowsBase; bucket < end; bucket += FLOW_BUCKET_BYTES) {
    for (let flow = bucket + FLOW_VALUES; flow < bucket + FLOW_BUCKET_BYTES; flow += 8) {
      const value = load<u64>(flow);
      if (value != 0 && isOrphan(value)) writeFlow(flow, 0);
    }
  }
}

function sweepSince(now: u32): void {
  const passed = ticksBetween(sweptTicks, now);
  sweptTicks = now;
  if (trustedCount() + untrustedCount() == 0) return;
  const bucketCount = flowsMask + 1;
  // Longer than any flow may be idle: ages would be wrong, and need not be known.
  const isNewEra = passed > FLOW_IDLE_TICKS_MAX || passed < -FLOW_IDLE_TICKS_MAX;
  if (isNewEra) {
    sweepBuckets(bucketCount, now, true);
  } else if (passed > 0) {
    const perTick = max<u32>(bucketCount / FLOW_SWEEP_TICKS, 1);
    sweepBuckets(<u32>min<u64>(<u64>passed * perTick, bucketCount), now, false);
  }
}

function sweepBuckets(bucketCount: u32, now: u32, isAll: bool): void {
  for (let swept: u32 = 0; swept < bucketCount; swept++) {
    const bucket = flowsBase + nextBucket * FLOW_BUCKET_BYTES;
    nextBucket = (nextBucket + 1) & flowsMask;
    for (let flow: usize = bucket + FLOW_VALUES; flow < bucket + FLOW_BUCKET_BYTES; flow += 8) {
      const value = load<u64>(flow);
      if (value == 0 || (!isAll && isLive(value, now))) continue;
      count(COUNTER_FLOW_EXPIRED);
      writeFlow(flow, 0);
    }
  }
}

function isOrphan(value: u64): bool {
  return !serviceIsInUse(serviceAt(serviceIn(value))) || !backendIs(backendAt(backendIn(value)), generationIn(value));
}
