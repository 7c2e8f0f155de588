/**
 * The MUX's flow table: which backend a connection went to, so that it stays there when the pool changes.
 *
 * A cache of four ways, one 64-byte line per bucket: one line is read per packet, hit or miss, and an attacker who
 * finds collisions can crowd one bucket, never slow down the search. Keys are exact. A value names its service (the
 * key lacks the VIP and the protocol) and its backend with the generation it had.
 *
 *   0       8       16      24      32        40        48        56        64
 *   | key 0 | key 1 | key 2 | key 3 | value 0 | value 1 | value 2 | value 3 |
 *
 *   key   { source address net u32, source port net u16, destination port net u16 }
 *   value { service:16 | backend:16 | generation:8 | flags:4 | ticks:20 }, low bits first; 0 is an empty way
 */
import {
  COUNTER_FLOW_EVICTED,
  COUNTER_FLOW_EXPIRED,
  COUNTER_FLOW_INSERTS,
  COUNTER_FLOW_REFUSED,
  FLOW_BUCKET_BYTES,
  FLOW_FLAG_TRUSTED,
  FLOW_FLAG_UDP,
  FLOW_FLAG_USED,
  FLOW_TICKS_MASK,
  FLOW_VALUES,
  FLOW_WAYS,
} from '../abi';
import { ticksSince } from '../clock';
import { count } from '../counters';
import { flowsBase, flowsMask } from '../layout';
import { backendAt, backendGeneration, backendIs } from './backend';
import { serviceAt, serviceIdleTicks, serviceIsInUse } from './service';

const TICKS_SHIFT: u64 = 44;
const FLAGS_SHIFT: u64 = 40;
const TRUSTED: u64 = (<u64>FLOW_FLAG_TRUSTED) << FLAGS_SHIFT;
const UDP: u64 = (<u64>FLOW_FLAG_UDP) << FLAGS_SHIFT;
const USED: u64 = (<u64>FLOW_FLAG_USED) << FLAGS_SHIFT;
const TICKS: u64 = (<u64>FLOW_TICKS_MASK) << TICKS_SHIFT;
/** Service and protocol: what a value adds to the key. */
const IDENTITY: u64 = 0xffff | UDP | USED;

export function flowKey(sourceAddress: u32, ports: u32): u64 {
  return <u64>sourceAddress | ((<u64>ports) << 32);
}

export function flowBucket(hash: u64): usize {
  return flowsBase + (<u32>hash & flowsMask) * FLOW_BUCKET_BYTES;
}

/** The address of a flow's value, alive or not; 0 when the bucket does not know the flow. */
export function findFlow(bucket: usize, key: u64, service: u32, isUdp: bool): usize {
  const identity = identityOf(service, isUdp);
  const wanted = i64x2.splat(key);
  let ways =
    i64x2.bitmask(i64x2.eq(v128.load(bucket), wanted)) | (i64x2.bitmask(i64x2.eq(v128.load(bucket, 16), wanted)) << 2);
  while (ways != 0) {
    const value = bucket + FLOW_VALUES + (ctz(ways) << 3);
    if ((load<u64>(value) & IDENTITY) == identity) return value;
    ways &= ways - 1;
  }
  return 0;
}

/** Whether a flow may still be followed: not idle too long, and its backend still who it was. */
export function flowIsLive(flow: usize, now: u32): bool {
  return isLive(load<u64>(flow), now);
}

function isLive(value: u64, now: u32): bool {
  return (
    backendIs(backendAt(backendOf(value)), <u32>(value >> 32) & 0xff) &&
    ticksSince(ticksIn(value), now) <= serviceIdleTicks(serviceAt(<u32>value & 0xffff))
  );
}

export function flowBackend(flow: usize): u32 {
  return backendOf(load<u64>(flow));
}

