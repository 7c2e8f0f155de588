/**
 * Room in the NAT flow table: which place a new flow gets, and what goes for it.
 *
 * A flow that was answered is not evicted while it lives; one that was never answered may be, so that packets nobody
 * answers cannot push out connections that work. Both entries of an outbound connection go together. Each NIC has a
 * share of the table for its outbound connections; one that has used it up makes room among its own.
 */
import {
  COUNTER_NAT_FLOW_EVICTED,
  COUNTER_NAT_FLOW_EXPIRED,
  COUNTER_NAT_FLOW_INSERTS,
  NAT_FLOW_BUCKET_BYTES,
  NAT_FLOW_BYTES,
  NAT_FLOW_FLAGS,
  NAT_FLOW_IDLE_TICKS,
  NAT_FLOW_KIND,
  NAT_FLOW_LOCAL_ACK,
  NAT_FLOW_LOCAL_ADDRESS,
  NAT_FLOW_NEW,
  NAT_FLOW_NIC,
  NAT_FLOW_REMOTE_ACK,
  NAT_FLOW_REPLIED,
  NAT_FLOW_STATE,
  NAT_FLOW_TICKS,
  NAT_FLOW_TWIN,
  NAT_FLOW_VIP,
  NAT_FLOW_VIP_PORT,
} from '../abi';
import { count } from '../counters';
import { natFlowsBase, natFlowsMask, snatSharesBase } from '../layout';
import { isAddressRetired } from './address-value';
import {
  firstBucket,
  natFlowAge,
  natFlowFamily,
  natFlowIsLive,
  natFlowLocal,
  natFlowNic,
  natFlowState,
  natFlowTwin,
  natFlowVip,
  natKeyHash,
  secondBucket,
} from './nat-flow';

/** Buckets that a NIC which has used up its share searches for a flow of its own to give up. */
const SHARE_SEARCH_BUCKETS: u32 = 64;

const NO_FLOW: usize = 0;

/** Where that search goes on. */
let shareCursor: u32 = 0;

/**
 * An empty place for a key that the table does not know; 0 when every flow of its buckets is alive and answered. What
 * was there has been forgotten, and counted.
 */
export function makeNatFlowRoom(key: usize, now: u32): usize {
  const flow = findNatFlowRoom(key, NO_FLOW, now);
  if (flow != 0 && isTaken(flow)) giveUp(flow, now);
  return flow;
}

/** Whether both entries of an outbound flow would find room, one after the other. */
export function isRoomForTwins(key: usize, outsideKey: usize, now: u32): bool {
  const flow = findNatFlowRoom(key, NO_FLOW, now);
  if (flow == 0) return false;
  // What makes room for the first takes its twin along.
  const freed = isTaken(flow) ? natFlowTwin(flow) : 0;
  if (freed != 0 && isPlaceFor(outsideKey, freed)) return true;
  return findNatFlowRoom(outsideKey, flow, now) != 0;
}

/**
 * The place makeNatFlowRoom would make: an empty one, a dead flow, or the one that has waited longest for an answer.
 *
 * @param except a place that somebody else is to have
 */
export function findNatFlowRoom(key: usize, except: usize, now: u32): usize {
  const hash = natKeyHash(key);
  const first = firstBucket(hash);
  const second = secondBucket(hash);
  const isFirstEmptier = freeCount(first, except) >= freeCount(second, except);
  const free = findFree(isFirstEmptier ? first : second, except);
  if (free != 0) return free;
  let flow = findExpired(first, except, now);
  if (flow == 0) flow = findExpired(second, except, now);
  if (flow != 0) return flow;
  return olderNew(findOldestNew(first, except, now), findOldestNew(second, except, now), now);
}

function isPlaceFor(key: usize, flow: usize): bool {
  const hash = natKeyHash(key);
  return isIn(firstBucket(hash), flow) || isIn(secondBucket(hash), flow);
}

function isIn(bucket: usize, flow: usize): bool {
  return flow >= bucket && flow < bucket + NAT_FLOW_BUCKET_BYTES;
}

