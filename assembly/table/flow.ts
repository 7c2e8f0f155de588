/**
 * The MUX's flow table: which backend a connection went to, so that it stays there when the pool changes.
 *
 * A cache of four ways, one 64-byte line per bucket: one line is read per packet, hit or miss, and an attacker who
 * finds collisions can crowd one bucket, never slow down the search. IPv4 keys are exact, IPv6 keys are the keyed hash.
 *
 *   0       8       16      24      32        40        48        56        64
 *   | key 0 | key 1 | key 2 | key 3 | value 0 | value 1 | value 2 | value 3 |
 *
 * flow-state.ts draws the value and says how a flow earns trust, flow-room.ts who gives way to whom, flow-sweep.ts who
 * takes the dead away. What is written here goes through writeFlow, which keeps the gauges.
 */
import {
  CONFIG_FLOW_TRUSTED_MAX,
  CONFIG_FLOW_UNTRUSTED_MAX,
  COUNTER_FLOW_INSERTS,
  COUNTER_FLOW_PROMOTED,
  COUNTER_FLOW_PROMOTION_REFUSED,
  COUNTER_FLOW_REFUSED,
  FIXED_CONFIG,
  FLOW_BUCKET_BYTES,
  FLOW_CLOSING,
  FLOW_HALF_OPEN,
  FLOW_RESET,
  FLOW_SEEN_ONCE,
  FLOW_SEEN_TWICE,
  FLOW_TICKS_MASK,
  FLOW_TRUSTED,
  FLOW_VALUES,
  FLOW_WAYS,
} from '../abi';
import { count } from '../counters';
import { flowsBase, flowsMask } from '../layout';
import { findRoom, LEAST_UNTRUSTED } from './flow-room';
import {
  backendIn,
  FLOW_IDENTITY_BITS,
  flowIdentity,
  flowValue,
  inState,
  isLive,
  isSettled,
  stateIn,
  ticksIn,
  trustedCount,
  untrustedCount,
  writeFlow,
} from './flow-state';

/** @param ports of class 3 (neither TCP nor UDP): the protocol number */
export function flowKey(sourceAddress: u32, ports: u32): u64 {
  return <u64>sourceAddress | ((<u64>ports) << 32);
}

export function flowBucket(hash: u64): usize {
  return flowsBase + (<u32>hash & flowsMask) * FLOW_BUCKET_BYTES;
}

/** The address of a flow's value, alive or not; 0 when the bucket does not know the flow. */
export function findFlow(bucket: usize, key: u64, service: u32, flowClass: u32): usize {
  const identity = flowIdentity(service, flowClass);
  const wanted = i64x2.splat(key);
  let ways =
    i64x2.bitmask(i64x2.eq(v128.load(bucket), wanted)) | (i64x2.bitmask(i64x2.eq(v128.load(bucket, 16), wanted)) << 2);
  while (ways != 0) {
    const value = bucket + FLOW_VALUES + (ctz(ways) << 3);
    if ((load<u64>(value) & FLOW_IDENTITY_BITS) == identity) return value;
    ways &= ways - 1;
  }
  return 0;
}

/** Whether a flow may still be followed. */
export function flowIsLive(flow: usize, now: u32): bool {
  return isLive(load<u64>(flow), now);
}

/** Whether another packet like the last one would change nothing. */
export function flowIsSettled(flow: usize, now: u32): bool {
  return isSettled(load<u64>(flow), now);
}

export function flowBackend(flow: usize): u32 {
  return backendIn(load<u64>(flow));
}

/** A packet that neither opens nor ends the connection: evidence that somebody is there, once per tick. */
export function touchFlow(flow: usize, now: u32): void {
  const before = load<u64>(flow);
  const after = inState(before, nextState(before, now), now);
  // A write makes the line dirty, and most packets come within the tick of the one before.
  if (after != before) writeFlow(flow, after);
}

/** A packet that ends the connection: FLOW_CLOSING or FLOW_RESET. */
export function endFlow(flow: usize, state: u32, now: u32): void {
  writeFlow(flow, inState(load<u64>(flow), state, now));
}

/** A SYN of a live flow whose backend the ring would choose again: it keeps what it has earned, unless it had ended. */
export function reopenFlow(flow: usize, now: u32): void {
  const before = load<u64>(flow);
  const state = stateIn(before);
  writeFlow(flow, inState(before, state >= <u32>FLOW_CLOSING ? <u32>FLOW_HALF_OPEN : state, now));
}

/** The connection starts over with this backend, and earns its trust anew. */
export function restartFlow(flow: usize, backend: u32, state: u32, now: u32): void {
  writeFlow(flow, flowValue(load<u64>(flow) & FLOW_IDENTITY_BITS, backend, state, now));
}

/** Remembers a new flow; where there is no room it is refused, and the ring serves it alone. @inline */
export function insertFlow(bucket: usize, key: u64, identity: u64, backend: u32, state: u32, now: u32): void {
  const mayFill = untrustedCount() < load<u32>(FIXED_CONFIG + CONFIG_FLOW_UNTRUSTED_MAX);
  const way = findRoom(bucket, now, mayFill, LEAST_UNTRUSTED);
  if (way == FLOW_WAYS) {
    count(COUNTER_FLOW_REFUSED);
    return;
  }
  count(COUNTER_FLOW_INSERTS);
  store<u64>(bucket + (way << 3), key);
  writeFlow(bucket + FLOW_VALUES + (way << 3), flowValue(identity, backend, state, now));
}

function nextState(value: u64, now: u32): u32 {
  const state = stateIn(value);
  if (state == FLOW_HALF_OPEN || state == FLOW_RESET) return FLOW_SEEN_ONCE;
  if (state == FLOW_SEEN_ONCE || state == FLOW_SEEN_TWICE) {
    if (ticksIn(value) == (now & FLOW_TICKS_MASK)) return state;
    return state == FLOW_SEEN_ONCE ? <u32>FLOW_SEEN_TWICE : earnTrust();
  }
  return state;
}

function earnTrust(): u32 {
  if (trustedCount() < load<u32>(FIXED_CONFIG + CONFIG_FLOW_TRUSTED_MAX)) {
    count(COUNTER_FLOW_PROMOTED);
    return FLOW_TRUSTED;
  }
  count(COUNTER_FLOW_PROMOTION_REFUSED);
  return FLOW_SEEN_TWICE;
}
