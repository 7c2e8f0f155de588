/**
 * The host agent's way in: a frame out of a tunnel becomes a packet for the VM.
 *
 *   NIC ─► whose VIP ─► translation, or a connection from a leased port ─► what is known of it ─► decision
 *
 * Nothing is changed here; host-act.ts does what was decided.
 */
import {
  ACTION_ERROR_IN,
  ACTION_READDRESS_IN,
  ACTION_RETURN,
  NAT_FLOW_KIND_OUTSIDE,
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
} from './abi';
import {
  decide,
  decideFlow,
  decideHairpin,
  decideOver,
  decidePeer,
  decideRule,
  decideTranslation,
  noteVni,
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
  packetNic,
  packetProtocol,
  packetRemote,
  setPacketEnds,
} from './host-packet';
import { findAnswered, findCalled, readQuoteOf } from './host-quote';
import { checkMessage, checkSegmentOf, messageKind, sumsAddresses } from './host-transport';
import { dropFor, OUTCOME_CONTINUE, OUTCOME_PASS } from './parse';
import { addressWord } from './table/address';
import { addressValue } from './table/address-value';
import {
  findNatFlow,
  natFlowIsLive,
  natFlowLocal,
  natFlowLocalPort,
  natFlowTwin,
  natFlowVip,
  natFlowVipPort,
  writeNatKeyOwner,
  writeNatKeyRemote,
} from './table/nat-flow';
import { findNic, nicIndex, nicVni } from './table/nic';
import {
  findAnyTranslation,
  findTranslation,
  findVip,
  isInstanceVip,
  translatedAddress,
  translatedPort,
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
import { quoteIsOfDestination, quoteProtocol, quoteSourcePort } from './wire/quote';
import { opensConnection, PROTOCOL_TCP, tcpFlags } from './wire/tcp';

const NO_PORT: u32 = 0;

/** The frame inside a tunnel with a VNI; answers with an outcome, and where it is OUTCOME_CONTINUE with a decision. */
export function fromTunnel(packet: usize, inner: usize, innerBytes: u32, vni: u32, now: u32): u32 {
  noteVni(vni);
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
    ? fromTunnelIpv4(packet, ip, available, nicIndex(nic), now)
    : fromTunnelIpv6(packet, ip, available, nicIndex(nic), now);
}

function fromTunnelIpv4(packet: usize, ip: usize, available: u32, nic: u32, now: u32): u32 {
  const start = checkIpv4Start(ip, available);
  if (start != REASON_NONE) return dropFor(start);
  const vip = ipv4Destination(ip);
  const reason = openIpv4(packet, ip, available, nic);
  if (reason != REASON_NONE) return refuse(nic, vip, 4, reason);
  writeNatKeyRemote(packetKey(packet), ipv4Source(ip), 0);
  return deliver(packet, vip, now);
}

function fromTunnelIpv6(packet: usize, ip: usize, available: u32, nic: u32, now: u32): u32 {
  const start = checkIpv6Start(ip, available);
  if (start != REASON_NONE) return dropFor(start);
  const vip = addressWord(ipv6Destination(ip));
  if (vip == 0) return OUTCOME_PASS;
  const reason = openIpv6(packet, ip, available, nic);
  if (reason != REASON_NONE) return refuse(nic, vip, 6, reason);
  const source = ipv6Source(ip);
  writeNatKeyRemote(packetKey(packet), load<u64>(source), load<u64>(source, 8));
  return deliver(packet, vip, now);
}

/** What is wrong with a packet is our affair only when it is for a VIP of the NIC. */
function refuse(nic: u32, vip: u32, family: u32, reason: u32): u32 {
  return findVip(nic, vip, family) == 0 ? OUTCOME_PASS : dropFor(reason);
}

/** @inline */
function deliver(packet: usize, vip: u32, now: u32): u32 {
  const protocol = packetProtocol(packet);
  const isSegment = isTcpOrUdp(protocol) && packetFragment(packet) != FRAGMENT_LATER;
  return isSegment ? deliverSegment(packet, protocol, vip, now) : deliverOther(packet, vip, now);
}

/** TCP and UDP, whole packets and first fragments: whoever listens on the port, else whoever calls from it. */
function deliverSegment(packet: usize, protocol: u32, vip: u32, now: u32): u32 {
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
    if (translation == 0) return deliverToCaller(packet, vip, entry, sourcePort(l4), vipPort, now);
  }
  return deliverTranslated(packet, vip, translation, sourcePort(l4), vipPort, now);
}

