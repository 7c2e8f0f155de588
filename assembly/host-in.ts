/**
 * The host agent's way in: a frame out of a tunnel becomes a packet for the VM.
 *
 *   NIC ─► whose VIP ─► translation, or a connection from a leased port ─► remember ─► DIP ─► congestion marks ─► VM
 */
import {
  NAT_FLOW_KIND_OUTSIDE,
  REASON_FLOW_TABLE_FULL,
  REASON_FRAGMENT,
  REASON_ICMP_QUOTE,
  REASON_INNER_TRUNCATED,
  REASON_INNER_VLAN,
  REASON_NAT_CONFLICT,
  REASON_NIC_UNKNOWN,
  REASON_NO_RULE,
  REASON_NONE,
  REASON_PROTOCOL,
  REASON_SNAT_UNKNOWN,
  REASON_VNI_MISMATCH,
  VERDICT_DELIVER,
} from './abi';
import { findFragmentAddress, rememberFragment } from './host-fragment';
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
  packetNic,
  packetProtocol,
  setPacketEnds,
} from './host-packet';
import { checkMessage, checkSegmentOf, messageKind, sumsAddresses, useFlow } from './host-transport';
import { dropFor, OUTCOME_PASS } from './parse';
import { frameForVm } from './rewrite/decapsulate';
import { combineEcn } from './rewrite/ecn';
import { readdressDestination, translateDestination } from './rewrite/translate';
import { addressWord } from './table/address';
import {
  findNatFlow,
  natFlowIsLive,
  natFlowTwin,
  natFlowVip,
  natFlowVipPort,
  writeNatKeyOwner,
  writeNatKeyRemote,
} from './table/nat-flow';
import { forgetNatFlow, makeNatFlowRoom, writeNatFlow } from './table/nat-flow-room';
import { findNic, nicIndex, nicVni } from './table/nic';
import {
  findAnyTranslation,
  findTranslation,
  findVip,
  isInstanceVip,
  translatedAddress,
  translatedPort,
  translationIdleTicks,
  translationResets,
  vipHasSnat,
} from './table/translation';
import {
  destinationMac,
  ETHERNET_BYTES,
  ETHERTYPE_IPV4_NET,
  ETHERTYPE_IPV6_NET,
  etherType,
  isVlanType,
} from './wire/ethernet';
import { ICMP_ECHO_REPLY, ICMP_ERROR, icmpIdentifier } from './wire/icmp';
import { checkIpv4Start, ipv4Destination, ipv4Source } from './wire/ipv4';
import { checkIpv6Start, ipv6Destination, ipv6Source } from './wire/ipv6';
import { destinationPort, isTcpOrUdp, sourcePort } from './wire/ports';
import { opensConnection, PROTOCOL_TCP, tcpFlags } from './wire/tcp';

const NO_PORT: u32 = 0;

/** The frame inside a tunnel with a VNI; answers with an outcome. */
export function fromTunnel(descriptor: usize, packet: usize, inner: usize, innerBytes: u32, vni: u32, now: u32): u32 {
  if (innerBytes < ETHERNET_BYTES) return dropFor(REASON_INNER_TRUNCATED);
  const type = etherType(inner);
  if (isVlanType(type)) return dropFor(REASON_INNER_VLAN);
  if (type != ETHERTYPE_IPV4_NET && type != ETHERTYPE_IPV6_NET) return OUTCOME_PASS;
  const nic = findNic(destinationMac(inner));
  if (nic == 0) return dropFor(REASON_NIC_UNKNOWN);
  if (nicVni(nic) != vni) return dropFor(REASON_VNI_MISMATCH);
  const ip = inner + ETHERNET_BYTES;
  const available = innerBytes - ETHERNET_BYTES;
  return type == ETHERTYPE_IPV4_NET
    ? fromTunnelIpv4(descriptor, packet, ip, available, nicIndex(nic), now)
    : fromTunnelIpv6(descriptor, packet, ip, available, nicIndex(nic), now);
}

function fromTunnelIpv4(descriptor: usize, packet: usize, ip: usize, available: u32, nic: u32, now: u32): u32 {
  const start = checkIpv4Start(ip, available);
  if (start != REASON_NONE) return dropFor(start);
  const vip = ipv4Destination(ip);
  const reason = openIpv4(packet, ip, available, nic);
  if (reason != REASON_NONE) return refuse(nic, vip, 4, reason);
  writeNatKeyRemote(packetKey(packet), ipv4Source(ip), 0);
  return deliver(descriptor, packet, vip, now);
}

