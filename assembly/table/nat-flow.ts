/**
 * The host agent's NAT flows: how to turn a VM's answer back into one from the VIP, and what comes back for a leased port
 * into a packet for the VM that called.
 *
 * Keyed exactly by what such a packet shows, four flows in a bucket. Unlike the MUX, which can always ask the ring, a
 * host agent that cannot remember a connection must refuse it; so every flow has two buckets to choose from and takes
 * the emptier one, which lets the table fill far before any pair of buckets does (Azar et al., "Balanced Allocations",
 * STOC'94). Making room, and giving it back: table/nat-flow-room.ts.
 *
 * An outbound connection has two entries. That of the VM's side is the flow; the one outside, found by what comes back
 * for the leased port, only leads to it, so that there is one state and one clock. A link is believed when the entry it
 * leads to links back.
 *
 *   0            16      20            22           24    26         27     28
 *   | remote net | local | remote port | local port | NIC | protocol | kind |                          key
 *   | VIP | VIP port | state | flags | idle ticks | spare | ticks | remote ack | local ack | twin | fastpath | | value
 *   28    32         34      35      36           38      40      44           48          52     56         60 64
 */
import {
  NAT_FLOW_BUCKET_BYTES,
  NAT_FLOW_BYTES,
  NAT_FLOW_IDLE_TICKS,
  NAT_FLOW_KIND,
  NAT_FLOW_KIND_OUTSIDE,
  NAT_FLOW_LOCAL_ADDRESS,
  NAT_FLOW_LOCAL_PORT,
  NAT_FLOW_NIC,
  NAT_FLOW_PROTOCOL,
  NAT_FLOW_REPLIED,
  NAT_FLOW_RESET,
  NAT_FLOW_STATE,
  NAT_FLOW_TICKS,
  NAT_FLOW_TWIN,
  NAT_FLOW_VIP,
  NAT_FLOW_VIP_PORT,
} from '../abi';
import { ticksSince } from '../clock';
import { sipHash } from '../flow-hash';
import { natFlowsBase, natFlowsMask } from '../layout';

const FAMILY_MASK: u32 = 0x0f;
const CLOSING_IDLE_TICKS: u32 = 60;
const RESET_IDLE_TICKS: u32 = 4;
/** Set when a key is of IPv6: 4 is 100, 6 is 110. */
const KIND_BIT_IPV6: u32 = 0x02000000;

// A key lies in memory as in a flow: 16 bytes, 8 bytes, 4 bytes. Each part is written in one store, and read likewise.

/** The far end: an IPv4 address in the low half of `low`, or the two words of an IPv6 address. */
export function writeNatKeyRemote(key: usize, low: u64, high: u64): void {
  store<u64>(key, low);
  store<u64>(key, high, 8);
}

/** Our end, an IPv4 address or an address word, and the ports: the remote one low, both net. */
export function writeNatKeyEnds(key: usize, local: u32, ports: u32): void {
  store<u64>(key, <u64>local | ((<u64>ports) << 32), NAT_FLOW_LOCAL_ADDRESS);
}

/** @param kind the family plus NAT_FLOW_KIND_… */
export function writeNatKeyOwner(key: usize, nic: u32, protocol: u32, kind: u32): void {
  store<u32>(key, natKeyOwner(nic, protocol, kind), NAT_FLOW_NIC);
}

/** The last part of a key, whose flow it is; the kind is the family plus NAT_FLOW_KIND_…. */
export function natKeyOwner(nic: u32, protocol: u32, kind: u32): u32 {
  return nic | (protocol << 16) | (kind << 24);
}

/** The flow of a key, alive or not; 0 when the table does not know it. */
export function findNatFlow(key: usize): usize {
  const hash = hashOf(key);
  const flow = findIn(firstBucket(hash), key);
  return flow != 0 ? flow : findIn(secondBucket(hash), key);
}

/** SipHash of a key: what places it, and where the search for a leased port begins. */
export function natKeyHash(key: usize): u64 {
  return hashOf(key);
}

/** Two words hold all of an IPv4 key, four that of IPv6. @inline */
function hashOf(key: usize): u64 {
  const ends = load<u64>(key, NAT_FLOW_LOCAL_ADDRESS);
  const owner = load<u32>(key, NAT_FLOW_NIC);
  const local = ends << 32;
  const rest = (ends >> 32) | ((<u64>owner) << 32);
  const isIpv6 = (owner & KIND_BIT_IPV6) != 0;
  return sipHash((isIpv6 ? foldIpv6(key) : load<u64>(key)) ^ local, rest);
}

/** Stands for the remote address: two words that agree in it cannot be found without the key. */
function foldIpv6(key: usize): u64 {
  return sipHash(load<u64>(key), load<u64>(key, 8));
}

