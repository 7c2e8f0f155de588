/**
 * Flows that move to another MUX's table, or to the next life of this one: its size, its indexes and its clock differ.
 *
 *   out: { key u64, value u64 with the age in place of the ticks }
 *   in:  { key u64, value u64 likewise, VIP net u32, spare u32 }
 *
 * An IPv4 flow finds its bucket by the flow hash of its connection, made again from key, VIP and protocol; the key of an
 * IPv6 flow is that hash.
 */
import {
  CONFIG_FLOW_TRUSTED_MAX,
  CONFIG_FLOW_UNTRUSTED_MAX,
  COUNTER_FLOW_INSERTS,
  FIXED_CONFIG,
  FLOW_BUCKET_BYTES,
  FLOW_CLASS_OTHER,
  FLOW_CLASS_TCP,
  FLOW_EXPORT_BYTES,
  FLOW_EXPORT_KEY,
  FLOW_EXPORT_VALUE,
  FLOW_IMPORT_BYTES,
  FLOW_IMPORT_KEY,
  FLOW_IMPORT_VALUE,
  FLOW_IMPORT_VIP,
  FLOW_SEEN_TWICE,
  FLOW_TRUSTED,
  FLOW_VALUES,
  FLOW_WAYS,
} from '../abi';
import { ticksOf } from '../clock';
import { count } from '../counters';
import { flowHash } from '../flow-hash';
import { flowsBase } from '../layout';
import { findFlow, flowBucket, flowIsLive } from './flow';
import { findRoom, LEAST_DEAD, LEAST_UNTRUSTED } from './flow-room';
import {
  ageOf,
  backendIn,
  classIn,
  FLOW_IDENTITY_BITS,
  flowValue,
  inState,
  isLive,
  serviceIn,
  stateIn,
  ticksIn,
  trustedCount,
  untrustedCount,
  withoutGeneration,
  writeFlow,
} from './flow-state';
import { sweepFlows } from './flow-sweep';

const PROTOCOL_TCP: u32 = 6;
const PROTOCOL_UDP: u32 = 17;

/** Writes the live flows of some buckets, up to FLOW_WAYS each; answers how many. */
export function flowExport(to: usize, firstBucket: u32, bucketCount: u32, nowMs: u32): u32 {
  const now = ticksOf(nowMs);
  const end = flowsBase + (firstBucket + bucketCount) * FLOW_BUCKET_BYTES;
  let record = to;
  for (let bucket: usize = flowsBase + firstBucket * FLOW_BUCKET_BYTES; bucket < end; bucket += FLOW_BUCKET_BYTES) {
    for (let way: u32 = 0; way < <u32>FLOW_WAYS; way++) {
      const value = load<u64>(bucket + (way << 3), FLOW_VALUES);
      if (value == 0 || !isLive(value, now)) continue;
      const age = max<i32>(ageOf(value, now), 0);
      store<u64>(record, load<u64>(bucket + (way << 3)), FLOW_EXPORT_KEY);
      store<u64>(record, withoutGeneration(inState(value, stateIn(value), age)), FLOW_EXPORT_VALUE);
      record += FLOW_EXPORT_BYTES;
    }
  }
  return <u32>(record - to) / FLOW_EXPORT_BYTES;
}

/** Takes flows in; answers how many. The SDK has checked every field, and that the backend is one of the service's. */
export function flowImport(from: usize, recordCount: u32, nowMs: u32): u32 {
  const now = ticksOf(nowMs);
  // The sweep must not take what comes now for what has lain here since its last visit.
  sweepFlows(now);
  let imported: u32 = 0;
  const end = from + recordCount * FLOW_IMPORT_BYTES;
  for (let record = from; record < end; record += FLOW_IMPORT_BYTES) imported += importFlow(record, now) ? 1 : 0;
  return imported;
}

/** A flow the table knows already stays as it is: its packets have been here since. */
function importFlow(record: usize, now: u32): bool {
  const key = load<u64>(record, FLOW_IMPORT_KEY);
  const value = arrived(load<u64>(record, FLOW_IMPORT_VALUE), now);
  if (!isLive(value, now)) return false;
  const bucket = flowBucket(hashOf(key, classIn(value), load<u32>(record, FLOW_IMPORT_VIP)));
  let flow = findFlow(bucket, key, serviceIn(value), classIn(value));
  if (flow != 0 && flowIsLive(flow, now)) return false;
  if (flow == 0) {
    flow = makeRoom(bucket, stateIn(value) == FLOW_TRUSTED, now);
    if (flow == 0) return false;
    count(COUNTER_FLOW_INSERTS);
    store<u64>(flow - FLOW_VALUES, key);
  }
  writeFlow(flow, value);
  return true;
}

/** The value it has here: seen as long ago as it was there, and trusted if there may be one more. */
function arrived(value: u64, now: u32): u64 {
  const mayBeTrusted = trustedCount() < load<u32>(FIXED_CONFIG + CONFIG_FLOW_TRUSTED_MAX);
  const state = stateIn(value);
  const here = state == FLOW_TRUSTED && !mayBeTrusted ? <u32>FLOW_SEEN_TWICE : state;
  return flowValue(value & FLOW_IDENTITY_BITS, backendIn(value), here, now - ticksIn(value));
}

/** Only a trusted flow may push out one that lives here already. */
function makeRoom(bucket: usize, isTrusted: bool, now: u32): usize {
  const mayFill = isTrusted || untrustedCount() < load<u32>(FIXED_CONFIG + CONFIG_FLOW_UNTRUSTED_MAX);
  const way = findRoom(bucket, now, mayFill, isTrusted ? LEAST_UNTRUSTED : LEAST_DEAD);
  return way == FLOW_WAYS ? 0 : bucket + FLOW_VALUES + (way << 3);
}

function hashOf(key: u64, flowClass: u32, vip: u32): u64 {
  if (vip == 0) return key;
  const addresses = (key & 0xffffffff) | ((<u64>vip) << 32);
  const rest = <u32>(key >> 32);
  if (flowClass == FLOW_CLASS_OTHER) return flowHash(addresses, 0, rest);
  return flowHash(addresses, rest, flowClass == FLOW_CLASS_TCP ? PROTOCOL_TCP : PROTOCOL_UDP);
}
