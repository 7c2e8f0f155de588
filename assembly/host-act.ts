/**
 * What a host agent does with a packet once it is decided: remember the connection, write addresses, ports and checksums,
 * and frame it for the VM or the gateway.
 *
 * Up to here nothing has been changed. What may still go wrong is that a table is full, or that a congestion mark cannot
 * be passed on; foresee says so without doing it.
 */
import {
  ACTION_ANSWER,
  ACTION_ERROR_IN,
  ACTION_FLOW,
  ACTION_LEASE,
  ACTION_READDRESS_IN,
  ACTION_READDRESS_OUT,
  ACTION_REDIRECT,
  ACTION_RETURN,
  ACTION_TRANSLATE,
  NAT_FLOW_FLAG_HAIRPIN,
  NAT_FLOW_TWIN,
  REASON_FLOW_TABLE_FULL,
  REASON_NONE,
  VERDICT_CONSUME,
  VERDICT_DELIVER,
  VERDICT_FORWARD,
  VERDICT_REPLY,
} from './abi';
import {
  decidedAction,
  decidedAddress,
  decidedFlow,
  decidedPeer,
  decidedPort,
  decidedRule,
  isFlowKnown,
  isHairpin,
} from './host-decision';
import { findStraightWay, sendStraight } from './host-fastpath';
import { rememberFragment } from './host-fragment';
import {
  FRAGMENT_FIRST,
  FRAGMENT_LATER,
  packetDatagramKey,
  packetFamily,
  packetFragment,
  packetIp,
  packetKey,
  packetL4,
  packetL4Bytes,
  packetProtocol,
} from './host-packet';
import { obeyRedirect } from './host-redirect';
import { useFlow } from './host-transport';
import { dropFor } from './parse';
import { frameForGateway, frameForSender, frameForVm } from './rewrite/decapsulate';
import { checkEcn, combineEcn } from './rewrite/ecn';
import { clampMss } from './rewrite/mss';
import { readdressDestination, readdressSource, translateDestination, translateSource } from './rewrite/translate';
import { translateErrorFromVm, translateErrorToVm } from './rewrite/translate-quote';
import { foreseeLease, openLease } from './snat';
import { findNatFlowRoom, forgetNatFlow, makeNatFlowRoom, writeNatFlow } from './table/nat-flow-room';
import { translationIdleTicks, translationResets } from './table/translation';
import { destinationPort, isTcpOrUdp } from './wire/ports';
import { quoteSourcePort } from './wire/quote';
import { announcesMss, PROTOCOL_TCP, tcpFlags } from './wire/tcp';

const NO_PORT: u32 = 0;
const NO_PEER: u32 = 0;
const NO_FLOW: usize = 0;

/** Does what was decided with the packet in hand; answers with an outcome. */
export function act(descriptor: usize, packet: usize, now: u32): u32 {
  const action = decidedAction();
  if (action == ACTION_TRANSLATE) return deliverTranslated(descriptor, packet, now);
  if (action == ACTION_FLOW) return leaveByFlow(descriptor, packet, now);
  if (action == ACTION_RETURN) return deliverReturned(descriptor, packet, now);
  if (action == ACTION_LEASE) return leaveByLease(descriptor, packet, now);
  if (action == ACTION_READDRESS_OUT) return leaveReaddressed(descriptor, packet);
  if (action == ACTION_READDRESS_IN) return deliverReaddressed(descriptor, packet);
  if (action == ACTION_ERROR_IN) return deliverError(descriptor, packet);
  if (action == ACTION_REDIRECT) return obeyRedirect(now);
  if (action == ACTION_ANSWER) return leaveAnswering(descriptor, packet);
  return leaveAsError(descriptor, packet);
}

/** The outcome act would answer with, and nothing is changed. */
export function foresee(packet: usize, now: u32): u32 {
  const action = decidedAction();
  let reason: u32 = REASON_NONE;
  if (action == ACTION_LEASE) reason = foreseeLease(packet, now);
  const needsRoom = action == ACTION_TRANSLATE && decidedFlow() == 0;
  if (needsRoom && findNatFlowRoom(packetKey(packet), NO_FLOW, now) == 0) reason = REASON_FLOW_TABLE_FULL;
  if (action == ACTION_REDIRECT) return VERDICT_CONSUME;
  const isIn = action <= <u32>ACTION_ERROR_IN;
  if (isIn && reason == REASON_NONE) reason = checkEcn(packet);
  if (reason != REASON_NONE) return dropFor(reason);
  if (isIn || isHairpin()) return VERDICT_DELIVER;
  return action == ACTION_FLOW && findStraightWay(0, packet, decidedFlow(), now) != 0 ? VERDICT_FORWARD : VERDICT_REPLY;
}

// The way in.

function deliverTranslated(descriptor: usize, packet: usize, now: u32): u32 {
  const reason = rememberClient(packet, now);
  if (reason != REASON_NONE) return dropFor(reason);
  const datagram = datagramBegunBy(packet);
  translateDestination(packet, decidedAddress(), decidedPort());
  const vip = decidedPeer();
  if (isHairpin()) readdressSource(packet, vip);
  return giveFirstToVm(descriptor, packet, datagram, isHairpin() ? vip : NO_PEER, now);
}