function fromTunnelIpv6(descriptor: usize, packet: usize, ip: usize, available: u32, nic: u32, now: u32): u32 {
  const start = checkIpv6Start(ip, available);
  if (start != REASON_NONE) return dropFor(start);
  const vip = addressWord(ipv6Destination(ip));
  if (vip == 0) return OUTCOME_PASS;
  const reason = openIpv6(packet, ip, available, nic);
  if (reason != REASON_NONE) return refuse(nic, vip, 6, reason);
  const source = ipv6Source(ip);
  writeNatKeyRemote(packetKey(packet), load<u64>(source), load<u64>(source, 8));
  return deliver(descriptor, packet, vip, now);
}

/** What is wrong with a packet is our affair only when it is for a VIP of the NIC. */
function refuse(nic: u32, vip: u32, family: u32, reason: u32): u32 {
  return findVip(nic, vip, family) == 0 ? OUTCOME_PASS : dropFor(reason);
}

function deliver(descriptor: usize, packet: usize, vip: u32, now: u32): u32 {
  const protocol = packetProtocol(packet);
  const isSegment = isTcpOrUdp(protocol) && packetFragment(packet) == FRAGMENT_NONE;
  if (!isSegment) return deliverOther(descriptor, packet, vip, now);
  return deliverSegment(descriptor, packet, protocol, vip, now);
}

/** TCP and UDP, whole packets and first fragments: whoever listens on the port, else whoever calls from it. */
function deliverSegment(descriptor: usize, packet: usize, protocol: u32, vip: u32, now: u32): u32 {
  const nic = packetNic(packet);
  const family = packetFamily(packet);
  const reason = checkSegmentOf(packet);
  if (reason != REASON_NONE) return refuse(nic, vip, family, reason);
  const l4 = packetL4(packet);
  const vipPort = destinationPort(l4);
  let translation = findTranslation(nic, vip, family, protocol, vipPort);
  if (translation == 0) {
    const entry = findVip(nic, vip, family);
    if (entry == 0) return OUTCOME_PASS;
    translation = findAnyTranslation(nic, vip, family, protocol);
    if (translation == 0) return deliverToCaller(descriptor, packet, vip, entry, sourcePort(l4), vipPort, now);
  }
  return deliverTranslated(descriptor, packet, vip, translation, sourcePort(l4), vipPort, now);
}

/** A packet for a VIP of ours with a translation; ports are 0 where the protocol has none. */
function deliverTranslated(
  descriptor: usize,
  packet: usize,
  vip: u32,
  translation: usize,
  remotePort: u32,
  vipPort: u32,
  now: u32,
): u32 {
  const dip = translatedAddress(translation, vip);
  const dipPort = isTcpOrUdp(packetProtocol(packet)) ? translatedPort(translation, vipPort) : NO_PORT;
  setPacketEnds(packet, dip, remotePort, dipPort);
  const reason = rememberClient(packet, translation, vip, vipPort, now);
  if (reason != REASON_NONE) return dropFor(reason);
  translateDestination(packet, dip, dipPort);
  return giveToVm(descriptor, packet);
}

/** Notes how the VM's answer is to be turned around: the packet's key is what the answer will show. */
function rememberClient(packet: usize, translation: usize, vip: u32, vipPort: u32, now: u32): u32 {
  const key = packetKey(packet);
  let flow = findNatFlow(key);
  if (flow != 0) {
    if (natFlowIsLive(flow, now)) {
      if (natFlowVip(flow) == vip && natFlowVipPort(flow) == vipPort) {
        useFlow(flow, packet, false, false, now);
        return REASON_NONE;
      }
      // The same client port through another VIP or port, to the same DIP and port: answers could not be told apart.
      // The connection that opens last is the one that lives.
      const isTcp = packetProtocol(packet) == PROTOCOL_TCP;
      if (isTcp && !opensConnection(tcpFlags(packetL4(packet)))) return REASON_NAT_CONFLICT;
    }
    forgetNatFlow(flow);
  } else {
    flow = makeNatFlowRoom(key, now);
    if (flow == 0) return REASON_FLOW_TABLE_FULL;
  }
  writeNatFlow(flow, key, vip, vipPort, translationIdleTicks(translation), translationResets(translation), now);
  useFlow(flow, packet, false, false, now);
  return REASON_NONE;
}

