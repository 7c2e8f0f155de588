/**
 * The host agent: VXLAN from a MUX becomes a packet for the VM, the VM's answer becomes one from the VIP.
 *
 *   underlay ─► verify VXLAN ─► NIC ─► translation ─► remember ─► NAT to the DIP ─► VM
 *   gateway  ◄─ NAT to the VIP ◄─ recall ◄──────────────────────────────────────── VM
 *
 * What is neither passes: it belongs to the kernel (SSH, BGP) or to the rest of the virtual switch.
 */
import {
  CONFIG_PROVIDER_ADDRESS,
  DESCRIPTOR_BACKEND,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_PORT,
  DESCRIPTOR_SERVICE,
  FIXED_CONFIG,
  FIXED_PARSED,
  LINK_ETHERNET,
  NO_INDEX,
  PARSED_FAMILY,
  PARSED_IP,
  PORT_SHARED,
  PORT_UNDERLAY,
  REASON_FLOW_TABLE_FULL,
  REASON_FRAGMENT,
  REASON_INNER_TRUNCATED,
  REASON_INNER_VLAN,
  REASON_NAT_CONFLICT,
  REASON_NIC_UNKNOWN,
  REASON_NO_RULE,
  REASON_NONE,
  REASON_OVERSIZE,
  REASON_UDP_TRUNCATED,
  REASON_VNI_MISMATCH,
  REASON_VXLAN_FLAGS,
  REASON_VXLAN_TRUNCATED,
  VERDICT_DELIVER,
  VERDICT_REPLY,
} from './abi';
import { ticksOf } from './clock';
import { conclude } from './counters';
import { descriptorsBase } from './layout';
import {
  availableBytes,
  dropFor,
  isOversize,
  OUTCOME_CONTINUE,
  OUTCOME_PASS,
  parseLink,
  reasonOf,
  verdictOf,
} from './parse';
import { frameForGateway, frameForVm } from './rewrite/decapsulate';
import { translateDestination, translateSource } from './rewrite/translate';
import {
  findNatFlow,
  findNatFlowRoom,
  natFlowIsLive,
  natFlowVip,
  natFlowVipPort,
  natKeyLocal,
  natKeyRemote,
  touchNatFlow,
  touchNatFlowReplied,
  writeNatFlow,
} from './table/nat-flow';
import { findNic, nicIndex, nicVni } from './table/nic';
import {
  findTranslation,
  nicHasVip,
  translatedAddress,
  translatedPort,
  translationIdleTicks,
} from './table/translation';
import { destinationMac, ETHERNET_BYTES, ETHERTYPE_IPV4_NET, etherType, isVlanType, sourceMac } from './wire/ethernet';
import {
  checkIpv4Header,
  checkIpv4Start,
  checkIpv4Whole,
  ipv4Destination,
  ipv4HeaderBytes,
  ipv4IsFragment,
  ipv4IsLaterFragment,
  ipv4Protocol,
  ipv4Source,
  ipv4TotalLength,
} from './wire/ipv4';
import { checkSegment, destinationPort, isTcpOrUdp, sourcePort } from './wire/ports';
import { opensConnection, PROTOCOL_TCP, tcpFlags } from './wire/tcp';
import { checkUdp, PROTOCOL_UDP, UDP_BYTES, udpLength } from './wire/udp';
import { VXLAN_BYTES, VXLAN_PORT_NET, vxlanVni, vxlanVniIsValid } from './wire/vxlan';

/** Runs the first `count` frames of the batch; every descriptor then has a verdict. */
export function hostProcess(count: u32, nowMs: u32): void {
  const now = ticksOf(nowMs);
  for (let frame: u32 = 0; frame < count; frame++) {
    const descriptor = descriptorsBase + frame * DESCRIPTOR_BYTES;
    store<u32>(descriptor, NO_INDEX, DESCRIPTOR_SERVICE);
    store<u32>(descriptor, NO_INDEX, DESCRIPTOR_BACKEND);
    const outcome = translate(descriptor, FIXED_PARSED, now);
    conclude(descriptor, verdictOf(outcome), reasonOf(outcome));
  }
}

function translate(descriptor: usize, parsed: usize, now: u32): u32 {
  if (isOversize(descriptor)) return dropFor(REASON_OVERSIZE);
  return isFromVm(descriptor) ? fromVm(descriptor, parsed, now) : fromUnderlay(descriptor, parsed, now);
}