/** Puts a flow into an empty place, or over one with the same key that has no twin. */
export function writeNatFlow(
  flow: usize,
  key: usize,
  vip: u32,
  vipPortNet: u32,
  idleTicks: u32,
  flags: u32,
  now: u32,
): void {
  count(COUNTER_NAT_FLOW_INSERTS);
  writeEntry(flow, key, vip, vipPortNet);
  store<u8>(flow, NAT_FLOW_NEW, NAT_FLOW_STATE);
  store<u8>(flow, <u8>flags, NAT_FLOW_FLAGS);
  store<u16>(flow, <u16>idleTicks, NAT_FLOW_IDLE_TICKS);
  store<u32>(flow, now, NAT_FLOW_TICKS);
  store<u32>(flow, 0, NAT_FLOW_REMOTE_ACK);
  store<u32>(flow, 0, NAT_FLOW_LOCAL_ACK);
}

/**
 * Puts the outside entry of an outbound flow beside the flow, and joins the two; the NIC has one flow more. Whether there
 * was room: else the flow is gone again.
 *
 * @param outsideKey what comes back for the leased port shows; `dip` and `dipPortNet` are what it becomes
 */
export function joinNatFlowTwin(flow: usize, outsideKey: usize, dip: u32, dipPortNet: u32, now: u32): bool {
  // The flow itself must not make room for its twin: an answered one does not.
  store<u8>(flow, NAT_FLOW_REPLIED, NAT_FLOW_STATE);
  const outside = makeNatFlowRoom(outsideKey, now);
  store<u8>(flow, NAT_FLOW_NEW, NAT_FLOW_STATE);
  if (outside == 0) {
    clear(flow);
    return false;
  }
  writeEntry(outside, outsideKey, dip, dipPortNet);
  store<u32>(outside, <u32>flow, NAT_FLOW_TWIN);
  store<u32>(flow, <u32>outside, NAT_FLOW_TWIN);
  const share = shareOf(flow);
  store<u32>(share, load<u32>(share) + 1);
  return true;
}

/** Empties the place of a flow, and that of its twin. */
export function forgetNatFlow(flow: usize): void {
  const twin = natFlowTwin(flow);
  if (twin != 0) {
    const share = shareOf(flow);
    store<u32>(share, load<u32>(share) - 1);
    clear(twin);
  }
  clear(flow);
}

/**
 * Whether a NIC may have another outbound flow: it has less than a quarter of the table, or gives one of its own up.
 *
 * A quarter, because a table of two-choice buckets fills to nine tenths before it refuses anybody: two VMs that use up
 * theirs leave half of it to all others, and what a VM has leased ports for is far less in practice.
 */
export function mayHaveSnatFlow(nic: u32, now: u32): bool {
  if (hasSnatShare(nic)) return true;
  const flow = findOwn(nic, now);
  shareCursor += SHARE_SEARCH_BUCKETS;
  if (flow == 0) return false;
  giveUp(flow, now);
  return true;
}

/** The same, and nothing is given up. */
export function couldHaveSnatFlow(nic: u32, now: u32): bool {
  return hasSnatShare(nic) || findOwn(nic, now) != 0;
}

/** Forgets every flow of a NIC, so that its index can be given to another one. */
export function natFlowPurge(nic: u32): void {
  const end = natFlowsEnd();
  for (let flow: usize = natFlowsBase; flow < end; flow += NAT_FLOW_BYTES) {
    if (isTaken(flow) && natFlowNic(flow) == nic) forgetNatFlow(flow);
  }
}

/** Forgets every flow with an IPv6 address whose word the SDK has taken back, so that it can be given to another one. */
export function natFlowPurgeRetired(): void {
  const end = natFlowsEnd();
  for (let flow: usize = natFlowsBase; flow < end; flow += NAT_FLOW_BYTES) {
    if (natFlowFamily(flow) != 6) continue;
    if (isAddressRetired(natFlowLocal(flow)) || isAddressRetired(natFlowVip(flow))) forgetNatFlow(flow);
  }
}

/** The first byte behind the table. */
export function natFlowsEnd(): usize {
  return natFlowsBase + (natFlowsMask + 1) * NAT_FLOW_BUCKET_BYTES;
}

