/**
 * What reaches the host agent from the provider network: the outer headers, down to the frame inside the tunnel.
 *
 *   | Ethernet | IPv4 or IPv6 | UDP 4789, VXLAN | Ethernet | the tenant's packet …       fabric of VXLAN, RFC 7348
 *   | Ethernet | IPv4 or IPv6 | GRE             | Ethernet | the tenant's packet …       fabric of NVGRE, RFC 7637
 *
 * What is no tunnel of the fabric's kind to one of our provider addresses passes.
 */
import {
  CONFIG_ENCAPSULATION,
  CONFIG_PROVIDER_ADDRESS,
  CONFIG_PROVIDER_ADDRESS_6,
  ENCAPSULATION_NVGRE,
  FIXED_CONFIG,
  PARSED_FAMILY,
  PARSED_IP,
  REASON_FRAGMENT,
  REASON_GRE_FLAGS,
  REASON_GRE_TRUNCATED,
  REASON_NONE,
  REASON_UDP_TRUNCATED,
  REASON_VXLAN_FLAGS,
  REASON_VXLAN_TRUNCATED,
} from './abi';
import { noteTunnel } from './host-decision';
import { fromTunnel } from './host-in';
import { setPacketOuterEcn } from './host-packet';
import { availableBytes, dropFor, OUTCOME_CONTINUE, OUTCOME_PASS, parseLink } from './parse';
import { ECN_MASK } from './rewrite/ecn';
import { carriesEthernet, GRE_BYTES, GRE_BYTES_MIN, hasNvgreFlags, nvgreVsid, PROTOCOL_GRE } from './wire/gre';
import {
  checkIpv4Header,
  checkIpv4Start,
  ipv4Destination,
  ipv4HeaderBytes,
  ipv4IsFragment,
  ipv4IsLaterFragment,
  ipv4Protocol,
  ipv4Tos,
  ipv4TotalLength,
} from './wire/ipv4';
import {
  checkIpv6Header,
  checkIpv6Start,
  ipv6Destination,
  ipv6FragmentOffset,
  ipv6TotalLength,
  ipv6TrafficClass,
  walkedFragment,
  walkedL4,
  walkedProtocol,
  walkIpv6,
} from './wire/ipv6';
import { destinationPort } from './wire/ports';
import { checkUdp, PROTOCOL_UDP, UDP_BYTES, udpLength } from './wire/udp';
import { VXLAN_BYTES, VXLAN_PORT_NET, vxlanVni, vxlanVniIsValid } from './wire/vxlan';

/** A frame of the provider network; answers with an outcome. */
export function fromUnderlay(descriptor: usize, packet: usize, now: u32): u32 {
  const outcome = parseLink(descriptor, packet);
  if (outcome != OUTCOME_CONTINUE) return outcome;
  const ip: usize = load<u32>(packet, PARSED_IP);
  noteTunnel(ip);
  const available = availableBytes(descriptor, packet);
  const isIpv6 = load<u8>(packet, PARSED_FAMILY) == 6;
  return isIpv6 ? fromUnderlayIpv6(packet, ip, available, now) : fromUnderlayIpv4(packet, ip, available, now);
}

function fromUnderlayIpv4(packet: usize, ip: usize, available: u32, now: u32): u32 {
  const start = checkIpv4Start(ip, available);
  if (start != REASON_NONE) return dropFor(start);
  const ours = load<u32>(FIXED_CONFIG + CONFIG_PROVIDER_ADDRESS);
  const protocol = ipv4Protocol(ip);
  if (ipv4Destination(ip) != ours || ours == 0 || !mayBeTunnel(protocol)) return OUTCOME_PASS;
  const reason = checkIpv4Header(ip, available);
  if (reason != REASON_NONE) return dropFor(reason);
  setPacketOuterEcn(packet, ipv4Tos(ip) & ECN_MASK);
  const headerBytes = ipv4HeaderBytes(ip);
  const l4 = ip + headerBytes;
  const l4Bytes = ipv4TotalLength(ip) - headerBytes;
  if (ipv4IsFragment(ip)) return outerFragment(protocol, l4, l4Bytes, ipv4IsLaterFragment(ip));
  return fromProvider(packet, protocol, l4, l4Bytes, now);
}

