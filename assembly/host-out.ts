/**
 * The host agent's way out: what a VM sends.
 *
 *   VM ─► NIC ─► answers a connection ───────────────────────► VIP ─► gateway
 *             └► exempt? ─► public IP of its own, leased port ─┘
 *
 * What a VM sends is ours only when it belongs to a connection through a VIP, or opens one that is to be translated; all
 * else is its own affair, sound or not, and passes.
 */
import {
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  LINK_ETHERNET,
  NAT_FLOW_TWIN,
  PARSED_FAMILY,
  PARSED_IP,
  REASON_NONE,
  REASON_SNAT_UNKNOWN,
  VERDICT_REPLY,
} from './abi';
import { findFragmentAddress, rememberFragment } from './host-fragment';
import {
  FRAGMENT_FIRST,
  FRAGMENT_LATER,
  FRAGMENT_NONE,
  isIcmp,
  openIpv4,
  openIpv6,
  packetDatagramKey,
  packetFamily,
  packetFragment,
  packetKey,
  packetL4,
  packetL4Bytes,
  packetProtocol,
  packetRemote,
  setPacketEnds,
} from './host-packet';
import { checkSegmentOf, messageKind, sumsAddresses, useFlow } from './host-transport';
import { availableBytes, dropFor, OUTCOME_CONTINUE, OUTCOME_PASS, parseLink } from './parse';
import { frameForGateway } from './rewrite/decapsulate';
import { readdressSource, translateSource } from './rewrite/translate';
import { isSnatted, openSnatFlow, snatFlow } from './snat';
import { addressWord } from './table/address';
import { isExempt } from './table/exemption';
import { findLocalAddress, hasInstanceVip, instanceVip } from './table/local-address';
import { findNatFlow, natFlowIsLive, natFlowVip, natFlowVipPort, writeNatKeyRemote } from './table/nat-flow';
import { forgetNatFlow } from './table/nat-flow-room';
import { findNic, nicIndex, nicVni } from './table/nic';
import { sourceMac } from './wire/ethernet';
import { ICMP_BYTES, ICMP_ECHO_REQUEST, icmpIdentifier } from './wire/icmp';
import { checkIpv4Start, ipv4Destination, ipv4IsLocalScope, ipv4Source } from './wire/ipv4';
import { checkIpv6Start, ipv6Destination, ipv6IsLocalScope, ipv6Source } from './wire/ipv6';
import { destinationPort, isTcpOrUdp, sourcePort } from './wire/ports';
import { opensConnection, PROTOCOL_TCP, tcpFlags } from './wire/tcp';
import { UDP_BYTES } from './wire/udp';

const NO_PORT: u32 = 0;

/** A frame of a VM; answers with an outcome. */
export function fromVm(descriptor: usize, packet: usize, now: u32): u32 {
  if (load<u8>(descriptor, DESCRIPTOR_LINK) != LINK_ETHERNET) return OUTCOME_PASS;
  const outcome = parseLink(descriptor, packet);
  if (outcome != OUTCOME_CONTINUE) return outcome;
  const nic = findNic(sourceMac(load<u32>(descriptor, DESCRIPTOR_OFFSET)));
  if (nic == 0) return OUTCOME_PASS;
  const ip: usize = load<u32>(packet, PARSED_IP);
  const available = availableBytes(descriptor, packet);
  const isIpv6 = load<u8>(packet, PARSED_FAMILY) == 6;
  return isIpv6
    ? fromVmIpv6(descriptor, packet, ip, available, nic, now)
    : fromVmIpv4(descriptor, packet, ip, available, nic, now);
}

function fromVmIpv4(descriptor: usize, packet: usize, ip: usize, available: u32, nic: usize, now: u32): u32 {
  if (checkIpv4Start(ip, available) != REASON_NONE) return OUTCOME_PASS;
  if (openIpv4(packet, ip, available, nicIndex(nic)) != REASON_NONE) return OUTCOME_PASS;
  writeNatKeyRemote(packetKey(packet), ipv4Destination(ip), 0);
  return leave(descriptor, packet, nic, ipv4Source(ip), now);
}

function fromVmIpv6(descriptor: usize, packet: usize, ip: usize, available: u32, nic: usize, now: u32): u32 {
  if (checkIpv6Start(ip, available) != REASON_NONE) return OUTCOME_PASS;
  const local = addressWord(ipv6Source(ip));
  if (local == 0 || openIpv6(packet, ip, available, nicIndex(nic)) != REASON_NONE) return OUTCOME_PASS;
  const remote = ipv6Destination(ip);
  writeNatKeyRemote(packetKey(packet), load<u64>(remote), load<u64>(remote, 8));
  return leave(descriptor, packet, nic, local, now);
}

function leave(descriptor: usize, packet: usize, nic: usize, local: u32, now: u32): u32 {
  const isSegment = isTcpOrUdp(packetProtocol(packet)) && packetFragment(packet) != FRAGMENT_LATER;
  if (!isSegment) return leaveOther(descriptor, packet, nic, local, now);
  if (packetL4Bytes(packet) < UDP_BYTES) return OUTCOME_PASS;
  const l4 = packetL4(packet);
  setPacketEnds(packet, local, destinationPort(l4), sourcePort(l4));
  const flow = findNatFlow(packetKey(packet));
  if (flow == 0 || !natFlowIsLive(flow, now)) return callOut(descriptor, packet, nic, local, flow, now);
  const reason = checkSegmentOf(packet);
  if (reason != REASON_NONE) return dropFor(reason);
  return leaveBy(descriptor, packet, flow, now);
}