export function isTaken(flow: usize): bool {
  return load<u8>(flow, NAT_FLOW_KIND) != 0;
}

/** Two entries each, four places in a bucket: a quarter of the places is half a flow per bucket. */
function hasSnatShare(nic: u32): bool {
  return load<u32>(snatSharesBase + (nic << 2)) < (natFlowsMask + 1) >> 1;
}

/** Counts why a flow goes, and forgets it. */
function giveUp(flow: usize, now: u32): void {
  count(natFlowIsLive(flow, now) ? COUNTER_NAT_FLOW_EVICTED : COUNTER_NAT_FLOW_EXPIRED);
  forgetNatFlow(flow);
}

/** A dead flow of a NIC in the next buckets, else the one that has waited longest for an answer; 0 when all work. */
function findOwn(nic: u32, now: u32): usize {
  let own: usize = 0;
  for (let searched: u32 = 0; searched < SHARE_SEARCH_BUCKETS; searched++) {
    const bucket = natFlowsBase + ((shareCursor + searched) & natFlowsMask) * NAT_FLOW_BUCKET_BYTES;
    for (let flow = bucket; flow < bucket + NAT_FLOW_BUCKET_BYTES; flow += NAT_FLOW_BYTES) {
      if (!isTaken(flow) || natFlowNic(flow) != nic || natFlowTwin(flow) == 0) continue;
      if (!natFlowIsLive(flow, now)) return flow;
      if (natFlowState(flow) == NAT_FLOW_NEW) own = olderNew(own, flow, now);
    }
  }
  return own;
}

function writeEntry(flow: usize, key: usize, vip: u32, vipPortNet: u32): void {
  v128.store(flow, v128.load(key));
  store<u64>(flow, load<u64>(key, NAT_FLOW_LOCAL_ADDRESS), NAT_FLOW_LOCAL_ADDRESS);
  store<u32>(flow, load<u32>(key, NAT_FLOW_NIC), NAT_FLOW_NIC);
  store<u32>(flow, vip, NAT_FLOW_VIP);
  store<u16>(flow, <u16>vipPortNet, NAT_FLOW_VIP_PORT);
  store<u32>(flow, 0, NAT_FLOW_TWIN);
}

function clear(flow: usize): void {
  store<u32>(flow, 0, NAT_FLOW_NIC);
  store<u32>(flow, 0, NAT_FLOW_TWIN);
}

/** How many outbound flows the NIC of one has. */
function shareOf(flow: usize): usize {
  return snatSharesBase + (natFlowNic(flow) << 2);
}

function freeCount(bucket: usize, except: usize): u32 {
  let free: u32 = 0;
  for (let flow = bucket; flow < bucket + NAT_FLOW_BUCKET_BYTES; flow += NAT_FLOW_BYTES) {
    if (!isTaken(flow) && flow != except) free++;
  }
  return free;
}

function findFree(bucket: usize, except: usize): usize {
  for (let flow = bucket; flow < bucket + NAT_FLOW_BUCKET_BYTES; flow += NAT_FLOW_BYTES) {
    if (!isTaken(flow) && flow != except) return flow;
  }
  return 0;
}

function findExpired(bucket: usize, except: usize, now: u32): usize {
  for (let flow = bucket; flow < bucket + NAT_FLOW_BUCKET_BYTES; flow += NAT_FLOW_BYTES) {
    if (!natFlowIsLive(flow, now) && flow != except) return flow;
  }
  return 0;
}

function findOldestNew(bucket: usize, except: usize, now: u32): usize {
  let oldest: usize = 0;
  for (let flow = bucket; flow < bucket + NAT_FLOW_BUCKET_BYTES; flow += NAT_FLOW_BYTES) {
    if (natFlowState(flow) == NAT_FLOW_NEW && flow != except) oldest = olderNew(oldest, flow, now);
  }
  return oldest;
}

/** The one of two flows (0: none) that has waited longer. */
function olderNew(a: usize, b: usize, now: u32): usize {
  if (a == 0 || b == 0) return a | b;
  return natFlowAge(a, now) >= natFlowAge(b, now) ? a : b;
}