/** A packet for a VIP of ours with a translation; ports are 0 where the protocol has none. @inline */
function deliverTranslated(packet: usize, vip: u32, translation: usize, remotePort: u32, vipPort: u32, now: u32): u32 {
  const dip = translatedAddress(translation, vip);
  const dipPort = isTcpOrUdp(packetProtocol(packet)) ? translatedPort(translation, vipPort) : NO_PORT;
  decideTranslation(translation, vip, dip, dipPort);
  if (comesFrom(packet, dip)) {
    // A VM that talks to its own VIP. From its own address it would answer itself, past us: it sees the VIP instead.
    decideHairpin();
    setRemote(packet, vip);
  }
  setPacketEnds(packet, dip, remotePort, dipPort);
  return recallClient(packet, vip, vipPort, now);
}

/** Looks for what is known of the client: the packet's key is what the VM's answer will show. */
function recallClient(packet: usize, vip: u32, vipPort: u32, now: u32): u32 {
  const flow = findNatFlow(packetKey(packet));
  if (flow == 0) return OUTCOME_CONTINUE;
  if (natFlowIsLive(flow, now)) {
    if (natFlowVip(flow) == vip && natFlowVipPort(flow) == vipPort) {
      decideFlow(flow);
      return OUTCOME_CONTINUE;
    }
    // The same client port through another VIP or port, to the same DIP and port: answers could not be told apart.
    // The connection that opens last is the one that lives.
    const isTcp = packetProtocol(packet) == PROTOCOL_TCP;
    if (isTcp && !opensConnection(tcpFlags(packetL4(packet)))) return dropFor(REASON_NAT_CONFLICT);
  }
  decideOver(flow);
  return OUTCOME_CONTINUE;
}

/** A packet for a port nobody listens on: it may come back for a connection that a VM has opened from there. */
function deliverToCaller(packet: usize, vip: u32, vipEntry: usize, remotePort: u32, vipPort: u32, now: u32): u32 {
  const key = packetKey(packet);
  writeNatKeyOwner(key, packetNic(packet), packetProtocol(packet), packetFamily(packet) | NAT_FLOW_KIND_OUTSIDE);
  setPacketEnds(packet, vip, remotePort, vipPort);
  const outside = findNatFlow(key);
  if (outside == 0 || !natFlowIsLive(outside, now)) {
    return dropFor(vipHasSnat(vipEntry) ? REASON_SNAT_UNKNOWN : REASON_NO_RULE);
  }
  decide(ACTION_RETURN, natFlowVip(outside), natFlowVipPort(outside));
  decideFlow(natFlowTwin(outside));
  return OUTCOME_CONTINUE;
}

/** What is no TCP or UDP packet with its ports. */
function deliverOther(packet: usize, vip: u32, now: u32): u32 {
  const vipEntry = findVip(packetNic(packet), vip, packetFamily(packet));
  if (vipEntry == 0) return OUTCOME_PASS;
  if (sumsAddresses(packetProtocol(packet))) return dropFor(REASON_PROTOCOL);
  if (packetFragment(packet) == FRAGMENT_LATER) return deliverBehindFirst(packet, vip, vipEntry, now);
  if (isIcmp(packet)) return deliverIcmp(packet, vip, vipEntry, now);
  return deliverPortless(packet, vip, now);
}

/** A fragment without ports goes where the first of its datagram went. */
function deliverBehindFirst(packet: usize, vip: u32, vipEntry: usize, now: u32): u32 {
  const fragment = findFragment(packetDatagramKey(packet), true, now);
  if (fragment == 0) return isInstanceVip(vipEntry) ? deliverToInstance(packet, vip) : dropFor(REASON_FRAGMENT);
  decide(ACTION_READDRESS_IN, fragmentAddress(fragment), NO_PORT);
  decidePeer(fragmentPeer(fragment));
  return OUTCOME_CONTINUE;
}