/** Notes how the VM's answer is to be turned around: the packet's key is what the answer will show. */
function rememberClient(packet: usize, now: u32): u32 {
  let flow = decidedFlow();
  if (!isFlowKnown()) {
    if (flow != 0) forgetNatFlow(flow);
    else flow = makeNatFlowRoom(packetKey(packet), now);
    if (flow == 0) return REASON_FLOW_TABLE_FULL;
    const translation = decidedRule();
    const vipPort = isTcpOrUdp(packetProtocol(packet)) ? destinationPort(packetL4(packet)) : NO_PORT;
    const flags = translationResets(translation) | (isHairpin() ? NAT_FLOW_FLAG_HAIRPIN : 0);
    writeNatFlow(flow, packetKey(packet), decidedPeer(), vipPort, translationIdleTicks(translation), flags, now);
  }
  useFlow(flow, packet, false, false, now);
  return REASON_NONE;
}

function deliverReturned(descriptor: usize, packet: usize, now: u32): u32 {
  useFlow(decidedFlow(), packet, true, false, now);
  const datagram = datagramBegunBy(packet);
  translateDestination(packet, decidedAddress(), decidedPort());
  return giveFirstToVm(descriptor, packet, datagram, NO_PEER, now);
}

function deliverReaddressed(descriptor: usize, packet: usize): u32 {
  readdressDestination(packet, decidedAddress());
  if (decidedPeer() != NO_PEER) readdressSource(packet, decidedPeer());
  return giveToVm(descriptor, packet);
}

function deliverError(descriptor: usize, packet: usize): u32 {
  translateErrorToVm(packetIp(packet), packetL4(packet), packetL4Bytes(packet), decidedAddress(), decidedPort());
  return giveToVm(descriptor, packet);
}

/** A first fragment that does not reach the VM leaves no trace; `datagram` is 0 for a whole packet. @inline */
function giveFirstToVm(descriptor: usize, packet: usize, datagram: usize, peer: u32, now: u32): u32 {
  const outcome = giveToVm(descriptor, packet);
  if (datagram != 0 && outcome == VERDICT_DELIVER) rememberFragment(datagram, true, decidedAddress(), peer, now);
  return outcome;
}

function giveToVm(descriptor: usize, packet: usize): u32 {
  const reason = combineEcn(packet);
  if (reason != REASON_NONE) return dropFor(reason);
  frameForVm(descriptor, packet);
  return VERDICT_DELIVER;
}

// The way out.

function leaveByLease(descriptor: usize, packet: usize, now: u32): u32 {
  const dead = decidedFlow();
  if (dead != 0) forgetNatFlow(dead);
  const reason = openLease(packet, now);
  return reason == REASON_NONE ? leaveByFlow(descriptor, packet, now) : dropFor(reason);
}

/** As an answer from the VIP, or as the caller from a leased port. */
function leaveByFlow(descriptor: usize, packet: usize, now: u32): u32 {
  const flow = decidedFlow();
  const isCalled = load<u32>(flow, NAT_FLOW_TWIN) == 0;
  useFlow(flow, packet, isCalled, true, now);
  const datagram = datagramBegunBy(packet);
  if (datagram != 0) rememberFragment(datagram, false, decidedAddress(), decidedPeer(), now);
  if (isHairpin()) {
    translateSource(packet, decidedAddress(), decidedPort());
    return giveBack(descriptor, packet);
  }
  clampSegments(packet);
  translateSource(packet, decidedAddress(), decidedPort());
  const entry = findStraightWay(descriptor, packet, flow, now);
  if (entry != 0) return sendStraight(descriptor, packet, entry, now);
  frameForGateway(descriptor, packet);
  return VERDICT_REPLY;
}

/** From the VIP, and no more is known. */
function leaveAnswering(descriptor: usize, packet: usize): u32 {
  clampSegments(packet);
  translateSource(packet, decidedAddress(), decidedPort());
  frameForGateway(descriptor, packet);
  return VERDICT_REPLY;
}

function leaveReaddressed(descriptor: usize, packet: usize): u32 {
  if (isHairpin()) {
    readdressSource(packet, decidedAddress());
    return giveBack(descriptor, packet);
  }
  clampSegments(packet);
  readdressSource(packet, decidedAddress());
  frameForGateway(descriptor, packet);
  return VERDICT_REPLY;
}

/** The quoted packet of a hairpin has both ends translated, as both are the VM's. */
function leaveAsError(descriptor: usize, packet: usize): u32 {
  const ip = packetIp(packet);
  const icmp = packetL4(packet);
  const bytes = packetL4Bytes(packet);
  translateErrorFromVm(ip, icmp, bytes, decidedAddress(), decidedPort());
  if (!isHairpin()) {
    frameForGateway(descriptor, packet);
    return VERDICT_REPLY;
  }
  translateErrorToVm(ip, icmp, bytes, decidedPeer(), quoteSourcePort());
  frameForSender(descriptor, packet);
  return VERDICT_DELIVER;
}

/** To the VM it came from, under the VM's own address. */
function giveBack(descriptor: usize, packet: usize): u32 {
  readdressDestination(packet, decidedPeer());
  frameForSender(descriptor, packet);
  return VERDICT_DELIVER;
}

/** What comes back to the VM has a tunnel around it. @inline */
function clampSegments(packet: usize): void {
  const hasHeader = packetProtocol(packet) == PROTOCOL_TCP && packetFragment(packet) != FRAGMENT_LATER;
  if (hasHeader && announcesMss(tcpFlags(packetL4(packet)))) clampMss(packetL4(packet), packetFamily(packet));
}

/** The key of the datagram a first fragment begins, while the packet is as it came; 0 for a whole packet. */
function datagramBegunBy(packet: usize): usize {
  return packetFragment(packet) == FRAGMENT_FIRST ? packetDatagramKey(packet) : 0;
}
