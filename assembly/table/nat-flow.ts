/**
 * The host agent's NAT flows: how to turn a VM's answer back into one from the VIP.
 *
 * Keyed exactly by what the answer will show, four flows in a bucket. Unlike the MUX, which can always ask the ring, a
 * host agent that cannot remember a connection must refuse it; so every flow has two buckets to choose from and takes
 * the emptier one, which lets the table fill far before any pair of buckets does (Azar et al., "Balanced Allocations",
 * STOC'94). A flow the VM has answered is not evicted while it lives; one it has never answered may be, so that packets
 * nobody answers cannot push out connections that work.
 *
 *   0            4                 6                8           12    14               16
 *   | remote net | remote port net | local port net | local net | NIC | protocol (u16) |      key
 *   | VIP net    | VIP port net    | state          | ticks     | idle ticks           |      value
 *   16           20                22               24          28                     32
 */
import {
  COUNTER_NAT_FLOW_EVICTED,
  COUNTER_NAT_FLOW_EXPIRED,
  COUNTER_NAT_FLOW_INSERTS,
  NAT_FLOW_BUCKET_BYTES,
  NAT_FLOW_BYTES,
  NAT_FLOW_FREE,
  NAT_FLOW_IDLE_TICKS,
  NAT_FLOW_NEW,
  NAT_FLOW_NIC,
  NAT_FLOW_REPLIED,
  NAT_FLOW_STATE,
  NAT_FLOW_TICKS,
  NAT_FLOW_VIP,
  NAT_FLOW_VIP_PORT,
} from '../abi';
import { ticksSince } from '../clock';
import { count } from '../counters';
import { sipHash } from '../flow-hash';
import { natFlowsBase, natFlowsMask } from '../layout';

/** Remote address, remote port, local port: the first eight bytes of the key. */
export function natKeyRemote(remote: u32, remotePortNet: u32, localPortNet: u32): u64 {
  return <u64>remote | ((<u64>remotePortNet) << 32) | ((<u64>localPortNet) << 48);
}

/** Local address, NIC, protocol: the other eight. */
export function natKeyLocal(local: u32, nic: u32, protocol: u32): u64 {
  return <u64>local | ((<u64>nic) << 32) | ((<u64>protocol) << 48);
}

/** The flow of a key, alive or not; 0 when the table does not know it. */
export function findNatFlow(keyRemote: u64, keyLocal: u64): usize {
  const hash = sipHash(keyRemote, keyLocal);
  const flow = findIn(firstBucket(hash), keyRemote, keyLocal);
  return flow != 0 ? flow : findIn(secondBucket(hash), keyRemote, keyLocal);
}

export function natFlowIsLive(flow: usize, now: u32): bool {
  return ageOf(flow, now) <= load<u32>(flow, NAT_FLOW_IDLE_TICKS);
}

export function natFlowVip(flow: usize): u32 {
  return load<u32>(flow, NAT_FLOW_VIP);
}

export function natFlowVipPort(flow: usize): u32 {
  return load<u16>(flow, NAT_FLOW_VIP_PORT);
}

/** A packet to the VM used this flow. */
export function touchNatFlow(flow: usize, now: u32): void {
  store<u32>(flow, now, NAT_FLOW_TICKS);
}

/** The VM answered. */
export function touchNatFlowReplied(flow: usize, now: u32): void {
  store<u16>(flow, NAT_FLOW_REPLIED, NAT_FLOW_STATE);
  store<u32>(flow, now, NAT_FLOW_TICKS);
}

/** Room for a flow that the table does not know; 0 when every flow of its buckets is alive and answered. */
export function findNatFlowRoom(keyRemote: u64, keyLocal: u64, now: u32): usize {
  const hash = sipHash(keyRemote, keyLocal);
  const first = firstBucket(hash);
  const second = secondBucket(hash);
  const free = freeCount(first) >= freeCount(second) ? findFree(first) : findFree(second);
  if (free != 0) return free;
  let flow = findExpired(first, now);
  if (flow == 0) flow = findExpired(second, now);
  if (flow != 0) {
    count(COUNTER_NAT_FLOW_EXPIRED);
    return flow;
  }
  flow = olderNew(findOldestNew(first, now), findOldestNew(second, now), now);
  if (flow != 0) count(COUNTER_NAT_FLOW_EVICTED);
  return flow;
}

