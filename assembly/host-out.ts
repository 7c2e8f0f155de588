/**
 * The host agent's way out: what a VM sends.
 *
 *   VM ─► NIC ─► answers a connection ───────────────────────► VIP ─► gateway
 *             └► exempt? ─► public IP of its own, leased port ─┘
 *
 * Nothing is changed here; host-act.ts does what was decided.
 *
 * What a VM sends is ours only when it belongs to a connection through a VIP, or opens one that is to be translated; all
 * else is its own affair, sound or not, and passes.
 */
import {
  ACTION_ANSWER,
  ACTION_ERROR_OUT,
  ACTION_READDRESS_OUT,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  LINK_ETHERNET,
  NAT_FLOW_FLAG_HAIRPIN,
  PARSED_FAMILY,
  PARSED_IP,
  REASON_NONE,
  REASON_SNAT_UNKNOWN,
} from './abi';
import {
  decide,
  decidedAddress,
  decideFlow,
  decideHairpin,
  decideLeaving,
  decideLocal,
  decideOver,
  decidePeer,
} from './host-decision';
import { findFragment, fragmentAddress, fragmentPeer } from './host-fragment';
import {
  FRAGMENT_LATER,
  FRAGMENT_NONE,
  isIcmp,
  openIpv4,
  openIpv6,
  packetDatagramKey,
  packetFamily,
  packetFragment,
  packetIp,
  packetKey,
  packetL4,
  packetL4Bytes,
  packetProtocol,
  packetRemote,
  setPacketEnds,
} from './host-packet';
import { findReceived, readQuoteOf, receivedPort } from './host-quote';
import { checkMessage, checkSegmentOf, messageKind, sumsAddresses } from './host-transport';
import { availableBytes, dropFor, OUTCOME_CONTINUE, OUTCOME_PASS, parseLink } from './parse';
import { chooseLease, isSnatted } from './snat';
import { addressWord } from './table/address';
import { isExempt } from './table/exemption';
import { findLocalAddress, hasInstanceVip, instanceVip } from './table/local-address';
import {
  findNatFlow,
  natFlowIsLive,
  natFlowLocal,
  natFlowVip,
  natFlowVipPort,
  writeNatKeyRemote,
} from './table/nat-flow';
import { natFlowFlags } from './table/nat-flow-ends';
import { findNic, nicIndex, nicVni } from './table/nic';
import { findAnswer, translatedAddress, translatedPort } from './table/translation';
import { sourceMac } from './wire/ethernet';
import { ICMP_BYTES, ICMP_ECHO_REQUEST, ICMP_ERROR, icmpIdentifier } from './wire/icmp';
import {
  checkIpv4Start,
  ipv4Destination,
  ipv4HeaderBytes,
  ipv4IsFragment,
  ipv4IsLocalScope,
  ipv4Protocol,
  ipv4Source,
} from './wire/ipv4';
import { checkIpv6Start, ipv6Destination, ipv6IsLocalScope, ipv6Source } from './wire/ipv6';
import { destinationPort, isTcpOrUdp, sourcePort } from './wire/ports';
import { quoteIsToSource } from './wire/quote';
import { opensConnection, PROTOCOL_TCP, TCP_BYTES_MIN, tcpFlags } from './wire/tcp';
import { UDP_BYTES } from './wire/udp';

const NO_PORT: u32 = 0;

/** A frame of a VM; answers with an outcome, and where it is OUTCOME_CONTINUE with a decision. */
export function fromVm(descriptor: usize, packet: usize, now: u32): u32 {
  if (load<u8>(descriptor, DESCRIPTOR_LINK) != LINK_ETHERNET) return OUTCOME_PASS;
  const outcome = parseLink(descriptor, packet);
  if (outcome != OUTCOME_CONTINUE) return outcome;
  const nic = findNic(sourceMac(load<u32>(descriptor, DESCRIPTOR_OFFSET)));
  if (nic == 0) return OUTCOME_PASS;
  const ip: usize = load<u32>(packet, PARSED_IP);
  const available = availableBytes(descriptor, packet);
  const isIpv6 = load<u8>(packet, PARSED_FAMILY) == 6;
  return isIpv6 ? fromVmIpv6(packet, ip, available, nic, now) : fromVmIpv4(packet, ip, available, nic, now);
}

