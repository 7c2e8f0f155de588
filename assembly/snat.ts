/**
 * Outbound connections: a VM that calls out leaves from a VIP and a port that is leased to its address.
 *
 *   remote:rport ◄─── VIP:port ◄─── DIP:lport      the flow, and beside it the entry by which what comes back is found
 *
 * One port serves as many connections as there are remote addresses and ports: it is taken only for the remote end that
 * a live connection already reaches from it.
 */
import {
  ACTION_LEASE,
  COUNTER_SNAT_ALLOCATED,
  COUNTER_SNAT_EXHAUSTED,
  COUNTER_SNAT_OVER_SHARE,
  FIXED_STATE,
  NAT_FLOW_BYTES,
  NAT_FLOW_KIND_OUTSIDE,
  REASON_FLOW_TABLE_FULL,
  REASON_NONE,
  REASON_SNAT_EXHAUSTED,
  STATE_SNAT_KEY,
} from './abi';
import { count } from './counters';
import {
  decide,
  decidedAddress,
  decidedLocal,
  decidedPort,
  decidedRule,
  decideFlow,
  decideLocal,
  decideRule,
} from './host-decision';
import {
  isIcmpOf,
  packetFamily,
  packetKey,
  packetLocal,
  packetLocalPort,
  packetNic,
  packetProtocol,
  packetRemote,
  packetRemotePort,
} from './host-packet';
import { natFlowsBase } from './layout';
import { OUTCOME_CONTINUE } from './parse';
import { findLocalAddress, localRuleCount, localRuleFirst } from './table/local-address';
import {
  findNatFlow,
  isOutside,
  natFlowFamily,
  natFlowIsLive,
  natFlowLocal,
  natFlowLocalPort,
  natFlowNic,
  natFlowProtocol,
  natFlowVip,
  natKeyHash,
  writeNatKeyEnds,
  writeNatKeyOwner,
  writeNatKeyRemote,
} from './table/nat-flow';
import {
  couldHaveSnatFlow,
  forgetNatFlow,
  isRoomForTwins,
  joinNatFlowTwin,
  makeNatFlowRoom,
  mayHaveSnatFlow,
  natFlowsEnd,
  writeNatFlow,
} from './table/nat-flow-room';
import {
  countAllocated,
  countExhausted,
  placeInRange,
  snatRangeAfter,
  snatRangeFirst,
  snatRangePortCount,
  snatRule,
  snatRuleFlags,
  snatRuleHasPort,
  snatRuleIdleTicks,
  snatRulePortCount,
  snatRuleRange,
  snatRuleTakes,
  snatRuleVip,
} from './table/snat-rule';
import { isTcpOrUdp } from './wire/ports';

/** Ports that are looked at per rule, so that a VM without a free one cannot keep the agent busy. */
const PORT_TRIES_MAX: u32 = 64;
const NO_PORT: u32 = 0;

const OUTSIDE_KEY: usize = FIXED_STATE + STATE_SNAT_KEY;

/** Whether connections of a protocol from a local address are translated at all. */
export function isSnatted(local: usize, protocol: u32, family: u32): bool {
  return ruleFor(local, 0, protocol, family) < localRuleCount(local);
}

/**
 * Looks for a leased port for the connection a packet opens, and decides that it gets the first one that is free. The
 * packet's key is that of the VM's side, for which the table has no live flow.
 *
 * @returns OUTCOME_CONTINUE; without a free port the decision has no rule
 */
export function chooseLease(packet: usize, local: usize, now: u32): u32 {
  const protocol = packetProtocol(packet);
  const family = packetFamily(packet);
  const hash = natKeyHash(packetKey(packet));
  const remote = packetRemote(packet);
  writeNatKeyRemote(OUTSIDE_KEY, load<u64>(remote), load<u64>(remote, 8));
  writeNatKeyOwner(OUTSIDE_KEY, packetNic(packet), protocol, family | NAT_FLOW_KIND_OUTSIDE);
  const ruleCount = localRuleCount(local);
  for (let index = ruleFor(local, 0, protocol, family); index < ruleCount; ) {
    const rule = snatRule(localRuleFirst(local) + index);
    const portNet = findFreePort(rule, hash, packetRemotePort(packet), now);
    if (portNet != NO_PORT) {
      decide(ACTION_LEASE, snatRuleVip(rule), portNet);
      decideRule(rule);
      decideLocal(local);
      return OUTCOME_CONTINUE;
    }
    index = ruleFor(local, index + 1, protocol, family);
  }
  decide(ACTION_LEASE, 0, NO_PORT);
  decideLocal(local);
  return OUTCOME_CONTINUE;
}