/** A packet for a port nobody listens on: it may come back for a connection that a VM has opened from there. */
function deliverToCaller(
  descriptor: usize,
  packet: usize,
  vip: u32,
  vipEntry: usize,
  remotePort: u32,
  vipPort: u32,
  now: u32,
): u32 {
  const key = packetKey(packet);
  writeNatKeyOwner(key, packetNic(packet), packetProtocol(packet), packetFamily(packet) | NAT_FLOW_KIND_OUTSIDE);
  setPacketEnds(packet, vip, remotePort, vipPort);
  const outside = findNatFlow(key);
  if (outside == 0 || !natFlowIsLive(outside, now)) {
    return dropFor(vipHasSnat(vipEntry) ? REASON_SNAT_UNKNOWN : REASON_NO_RULE);
  }
  useFlow(natFlowTwin(outside), packet, true, false, now);
  translateDestination(packet, natFlowVip(outside), natFlowVipPort(outside));
  return giveToVm(descriptor, packet);
}

/** What is no whole TCP or UDP packet. */
function deliverOther(descriptor: usize, packet: usize, vip: u32, now: u32): u32 {
  const vipEntry = findVip(packetNic(packet), vip, packetFamily(packet));
  if (vipEntry == 0) return OUTCOME_PASS;
  if (packetFragment(packet) != FRAGMENT_NONE) return deliverFragment(descriptor, packet, vip, vipEntry, now);
  if (isIcmp(packet)) return deliverIcmp(descriptor, packet, vip, vipEntry, now);
  return deliverPortless(descriptor, packet, vip, now);
}

/** Protocols without ports: whoever takes the protocol, or all of them. */
function deliverPortless(descriptor: usize, packet: usize, vip: u32, now: u32): u32 {
  const protocol = packetProtocol(packet);
  if (sumsAddresses(protocol)) return dropFor(REASON_PROTOCOL);
  const translation = findAnyTranslation(packetNic(packet), vip, packetFamily(packet), protocol);
  if (translation == 0) return dropFor(REASON_PROTOCOL);
  return deliverTranslated(descriptor, packet, vip, translation, NO_PORT, NO_PORT, now);
}

/** Messages for an instance address are the VM's own affair; else only pings are answered to somebody. */
function deliverIcmp(descriptor: usize, packet: usize, vip: u32, vipEntry: usize, now: u32): u32 {
  const reason = checkMessage(packet);
  if (reason != REASON_NONE) return dropFor(reason);
  const kind = messageKind(packet);
  if (kind == ICMP_ERROR) return dropFor(REASON_ICMP_QUOTE);
  if (isInstanceVip(vipEntry)) return deliverToInstance(descriptor, packet, vip);
  if (kind != ICMP_ECHO_REPLY) return dropFor(REASON_PROTOCOL);
  return deliverToCaller(descriptor, packet, vip, vipEntry, NO_PORT, icmpIdentifier(packetL4(packet)), now);
}

/** The first fragment goes where a whole packet would, and the others where it went. */
function deliverFragment(descriptor: usize, packet: usize, vip: u32, vipEntry: usize, now: u32): u32 {
  if (packetFragment(packet) == FRAGMENT_LATER) {
    if (isInstanceVip(vipEntry)) return deliverToInstance(descriptor, packet, vip);
    const address = findFragmentAddress(packetDatagramKey(packet), true, now);
    if (address == 0) return dropFor(REASON_FRAGMENT);
    readdressDestination(packet, address);
    return giveToVm(descriptor, packet);
  }
  const reason = checkSegmentOf(packet);
  if (reason != REASON_NONE) return dropFor(reason);
  if (isInstanceVip(vipEntry)) return deliverToInstance(descriptor, packet, vip);
  const key = packetDatagramKey(packet);
  const outcome = deliverFirstFragment(descriptor, packet, vip, now);
  if (outcome == VERDICT_DELIVER) rememberFragment(key, packet, true, now);
  return outcome;
}

function deliverFirstFragment(descriptor: usize, packet: usize, vip: u32, now: u32): u32 {
  const protocol = packetProtocol(packet);
  if (isTcpOrUdp(protocol)) return deliverSegment(descriptor, packet, protocol, vip, now);
  return isIcmp(packet) ? dropFor(REASON_FRAGMENT) : deliverPortless(descriptor, packet, vip, now);
}

/** Another address and nothing else, whatever the packet is. */
function deliverToInstance(descriptor: usize, packet: usize, vip: u32): u32 {
  const protocol = packetProtocol(packet);
  const translation = findAnyTranslation(packetNic(packet), vip, packetFamily(packet), protocol);
  if (translation == 0 || sumsAddresses(protocol)) return dropFor(REASON_PROTOCOL);
  readdressDestination(packet, translatedAddress(translation, vip));
  return giveToVm(descriptor, packet);
}

function giveToVm(descriptor: usize, packet: usize): u32 {
  const reason = combineEcn(packet);
  if (reason != REASON_NONE) return dropFor(reason);
  const ip = packetIp(packet);
  frameForVm(descriptor, ip, destinationMac(ip - ETHERNET_BYTES));
  return VERDICT_DELIVER;
}