function fromVmIpv4(packet: usize, ip: usize, available: u32, nic: usize, now: u32): u32 {
  if (checkIpv4Start(ip, available) != REASON_NONE) return OUTCOME_PASS;
  if (openIpv4(packet, ip, available, nicIndex(nic)) != REASON_NONE) return OUTCOME_PASS;
  writeNatKeyRemote(packetKey(packet), ipv4Destination(ip), 0);
  const protocol = ipv4Protocol(ip);
  if (!isTcpOrUdp(protocol) || ipv4IsFragment(ip)) return leave(packet, nic, ipv4Source(ip), now);
  if (packetL4Bytes(packet) < UDP_BYTES) return OUTCOME_PASS;
  // What most packets are, without a look at the record that was just written.
  const l4 = ip + ipv4HeaderBytes(ip);
  return leaveByFlow(packet, nic, ipv4Source(ip), destinationPort(l4), sourcePort(l4), now);
}

function fromVmIpv6(packet: usize, ip: usize, available: u32, nic: usize, now: u32): u32 {
  if (checkIpv6Start(ip, available) != REASON_NONE) return OUTCOME_PASS;
  const local = addressWord(ipv6Source(ip));
  if (local == 0 || openIpv6(packet, ip, available, nicIndex(nic)) != REASON_NONE) return OUTCOME_PASS;
  const remote = ipv6Destination(ip);
  writeNatKeyRemote(packetKey(packet), load<u64>(remote), load<u64>(remote, 8));
  return leave(packet, nic, local, now);
}

/** @inline */
function leave(packet: usize, nic: usize, local: u32, now: u32): u32 {
  const isSegment = isTcpOrUdp(packetProtocol(packet)) && packetFragment(packet) != FRAGMENT_LATER;
  if (!isSegment) return leaveOther(packet, nic, local, now);
  if (packetL4Bytes(packet) < UDP_BYTES) return OUTCOME_PASS;
  const l4 = packetL4(packet);
  return leaveByFlow(packet, nic, local, destinationPort(l4), sourcePort(l4), now);
}

/** What is no TCP or UDP packet with its ports. */
function leaveOther(packet: usize, nic: usize, local: u32, now: u32): u32 {
  if (packetFragment(packet) == FRAGMENT_LATER) return leaveBehindFirst(packet, nic, local, now);
  if (!isIcmp(packet)) return leaveByFlow(packet, nic, local, NO_PORT, NO_PORT, now);
  if (packetFragment(packet) != FRAGMENT_NONE) return leaveByAddress(packet, nic, local);
  if (packetL4Bytes(packet) < ICMP_BYTES) return OUTCOME_PASS;
  const kind = messageKind(packet);
  if (kind == ICMP_ERROR) return leaveAsError(packet, nic, local, now);
  if (kind != ICMP_ECHO_REQUEST) return leaveByAddress(packet, nic, local);
  return leaveByFlow(packet, nic, local, NO_PORT, icmpIdentifier(packetL4(packet)), now);
}

/** An answer from the VIP, or a packet of the caller from a leased port; else the VM calls out. */
function leaveByFlow(packet: usize, nic: usize, local: u32, remotePort: u32, localPort: u32, now: u32): u32 {
  setPacketEnds(packet, local, remotePort, localPort);
  const flow = findNatFlow(packetKey(packet));
  if (flow == 0 || !natFlowIsLive(flow, now)) return callOut(packet, nic, local, flow, now);
  const reason = checkSegmentOf(packet);
  if (reason != REASON_NONE) return dropFor(reason);
  decideLeaving(flow, natFlowVip(flow), natFlowVipPort(flow));
  decideEnds(flow);
  return OUTCOME_CONTINUE;
}

/** An error about a packet of a connection leaves as the connection does. */
function leaveAsError(packet: usize, nic: usize, local: u32, now: u32): u32 {
  const isQuote = checkMessage(packet) == REASON_NONE && readQuoteOf(packet) && quoteIsToSource(packetIp(packet));
  if (!isQuote) return leaveByAddress(packet, nic, local);
  const flow = findReceived(packet, local, now);
  if (flow != 0) {
    decide(ACTION_ERROR_OUT, natFlowVip(flow), natFlowVipPort(flow));
    decideFlow(flow);
    decideEnds(flow);
    return OUTCOME_CONTINUE;
  }
  const outcome = leaveByAddress(packet, nic, local);
  // The quoted packet came for the public IP, too, with the ports it has.
  if (outcome == OUTCOME_CONTINUE) decide(ACTION_ERROR_OUT, decidedAddress(), receivedPort());
  return outcome;
}