/** Whether a flow counts: not idle for too long, and of an entry outside, that it leads to such a flow. @inline */
export function natFlowIsLive(flow: usize, now: u32): bool {
  return isOutside(flow) ? isTwinLive(flow, now) : isWithinLimit(flow, now);
}

function isTwinLive(outside: usize, now: u32): bool {
  const flow = natFlowTwin(outside);
  return flow != 0 && isWithinLimit(flow, now);
}

/** The other entry of an outbound connection; 0 when there is none, or one that has another twin. */
export function natFlowTwin(flow: usize): usize {
  const twin: usize = load<u32>(flow, NAT_FLOW_TWIN);
  return twin != 0 && load<u32>(twin, NAT_FLOW_TWIN) == <u32>flow ? twin : 0;
}

/** Whether an entry is found by what comes back for a leased port. */
export function isOutside(flow: usize): bool {
  return (load<u8>(flow, NAT_FLOW_KIND) & NAT_FLOW_KIND_OUTSIDE) != 0;
}

/** What takes the place of the local address: the VIP, of an entry outside the DIP. */
export function natFlowVip(flow: usize): u32 {
  return load<u32>(flow, NAT_FLOW_VIP);
}

export function natFlowVipPort(flow: usize): u32 {
  return load<u16>(flow, NAT_FLOW_VIP_PORT);
}

/** Our end in the key: the VM's address, of an entry outside the VIP. */
export function natFlowLocal(flow: usize): u32 {
  return load<u32>(flow, NAT_FLOW_LOCAL_ADDRESS);
}

export function natFlowLocalPort(flow: usize): u32 {
  return load<u16>(flow, NAT_FLOW_LOCAL_PORT);
}

export function natFlowNic(flow: usize): u32 {
  return load<u16>(flow, NAT_FLOW_NIC);
}

export function natFlowProtocol(flow: usize): u32 {
  return load<u8>(flow, NAT_FLOW_PROTOCOL);
}

/** 4 or 6; 0 of a free place. */
export function natFlowFamily(flow: usize): u32 {
  return load<u8>(flow, NAT_FLOW_KIND) & FAMILY_MASK;
}

/** NAT_FLOW_NEW … NAT_FLOW_RESET; of an entry outside, that of its flow. */
export function natFlowState(flow: usize): u32 {
  if (!isOutside(flow)) return load<u8>(flow, NAT_FLOW_STATE);
  const twin = natFlowTwin(flow);
  return twin == 0 ? NAT_FLOW_RESET : <u32>load<u8>(twin, NAT_FLOW_STATE);
}

/** Ticks since the last packet of a flow; of an entry outside, of the flow it leads to. */
export function natFlowAge(flow: usize, now: u32): u32 {
  const twin = isOutside(flow) ? natFlowTwin(flow) : 0;
  return ticksSince(load<u32>(twin == 0 ? flow : twin, NAT_FLOW_TICKS), now);
}

/** The two buckets a key may be in. */
export function firstBucket(hash: u64): usize {
  return natFlowsBase + (<u32>hash & natFlowsMask) * NAT_FLOW_BUCKET_BYTES;
}

export function secondBucket(hash: u64): usize {
  return natFlowsBase + (<u32>(hash >> 32) & natFlowsMask) * NAT_FLOW_BUCKET_BYTES;
}

/** @inline */
function findIn(bucket: usize, key: usize): usize {
  const ends = load<u64>(key, NAT_FLOW_LOCAL_ADDRESS);
  for (let flow = bucket; flow < bucket + NAT_FLOW_BUCKET_BYTES; flow += NAT_FLOW_BYTES) {
    if (load<u64>(flow, NAT_FLOW_LOCAL_ADDRESS) == ends && isRestEqual(flow, key)) return flow;
  }
  return 0;
}

/** @inline */
function isRestEqual(flow: usize, key: usize): bool {
  return (
    load<u32>(flow, NAT_FLOW_NIC) == load<u32>(key, NAT_FLOW_NIC) &&
    load<u64>(flow) == load<u64>(key) &&
    load<u64>(flow, 8) == load<u64>(key, 8)
  );
}

/** @inline */
function isWithinLimit(flow: usize, now: u32): bool {
  const age = ticksSince(load<u32>(flow, NAT_FLOW_TICKS), now);
  const idleTicks: u32 = load<u16>(flow, NAT_FLOW_IDLE_TICKS);
  if (load<u8>(flow, NAT_FLOW_STATE) <= <u8>NAT_FLOW_REPLIED) return age <= idleTicks;
  return age <= min(idleTicks, endingTicks(flow));
}

function endingTicks(flow: usize): u32 {
  return load<u8>(flow, NAT_FLOW_STATE) == <u8>NAT_FLOW_RESET ? RESET_IDLE_TICKS : CLOSING_IDLE_TICKS;
}
