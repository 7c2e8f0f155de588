/**
 * Fastpath entries of a host agent: NAT flows whose packets go straight to the host of the other VM.
 *
 * A flow names its entry and the entry its flow; either may be given to somebody else, so a link is believed when it leads
 * back. Four entries in a set, found by where the flow lies: the flow that is told last gets the place of the oldest. An
 * entry lasts for half a minute, less when the connection ends, or when what it has sent stays without an answer: the
 * other VM may have moved, and the way through the MUX finds it.
 *
 *   0        6       8     12     16      20     24      28        29      32
 *   | VM MAC | spare | VNI | peer | flow | ticks | asked | is asked | spare |
 */
import {
  FASTPATH_ASKED_TICKS,
  FASTPATH_ASKED_TICKS_MAX,
  FASTPATH_BYTES,
  FASTPATH_FLOW,
  FASTPATH_IS_ASKED,
  FASTPATH_PEER,
  FASTPATH_SET_BYTES,
  FASTPATH_TICKS,
  FASTPATH_TICKS_MAX,
  FASTPATH_VNI,
  NAT_FLOW_FASTPATH,
} from '../abi';
import { ticksSince } from '../clock';
import { fastpathsBase, fastpathsMask } from '../layout';
import { spread } from './spread';

const MAC_MASK: u64 = 0x0000ffffffffffff;

/** Whether it is worth looking: false for nearly all flows, and all that their packets pay. @inline */
export function mayHaveFastpath(flow: usize): bool {
  return load<u32>(flow, NAT_FLOW_FASTPATH) != 0;
}

/** The entry of a flow as long as it is to be obeyed, else 0. */
export function findFastpath(flow: usize, now: u32): usize {
  const entry = entryOf(flow);
  if (entry == 0 || ticksSince(load<u32>(entry, FASTPATH_TICKS), now) >= <u32>FASTPATH_TICKS_MAX) return 0;
  const isAnswered = load<u8>(entry, FASTPATH_IS_ASKED) == 0;
  return isAnswered || ticksSince(load<u32>(entry, FASTPATH_ASKED_TICKS), now) < <u32>FASTPATH_ASKED_TICKS_MAX
    ? entry
    : 0;
}

/** Writes or renews the entry of a flow. */
export function writeFastpath(flow: usize, peer: usize, vni: u32, mac: u64, now: u32): void {
  const known = entryOf(flow);
  const entry = known != 0 ? known : makeRoom(flow, now);
  store<u64>(entry, mac);
  store<u32>(entry, vni, FASTPATH_VNI);
  store<u32>(entry, <u32>peer, FASTPATH_PEER);
  store<u32>(entry, <u32>flow, FASTPATH_FLOW);
  store<u32>(entry, now, FASTPATH_TICKS);
  store<u8>(entry, 0, FASTPATH_IS_ASKED);
  store<u32>(flow, <u32>entry, NAT_FLOW_FASTPATH);
}

/** Forgets the entry of a flow. */
export function forgetFastpath(flow: usize): void {
  const entry = entryOf(flow);
  store<u32>(flow, 0, NAT_FLOW_FASTPATH);
  if (entry != 0) store<u32>(entry, 0, FASTPATH_FLOW);
}

/** Something came back: what was asked is answered. */
export function answerFastpath(flow: usize): void {
  const entry = entryOf(flow);
  if (entry != 0) store<u8>(entry, 0, FASTPATH_IS_ASKED);
}

/** Data goes out by an entry, and wants an answer. */
export function askFastpath(entry: usize, now: u32): void {
  if (load<u8>(entry, FASTPATH_IS_ASKED) != 0) return;
  store<u8>(entry, 1, FASTPATH_IS_ASKED);
  store<u32>(entry, now, FASTPATH_ASKED_TICKS);
}

/** The record of the machine a VM is on. */
export function fastpathPeer(entry: usize): usize {
  return load<u32>(entry, FASTPATH_PEER);
}

export function fastpathVni(entry: usize): u32 {
  return load<u32>(entry, FASTPATH_VNI);
}

export function fastpathMac(entry: usize): u64 {
  return load<u64>(entry) & MAC_MASK;
}

/** Forgets all: every flow goes through the MUX again. */
export function fastpathClear(): void {
  memory.fill(fastpathsBase, 0, (fastpathsMask + 1) * FASTPATH_SET_BYTES);
}

/** The entry a flow names, when that names the flow. */
function entryOf(flow: usize): usize {
  const entry: usize = load<u32>(flow, NAT_FLOW_FASTPATH);
  return entry != 0 && load<u32>(entry, FASTPATH_FLOW) == <u32>flow ? entry : 0;
}

/** An empty place of a flow's set, else the oldest one. */
function makeRoom(flow: usize, now: u32): usize {
  const set: usize = fastpathsBase + (spread(flow) & fastpathsMask) * FASTPATH_SET_BYTES;
  let oldest = set;
  let oldestAge: u32 = 0;
  for (let entry = set; entry < set + FASTPATH_SET_BYTES; entry += FASTPATH_BYTES) {
    if (load<u32>(entry, FASTPATH_FLOW) == 0) return entry;
    const age = ticksSince(load<u32>(entry, FASTPATH_TICKS), now);
    if (age <= oldestAge) continue;
    oldest = entry;
    oldestAge = age;
  }
  return oldest;
}