function isFromVm(descriptor: usize): bool {
  const port = load<u8>(descriptor, DESCRIPTOR_PORT);
  if (port != PORT_SHARED) return port != PORT_UNDERLAY;
  return (
    load<u8>(descriptor, DESCRIPTOR_LINK) == LINK_ETHERNET &&
    load<u32>(descriptor, DESCRIPTOR_LENGTH) >= ETHERNET_BYTES &&
    findNic(sourceMac(load<u32>(descriptor, DESCRIPTOR_OFFSET))) != 0
  );
}

// From the underlay.

function fromUnderlay(descriptor: usize, parsed: usize, now: u32): u32 {
  const outcome = parseLink(descriptor, parsed);
  if (outcome != OUTCOME_CONTINUE) return outcome;
  if (load<u8>(parsed, PARSED_FAMILY) == 6) return OUTCOME_PASS;
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const available = availableBytes(descriptor, parsed);
  const start = checkIpv4Start(ip, available);
  if (start != REASON_NONE) return dropFor(start);
  const isOurs =
    ipv4Destination(ip) == load<u32>(FIXED_CONFIG + CONFIG_PROVIDER_ADDRESS) && ipv4Protocol(ip) == PROTOCOL_UDP;
  if (!isOurs) return OUTCOME_PASS;
  const reason = checkIpv4Header(ip, available);
  if (reason != REASON_NONE) return dropFor(reason);
  return fromUnderlayUdp(descriptor, ip, now);
}

function fromUnderlayUdp(descriptor: usize, ip: usize, now: u32): u32 {
  const headerBytes = ipv4HeaderBytes(ip);
  const segmentBytes = ipv4TotalLength(ip) - headerBytes;
  const udp = ip + headerBytes;
  if (ipv4IsFragment(ip)) {
    // Later fragments have no ports; without the first one, which is dropped here, the kernel will drop them too.
    const isVxlan = !ipv4IsLaterFragment(ip) && segmentBytes >= UDP_BYTES && destinationPort(udp) == VXLAN_PORT_NET;
    return isVxlan ? dropFor(REASON_FRAGMENT) : OUTCOME_PASS;
  }
  if (segmentBytes < UDP_BYTES) return dropFor(REASON_UDP_TRUNCATED);
  if (destinationPort(udp) != VXLAN_PORT_NET) return OUTCOME_PASS;
  const reason = checkUdp(udp, segmentBytes);
  if (reason != REASON_NONE) return dropFor(reason);
  const length = udpLength(udp);
  if (length < UDP_BYTES + VXLAN_BYTES) return dropFor(REASON_VXLAN_TRUNCATED);
  const vxlan = udp + UDP_BYTES;
  if (!vxlanVniIsValid(vxlan)) return dropFor(REASON_VXLAN_FLAGS);
  return fromTunnel(descriptor, vxlan + VXLAN_BYTES, length - UDP_BYTES - VXLAN_BYTES, vxlanVni(vxlan), now);
}

function fromTunnel(descriptor: usize, inner: usize, innerBytes: u32, vni: u32, now: u32): u32 {
  if (innerBytes < ETHERNET_BYTES) return dropFor(REASON_INNER_TRUNCATED);
  const type = etherType(inner);
  if (isVlanType(type)) return dropFor(REASON_INNER_VLAN);
  if (type != ETHERTYPE_IPV4_NET) return OUTCOME_PASS;
  const nic = findNic(destinationMac(inner));
  if (nic == 0) return dropFor(REASON_NIC_UNKNOWN);
  if (nicVni(nic) != vni) return dropFor(REASON_VNI_MISMATCH);

  const ip = inner + ETHERNET_BYTES;
  const available = innerBytes - ETHERNET_BYTES;
  const start = checkIpv4Start(ip, available);
  if (start != REASON_NONE) return dropFor(start);
  if (!nicHasVip(nicIndex(nic), ipv4Destination(ip))) return OUTCOME_PASS;
  const reason = checkPacket(ip, available);
  if (reason != REASON_NONE) return dropFor(reason);
  return deliver(descriptor, ip, nicIndex(nic), destinationMac(inner), now);
}

function deliver(descriptor: usize, ip: usize, nic: u32, vmMac: u64, now: u32): u32 {
  const protocol = ipv4Protocol(ip);
  const l4 = ip + ipv4HeaderBytes(ip);
  const vip = ipv4Destination(ip);
  const vipPort = destinationPort(l4);
  const translation = findTranslation(nic, vip, protocol, vipPort);
  if (translation == 0) return dropFor(REASON_NO_RULE);
  const dip = translatedAddress(translation, vip);
  const dipPort = translatedPort(translation, vipPort);
  const reason = rememberClient(nic, ip, l4, protocol, dip, dipPort, translationIdleTicks(translation), now);
  if (reason != REASON_NONE) return dropFor(reason);
  translateDestination(ip, l4, protocol, dip, dipPort);
  frameForVm(descriptor, ip, vmMac);
  return VERDICT_DELIVER;
}