function fromUnderlayIpv6(packet: usize, ip: usize, available: u32, now: u32): u32 {
  const start = checkIpv6Start(ip, available);
  if (start != REASON_NONE) return dropFor(start);
  if (!isOurIpv6(ipv6Destination(ip))) return OUTCOME_PASS;
  const length = ipv6TotalLength(ip);
  if (walkIpv6(ip, min(length, available)) != REASON_NONE || !mayBeTunnel(walkedProtocol)) return OUTCOME_PASS;
  const reason = checkIpv6Header(ip, available);
  if (reason != REASON_NONE) return dropFor(reason);
  setPacketOuterEcn(packet, ipv6TrafficClass(ip) & ECN_MASK);
  const l4Bytes = <u32>(ip + length - walkedL4);
  if (walkedFragment != 0) {
    return outerFragment(walkedProtocol, walkedL4, l4Bytes, ipv6FragmentOffset(walkedFragment) != 0);
  }
  return fromProvider(packet, walkedProtocol, walkedL4, l4Bytes, now);
}

function isOurIpv6(address: usize): bool {
  const low = load<u64>(FIXED_CONFIG + CONFIG_PROVIDER_ADDRESS_6);
  const high = load<u64>(FIXED_CONFIG + CONFIG_PROVIDER_ADDRESS_6 + 8);
  return load<u64>(address) == low && load<u64>(address, 8) == high && (low | high) != 0;
}

function mayBeTunnel(protocol: u32): bool {
  return protocol == PROTOCOL_UDP || protocol == PROTOCOL_GRE;
}

/** A whole packet for us. @inline */
function fromProvider(packet: usize, protocol: u32, l4: usize, l4Bytes: u32, now: u32): u32 {
  if (protocol != tunnelProtocol()) return OUTCOME_PASS;
  return protocol == PROTOCOL_UDP ? fromVxlan(packet, l4, l4Bytes, now) : fromNvgre(packet, l4, l4Bytes, now);
}

/** The protocol that carries the fabric's tunnels. */
function tunnelProtocol(): u32 {
  return load<u8>(FIXED_CONFIG + CONFIG_ENCAPSULATION) == ENCAPSULATION_NVGRE ? PROTOCOL_GRE : PROTOCOL_UDP;
}

/** Later fragments have no ports; without the first one, which is dropped here, the kernel will drop them too. */
function outerFragment(protocol: u32, l4: usize, l4Bytes: u32, isLater: bool): u32 {
  if (isLater || protocol != tunnelProtocol()) return OUTCOME_PASS;
  const isTunnel =
    protocol == PROTOCOL_UDP
      ? l4Bytes >= UDP_BYTES && destinationPort(l4) == VXLAN_PORT_NET
      : l4Bytes >= GRE_BYTES_MIN && carriesEthernet(l4);
  return isTunnel ? dropFor(REASON_FRAGMENT) : OUTCOME_PASS;
}

function fromVxlan(packet: usize, udp: usize, segmentBytes: u32, now: u32): u32 {
  if (segmentBytes < UDP_BYTES) return dropFor(REASON_UDP_TRUNCATED);
  if (destinationPort(udp) != VXLAN_PORT_NET) return OUTCOME_PASS;
  const reason = checkUdp(udp, segmentBytes);
  if (reason != REASON_NONE) return dropFor(reason);
  const length = udpLength(udp);
  if (length < UDP_BYTES + VXLAN_BYTES) return dropFor(REASON_VXLAN_TRUNCATED);
  const vxlan = udp + UDP_BYTES;
  if (!vxlanVniIsValid(vxlan)) return dropFor(REASON_VXLAN_FLAGS);
  return fromTunnel(packet, vxlan + VXLAN_BYTES, length - UDP_BYTES - VXLAN_BYTES, vxlanVni(vxlan), now);
}

function fromNvgre(packet: usize, gre: usize, greBytes: u32, now: u32): u32 {
  if (greBytes < GRE_BYTES_MIN) return dropFor(REASON_GRE_TRUNCATED);
  if (!carriesEthernet(gre)) return OUTCOME_PASS;
  if (!hasNvgreFlags(gre)) return dropFor(REASON_GRE_FLAGS);
  if (greBytes < GRE_BYTES) return dropFor(REASON_GRE_TRUNCATED);
  return fromTunnel(packet, gre + GRE_BYTES, greBytes - GRE_BYTES, nvgreVsid(gre), now);
}