/** A packet that is no SYN hit this flow: keep it alive, and trust it from now on. */
export function touchFlow(flow: usize, now: u32): void {
  const before = load<u64>(flow);
  const after = withTicks(before | TRUSTED, now);
  // A write makes the line dirty, and most packets come within the tick of the one before.
  if (after != before) store<u64>(flow, after);
}

/** The connection starts over: same backend keeps the trust it had, another one has to earn it. */
export function restartFlow(flow: usize, backend: u32, now: u32): void {
  const before = load<u64>(flow);
  const fresh = flowValue(<u32>before & 0xffff, backend, now) | (before & UDP);
  const isSame = ((before ^ fresh) & 0x000000ffffff0000) == 0 && flowIsLive(flow, now);
  store<u64>(flow, isSame ? fresh | (before & TRUSTED) : fresh);
}

/** Remembers a new flow, untrusted; a bucket full of trusted live flows refuses, and the ring serves alone. */
export function insertFlow(bucket: usize, key: u64, service: u32, isUdp: bool, backend: u32, now: u32): void {
  const way = findRoom(bucket, now);
  if (way == FLOW_WAYS) {
    count(COUNTER_FLOW_REFUSED);
    return;
  }
  count(COUNTER_FLOW_INSERTS);
  store<u64>(bucket + (way << 3), key);
  store<u64>(bucket + (way << 3), flowValue(service, backend, now) | (isUdp ? UDP : 0), FLOW_VALUES);
}

/** Forgets every flow of a service or backend that is gone, so that a service index can be given out again. */
export function flowSweep(): void {
  const end = flowsBase + (flowsMask + 1) * FLOW_BUCKET_BYTES;
  for (let bucket: usize = flowsBase; bucket < end; bucket += FLOW_BUCKET_BYTES) {
    for (let way: u32 = 0; way < <u32>FLOW_WAYS; way++) {
      const value = load<u64>(bucket + (way << 3), FLOW_VALUES);
      if (value != 0 && isOrphan(value)) store<u64>(bucket + (way << 3), 0, FLOW_VALUES);
    }
  }
}

/** An empty way, else one that has expired, else the untrusted one that has waited longest; FLOW_WAYS when none. */
function findRoom(bucket: usize, now: u32): u32 {
  let expired: u32 = FLOW_WAYS;
  let oldest: u32 = FLOW_WAYS;
  let oldestTicks: u32 = 0;
  for (let way: u32 = 0; way < <u32>FLOW_WAYS; way++) {
    const value = load<u64>(bucket + (way << 3), FLOW_VALUES);
    if (value == 0) return way;
    if (!isLive(value, now)) {
      expired = way;
    } else if ((value & TRUSTED) == 0) {
      const age = ticksSince(ticksIn(value), now);
      if (oldest == FLOW_WAYS || age > oldestTicks) {
        oldest = way;
        oldestTicks = age;
      }
    }
  }
  if (expired != FLOW_WAYS) {
    count(COUNTER_FLOW_EXPIRED);
    return expired;
  }
  if (oldest != FLOW_WAYS) count(COUNTER_FLOW_EVICTED);
  return oldest;
}

function isOrphan(value: u64): bool {
  const backend = backendAt(backendOf(value));
  return !serviceIsInUse(serviceAt(<u32>value & 0xffff)) || !backendIs(backend, <u32>(value >> 32) & 0xff);
}

function identityOf(service: u32, isUdp: bool): u64 {
  return <u64>service | USED | (isUdp ? UDP : 0);
}

function flowValue(service: u32, backend: u32, now: u32): u64 {
  const generation = backendGeneration(backendAt(backend));
  return withTicks(<u64>service | ((<u64>backend) << 16) | ((<u64>generation) << 32) | USED, now);
}

function withTicks(value: u64, now: u32): u64 {
  return (value & ~TICKS) | ((<u64>now) << TICKS_SHIFT);
}

function ticksIn(value: u64): u32 {
  return <u32>(value >> TICKS_SHIFT);
}

function backendOf(value: u64): u32 {
  return <u32>(value >> 16) & 0xffff;
}