/** Notes how the VM's answer is to be turned around; the packet still has the VIP. */
function rememberClient(
  nic: u32,
  ip: usize,
  l4: usize,
  protocol: u32,
  dip: u32,
  dipPort: u32,
  idleTicks: u32,
  now: u32,
): u32 {
  const vip = ipv4Destination(ip);
  const vipPort = destinationPort(l4);
  const keyRemote = natKeyRemote(ipv4Source(ip), sourcePort(l4), dipPort);
  const keyLocal = natKeyLocal(dip, nic, protocol);
  let flow = findNatFlow(keyRemote, keyLocal);
  if (flow != 0 && natFlowIsLive(flow, now)) {
    if (natFlowVip(flow) == vip && natFlowVipPort(flow) == vipPort) {
      touchNatFlow(flow, now);
      return REASON_NONE;
    }
    // The same client port through another VIP or port, to the same DIP and port: answers could not be told apart.
    // The connection that opens last is the one that lives.
    if (protocol == PROTOCOL_TCP && !opensConnection(tcpFlags(l4))) return REASON_NAT_CONFLICT;
  }
  if (flow == 0) flow = findNatFlowRoom(keyRemote, keyLocal, now);
  if (flow == 0) return REASON_FLOW_TABLE_FULL;
  writeNatFlow(flow, keyRemote, keyLocal, vip, vipPort, now, idleTicks);
  return REASON_NONE;
}

// From a VM.

function fromVm(descriptor: usize, parsed: usize, now: u32): u32 {
  if (load<u8>(descriptor, DESCRIPTOR_LINK) != LINK_ETHERNET) return OUTCOME_PASS;
  const outcome = parseLink(descriptor, parsed);
  if (outcome != OUTCOME_CONTINUE) return outcome;
  if (load<u8>(parsed, PARSED_FAMILY) == 6) return OUTCOME_PASS;
  const nic = findNic(sourceMac(load<u32>(descriptor, DESCRIPTOR_OFFSET)));
  if (nic == 0) return OUTCOME_PASS;
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const available = availableBytes(descriptor, parsed);
  if (checkIpv4Start(ip, available) != REASON_NONE) return OUTCOME_PASS;
  if (!isTcpOrUdp(ipv4Protocol(ip)) || checkIpv4Header(ip, available) != REASON_NONE) return OUTCOME_PASS;
  return reply(descriptor, parsed, ip, nicIndex(nic), now);
}

/** What a VM sends is ours only when it answers a connection through a VIP; all else is its own affair, sound or not. */
function reply(descriptor: usize, parsed: usize, ip: usize, nic: u32, now: u32): u32 {
  const protocol = ipv4Protocol(ip);
  const headerBytes = ipv4HeaderBytes(ip);
  const segmentBytes = ipv4TotalLength(ip) - headerBytes;
  const l4 = ip + headerBytes;
  if (ipv4IsLaterFragment(ip) || segmentBytes < UDP_BYTES) return OUTCOME_PASS;
  const keyRemote = natKeyRemote(ipv4Destination(ip), destinationPort(l4), sourcePort(l4));
  const flow = findNatFlow(keyRemote, natKeyLocal(ipv4Source(ip), nic, protocol));
  if (flow == 0 || !natFlowIsLive(flow, now)) return OUTCOME_PASS;
  const reason = checkContents(ip);
  if (reason != REASON_NONE) return dropFor(reason);
  touchNatFlowReplied(flow, now);
  translateSource(ip, l4, protocol, natFlowVip(flow), natFlowVipPort(flow));
  frameForGateway(descriptor, parsed);
  return VERDICT_REPLY;
}

/** Everything that must hold before a packet is translated. */
function checkPacket(ip: usize, available: u32): u32 {
  const reason = checkIpv4Header(ip, available);
  return reason == REASON_NONE ? checkContents(ip) : reason;
}

/** The part of it that lies behind a sound header: a whole packet, and a whole segment in it. */
function checkContents(ip: usize): u32 {
  const reason = checkIpv4Whole(ip);
  if (reason != REASON_NONE) return reason;
  const headerBytes = ipv4HeaderBytes(ip);
  return checkSegment(ipv4Protocol(ip), ip + headerBytes, ipv4TotalLength(ip) - headerBytes);
}