/** The other end of a VM that talks to itself is the VM. */
function decideEnds(flow: usize): void {
  if ((natFlowFlags(flow) & NAT_FLOW_FLAG_HAIRPIN) == 0) return;
  decideHairpin();
  decidePeer(natFlowLocal(flow));
}

/** A fragment without ports goes as the first of its datagram went. */
function leaveBehindFirst(packet: usize, nic: usize, local: u32, now: u32): u32 {
  const fragment = findFragment(packetDatagramKey(packet), false, now);
  if (fragment == 0) return leaveByAddress(packet, nic, local);
  decide(ACTION_READDRESS_OUT, fragmentAddress(fragment), NO_PORT);
  const peer = fragmentPeer(fragment);
  if (peer != 0) {
    decideHairpin();
    decidePeer(peer);
  }
  return OUTCOME_CONTINUE;
}

/**
 * A packet of no live connection: the VM calls out. Its key is that of the VM's side.
 *
 * @param deadFlow what the table has for the key, 0 for nothing
 */
function callOut(packet: usize, nic: usize, local: u32, deadFlow: usize, now: u32): u32 {
  const entry = findLocalAddress(nicIndex(nic), local, packetFamily(packet));
  const answer = findAnswerOf(packet, nic, local);
  if ((entry == 0 && answer == 0) || staysInside(packet, nic)) return OUTCOME_PASS;
  if (entry != 0 && hasInstanceVip(entry)) return leaveFromInstance(packet, entry);
  if (answer != 0) return answerUnheard(packet, answer, local);
  const protocol = packetProtocol(packet);
  if (!isSnatted(entry, protocol, packetFamily(packet))) return OUTCOME_PASS;
  const reason = checkSegmentOf(packet);
  if (reason != REASON_NONE) return dropFor(reason);
  if (protocol == PROTOCOL_TCP && !opensConnection(tcpFlags(packetL4(packet)))) return dropFor(REASON_SNAT_UNKNOWN);
  chooseLease(packet, entry, now);
  if (deadFlow != 0) decideOver(deadFlow);
  return OUTCOME_CONTINUE;
}

/** What a segment that opens nothing may be an answer from: the connection began at another host, and its VM came here. */
function findAnswerOf(packet: usize, nic: usize, local: u32): usize {
  if (packetProtocol(packet) != PROTOCOL_TCP || packetFragment(packet) != FRAGMENT_NONE) return 0;
  const l4 = packetL4(packet);
  if (packetL4Bytes(packet) < TCP_BYTES_MIN || opensConnection(tcpFlags(l4))) return 0;
  return findAnswer(nicIndex(nic), local, packetFamily(packet), sourcePort(l4));
}

/** Nothing is remembered: what the client sends then does that, and a VM cannot fill the table with connections of nobody. */
function answerUnheard(packet: usize, answer: usize, local: u32): u32 {
  const reason = checkSegmentOf(packet);
  if (reason != REASON_NONE) return dropFor(reason);
  return decide(ACTION_ANSWER, translatedAddress(answer, local), translatedPort(answer, sourcePort(packetL4(packet))));
}

/** What can only leave from a public IP of its own: no connection is known by it. */
function leaveByAddress(packet: usize, nic: usize, local: u32): u32 {
  const entry = findLocalAddress(nicIndex(nic), local, packetFamily(packet));
  if (entry == 0 || !hasInstanceVip(entry) || staysInside(packet, nic)) return OUTCOME_PASS;
  return leaveFromInstance(packet, entry);
}

function leaveFromInstance(packet: usize, entry: usize): u32 {
  if (sumsAddresses(packetProtocol(packet))) return OUTCOME_PASS;
  if (packetFragment(packet) != FRAGMENT_LATER) {
    const reason = checkSegmentOf(packet);
    if (reason != REASON_NONE) return dropFor(reason);
  }
  decide(ACTION_READDRESS_OUT, instanceVip(entry), NO_PORT);
  decideLocal(entry);
  return OUTCOME_CONTINUE;
}

/** Whether a destination is reached under the VM's own address. */
function staysInside(packet: usize, nic: usize): bool {
  const remote = packetRemote(packet);
  const family = packetFamily(packet);
  const isLocalScope = family == 4 ? ipv4IsLocalScope(load<u32>(remote)) : ipv6IsLocalScope(remote);
  return isLocalScope || isExempt(family, load<u64>(remote), load<u64>(remote, 8), nicVni(nic));
}