/** What is no TCP or UDP packet with its ports. */
function leaveOther(descriptor: usize, packet: usize, nic: usize, local: u32, now: u32): u32 {
  if (packetFragment(packet) == FRAGMENT_LATER) return leaveBehindFirst(descriptor, packet, nic, local, now);
  let localPort = NO_PORT;
  if (isIcmp(packet)) {
    if (packetL4Bytes(packet) < ICMP_BYTES) return OUTCOME_PASS;
    const isPing = messageKind(packet) == ICMP_ECHO_REQUEST && packetFragment(packet) == FRAGMENT_NONE;
    if (!isPing) return leaveByAddress(descriptor, packet, nic, local);
    localPort = icmpIdentifier(packetL4(packet));
  }
  setPacketEnds(packet, local, NO_PORT, localPort);
  const flow = findNatFlow(packetKey(packet));
  if (flow == 0 || !natFlowIsLive(flow, now)) return callOut(descriptor, packet, nic, local, flow, now);
  return leaveBy(descriptor, packet, flow, now);
}

/** By a flow: as an answer from the VIP, or as the caller from a leased port. */
function leaveBy(descriptor: usize, packet: usize, flow: usize, now: u32): u32 {
  const isCalled = load<u32>(flow, NAT_FLOW_TWIN) == 0;
  useFlow(flow, packet, isCalled, true, now);
  if (packetFragment(packet) == FRAGMENT_FIRST) return leaveAsFirst(descriptor, packet, flow, now);
  translateSource(packet, natFlowVip(flow), natFlowVipPort(flow));
  frameForGateway(descriptor, packet);
  return VERDICT_REPLY;
}

function leaveAsFirst(descriptor: usize, packet: usize, flow: usize, now: u32): u32 {
  const key = packetDatagramKey(packet);
  translateSource(packet, natFlowVip(flow), natFlowVipPort(flow));
  rememberFragment(key, packet, false, now);
  frameForGateway(descriptor, packet);
  return VERDICT_REPLY;
}

/** A fragment without ports goes as the first of its datagram went. */
function leaveBehindFirst(descriptor: usize, packet: usize, nic: usize, local: u32, now: u32): u32 {
  const address = findFragmentAddress(packetDatagramKey(packet), false, now);
  if (address == 0) return leaveByAddress(descriptor, packet, nic, local);
  readdressSource(packet, address);
  frameForGateway(descriptor, packet);
  return VERDICT_REPLY;
}

/**
 * A packet of no live connection: the VM calls out. Its key is that of the VM's side.
 *
 * @param deadFlow what the table has for the key, 0 for nothing
 */
function callOut(descriptor: usize, packet: usize, nic: usize, local: u32, deadFlow: usize, now: u32): u32 {
  const entry = findLocalAddress(nicIndex(nic), local, packetFamily(packet));
  if (entry == 0 || staysInside(packet, nic)) return OUTCOME_PASS;
  if (hasInstanceVip(entry)) return leaveFromInstance(descriptor, packet, entry);
  const protocol = packetProtocol(packet);
  if (!isSnatted(entry, protocol, packetFamily(packet))) return OUTCOME_PASS;
  let reason = checkSegmentOf(packet);
  if (reason != REASON_NONE) return dropFor(reason);
  if (protocol == PROTOCOL_TCP && !opensConnection(tcpFlags(packetL4(packet)))) return dropFor(REASON_SNAT_UNKNOWN);
  if (deadFlow != 0) forgetNatFlow(deadFlow);
  reason = openSnatFlow(packet, entry, now);
  return reason == REASON_NONE ? leaveBy(descriptor, packet, snatFlow, now) : dropFor(reason);
}

/** What can only leave from a public IP of its own: no connection is known by it. */
function leaveByAddress(descriptor: usize, packet: usize, nic: usize, local: u32): u32 {
  const entry = findLocalAddress(nicIndex(nic), local, packetFamily(packet));
  if (entry == 0 || !hasInstanceVip(entry) || staysInside(packet, nic)) return OUTCOME_PASS;
  return leaveFromInstance(descriptor, packet, entry);
}

function leaveFromInstance(descriptor: usize, packet: usize, entry: usize): u32 {
  if (sumsAddresses(packetProtocol(packet))) return OUTCOME_PASS;
  if (packetFragment(packet) != FRAGMENT_LATER) {
    const reason = checkSegmentOf(packet);
    if (reason != REASON_NONE) return dropFor(reason);
  }
  readdressSource(packet, instanceVip(entry));
  frameForGateway(descriptor, packet);
  return VERDICT_REPLY;
}

/** Whether a destination is reached under the VM's own address. */
function staysInside(packet: usize, nic: usize): bool {
  const remote = packetRemote(packet);
  const family = packetFamily(packet);
  const isLocalScope = family == 4 ? ipv4IsLocalScope(load<u32>(remote)) : ipv6IsLocalScope(remote);
  return isLocalScope || isExempt(family, load<u64>(remote), load<u64>(remote, 8), nicVni(nic));
}