/** Opens the connection chooseLease has decided on, and counts what it found. A flow with its key must be gone. */
export function openLease(packet: usize, now: u32): u32 {
  const rule = decidedRule();
  countTried(packet, rule);
  if (rule == 0) {
    count(COUNTER_SNAT_EXHAUSTED);
    return REASON_SNAT_EXHAUSTED;
  }
  if (!mayHaveSnatFlow(packetNic(packet), now)) {
    count(COUNTER_SNAT_OVER_SHARE);
    return REASON_FLOW_TABLE_FULL;
  }
  // The port may be that of a dead connection to the same end.
  const dead = findNatFlow(OUTSIDE_KEY);
  if (dead != 0) forgetNatFlow(dead);
  const flow = makeNatFlowRoom(packetKey(packet), now);
  if (flow == 0) return REASON_FLOW_TABLE_FULL;
  const idleTicks = snatRuleIdleTicks(rule);
  writeNatFlow(flow, packetKey(packet), decidedAddress(), decidedPort(), idleTicks, snatRuleFlags(rule), now);
  if (!joinNatFlowTwin(flow, OUTSIDE_KEY, packetLocal(packet), packetLocalPort(packet), now)) {
    return REASON_FLOW_TABLE_FULL;
  }
  count(COUNTER_SNAT_ALLOCATED);
  countAllocated(rule);
  decideFlow(flow);
  return REASON_NONE;
}

/** What openLease would answer: exact but for a VM that has used up its share of the table, and gives up a flow for this one. */
export function foreseeLease(packet: usize, now: u32): u32 {
  if (decidedRule() == 0) return REASON_SNAT_EXHAUSTED;
  const isRoom = couldHaveSnatFlow(packetNic(packet), now) && isRoomForTwins(packetKey(packet), OUTSIDE_KEY, now);
  return isRoom ? REASON_NONE : REASON_FLOW_TABLE_FULL;
}

/** Ends the outbound connections whose port is no longer leased to their address. */
export function snatWithdraw(): void {
  const end = natFlowsEnd();
  for (let flow: usize = natFlowsBase; flow < end; flow += NAT_FLOW_BYTES) {
    if (isOutside(flow) && !isLeased(flow)) forgetNatFlow(flow);
  }
}

/** The rules before `last` had no port; all of them, when it is 0. */
function countTried(packet: usize, last: usize): void {
  const local = decidedLocal();
  const protocol = packetProtocol(packet);
  const family = packetFamily(packet);
  const ruleCount = localRuleCount(local);
  for (let index = ruleFor(local, 0, protocol, family); index < ruleCount; ) {
    const rule = snatRule(localRuleFirst(local) + index);
    if (rule == last) return;
    countExhausted(rule);
    index = ruleFor(local, index + 1, protocol, family);
  }
}

/** A port of a rule without a live connection to the remote end, in network order; the ports lie in a circle. */
function findFreePort(rule: usize, hash: u64, remotePortNet: u32, now: u32): u32 {
  const portCount = snatRulePortCount(rule);
  if (portCount == 0) return NO_PORT;
  const vip = snatRuleVip(rule);
  let range = snatRuleRange(rule, <u32>(hash % portCount));
  let place = placeInRange;
  const tries = min(portCount, PORT_TRIES_MAX);
  for (let tried: u32 = 0; tried < tries; tried++) {
    const portNet: u32 = bswap<u16>(<u16>(snatRangeFirst(range) + place));
    writeNatKeyEnds(OUTSIDE_KEY, vip, remotePortNet | (portNet << 16));
    const flow = findNatFlow(OUTSIDE_KEY);
    if (flow == 0 || !natFlowIsLive(flow, now)) return portNet;
    place++;
    while (place == snatRangePortCount(range)) {
      place = 0;
      range = snatRangeAfter(rule, range);
    }
  }
  return NO_PORT;
}

/** The first of an address's rules from `index` on that takes the protocol; behind the last when there is none. */
function ruleFor(local: usize, index: u32, protocol: u32, family: u32): u32 {
  const ruleCount = localRuleCount(local);
  const hasPorts = isTcpOrUdp(protocol) || isIcmpOf(protocol, family);
  while (index < ruleCount && !snatRuleTakes(snatRule(localRuleFirst(local) + index), protocol, hasPorts)) index++;
  return index;
}

/** Whether the port of an outside entry is still leased to the address it leads to. */
function isLeased(outside: usize): bool {
  const protocol = natFlowProtocol(outside);
  const family = natFlowFamily(outside);
  const local = findLocalAddress(natFlowNic(outside), natFlowVip(outside), family);
  if (local == 0) return false;
  const port: u32 = bswap<u16>(<u16>natFlowLocalPort(outside));
  const ruleCount = localRuleCount(local);
  for (let index = ruleFor(local, 0, protocol, family); index < ruleCount; ) {
    const rule = snatRule(localRuleFirst(local) + index);
    if (snatRuleVip(rule) == natFlowLocal(outside) && snatRuleHasPort(rule, port)) return true;
    index = ruleFor(local, index + 1, protocol, family);
  }
  return false;
}