export function writeNatFlow(
  flow: usize,
  keyRemote: u64,
  keyLocal: u64,
  vip: u32,
  vipPortNet: u32,
  now: u32,
  idleTicks: u32,
): void {
  count(COUNTER_NAT_FLOW_INSERTS);
  store<u64>(flow, keyRemote);
  store<u64>(flow, keyLocal, 8);
  store<u32>(flow, vip, NAT_FLOW_VIP);
  store<u16>(flow, <u16>vipPortNet, NAT_FLOW_VIP_PORT);
  store<u16>(flow, NAT_FLOW_NEW, NAT_FLOW_STATE);
  store<u32>(flow, now, NAT_FLOW_TICKS);
  store<u32>(flow, idleTicks, NAT_FLOW_IDLE_TICKS);
}

/** Forgets every flow of a NIC, so that its index can be given to another one. */
export function natFlowPurge(nic: u32): void {
  const end = natFlowsBase + (natFlowsMask + 1) * NAT_FLOW_BUCKET_BYTES;
  for (let flow: usize = natFlowsBase; flow < end; flow += NAT_FLOW_BYTES) {
    if (load<u16>(flow, NAT_FLOW_NIC) == nic) store<u16>(flow, NAT_FLOW_FREE, NAT_FLOW_STATE);
  }
}

function firstBucket(hash: u64): usize {
  return natFlowsBase + (<u32>hash & natFlowsMask) * NAT_FLOW_BUCKET_BYTES;
}

function secondBucket(hash: u64): usize {
  return natFlowsBase + (<u32>(hash >> 32) & natFlowsMask) * NAT_FLOW_BUCKET_BYTES;
}

function findIn(bucket: usize, keyRemote: u64, keyLocal: u64): usize {
  for (let flow = bucket; flow < bucket + NAT_FLOW_BUCKET_BYTES; flow += NAT_FLOW_BYTES) {
    if (load<u64>(flow) == keyRemote && load<u64>(flow, 8) == keyLocal && stateOf(flow) != NAT_FLOW_FREE) return flow;
  }
  return 0;
}

function freeCount(bucket: usize): u32 {
  let free: u32 = 0;
  for (let flow = bucket; flow < bucket + NAT_FLOW_BUCKET_BYTES; flow += NAT_FLOW_BYTES) {
    if (stateOf(flow) == NAT_FLOW_FREE) free++;
  }
  return free;
}

function findFree(bucket: usize): usize {
  for (let flow = bucket; flow < bucket + NAT_FLOW_BUCKET_BYTES; flow += NAT_FLOW_BYTES) {
    if (stateOf(flow) == NAT_FLOW_FREE) return flow;
  }
  return 0;
}

function findExpired(bucket: usize, now: u32): usize {
  for (let flow = bucket; flow < bucket + NAT_FLOW_BUCKET_BYTES; flow += NAT_FLOW_BYTES) {
    if (!natFlowIsLive(flow, now)) return flow;
  }
  return 0;
}

function findOldestNew(bucket: usize, now: u32): usize {
  let oldest: usize = 0;
  for (let flow = bucket; flow < bucket + NAT_FLOW_BUCKET_BYTES; flow += NAT_FLOW_BYTES) {
    if (stateOf(flow) == NAT_FLOW_NEW) oldest = olderNew(oldest, flow, now);
  }
  return oldest;
}

/** The one of two flows (0: none) that has waited longer. */
function olderNew(a: usize, b: usize, now: u32): usize {
  if (a == 0 || b == 0) return a | b;
  return ageOf(a, now) >= ageOf(b, now) ? a : b;
}

function ageOf(flow: usize, now: u32): u32 {
  return ticksSince(load<u32>(flow, NAT_FLOW_TICKS), now);
}

function stateOf(flow: usize): u32 {
  return load<u16>(flow, NAT_FLOW_STATE);
}