/** Protocols without ports: whoever takes the protocol, or all of them. */
function deliverPortless(packet: usize, vip: u32, now: u32): u32 {
  const translation = findAnyTranslation(packetNic(packet), vip, packetFamily(packet), packetProtocol(packet));
  if (translation == 0) return dropFor(REASON_PROTOCOL);
  return deliverTranslated(packet, vip, translation, NO_PORT, NO_PORT, now);
}

/** Errors are about a connection; pings for an instance address are the VM's own affair, and else somebody has asked. */
function deliverIcmp(packet: usize, vip: u32, vipEntry: usize, now: u32): u32 {
  const isInstance = isInstanceVip(vipEntry);
  if (packetFragment(packet) != FRAGMENT_NONE) {
    return isInstance ? deliverToInstance(packet, vip) : dropFor(REASON_FRAGMENT);
  }
  const reason = checkMessage(packet);
  if (reason != REASON_NONE) return dropFor(reason);
  const kind = messageKind(packet);
  if (kind == ICMP_ERROR) return deliverError(packet, vip, isInstance, now);
  if (isInstance) return deliverToInstance(packet, vip);
  if (kind != ICMP_ECHO_REPLY) return dropFor(REASON_PROTOCOL);
  return deliverToCaller(packet, vip, vipEntry, NO_PORT, icmpIdentifier(packetL4(packet)), now);
}

/** An error about a packet that left from the VIP: the connection it was of says who sent it. */
function deliverError(packet: usize, vip: u32, isInstance: bool, now: u32): u32 {
  if (!readQuoteOf(packet) || !quoteIsOfDestination(packetIp(packet))) return dropFor(REASON_ICMP_QUOTE);
  if (isInstance) {
    const translation = findAnyTranslation(packetNic(packet), vip, packetFamily(packet), quoteProtocol());
    if (translation == 0) return dropFor(REASON_ICMP_QUOTE);
    return decide(ACTION_ERROR_IN, translatedAddress(translation, vip), quoteSourcePort());
  }
  const answered = findAnswered(packet, vip, now);
  if (answered != 0) {
    decide(ACTION_ERROR_IN, natFlowLocal(answered), natFlowLocalPort(answered));
    decideFlow(answered);
    return OUTCOME_CONTINUE;
  }
  const called = findCalled(packet, vip, now);
  if (called == 0) return dropFor(REASON_ICMP_QUOTE);
  decide(ACTION_ERROR_IN, natFlowVip(called), natFlowVipPort(called));
  decideFlow(natFlowTwin(called));
  return OUTCOME_CONTINUE;
}

/** Another address and nothing else, whatever the packet is. */
function deliverToInstance(packet: usize, vip: u32): u32 {
  const translation = findAnyTranslation(packetNic(packet), vip, packetFamily(packet), packetProtocol(packet));
  if (translation == 0) return dropFor(REASON_PROTOCOL);
  decide(ACTION_READDRESS_IN, translatedAddress(translation, vip), NO_PORT);
  decideRule(translation);
  return OUTCOME_CONTINUE;
}

/** Whether the source of a packet to a VM is the VM's own address; its key has the source as the remote end. */
function comesFrom(packet: usize, dip: u32): bool {
  const remote = packetRemote(packet);
  if (packetFamily(packet) == 4) return load<u32>(remote) == dip;
  const address = addressValue(dip);
  return load<u64>(remote) == load<u64>(address) && load<u64>(remote, 8) == load<u64>(address, 8);
}

function setRemote(packet: usize, address: u32): void {
  if (packetFamily(packet) == 4) {
    writeNatKeyRemote(packetKey(packet), address, 0);
  } else {
    const value = addressValue(address);
    writeNatKeyRemote(packetKey(packet), load<u64>(value), load<u64>(value, 8));
  }
}
