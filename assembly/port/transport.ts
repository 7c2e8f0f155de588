/**
 * Where the TCP or UDP segment of a frame is, and that of the packet in its tunnel: as far as checksums and cutting need it.
 * The pipeline judges packets later; a packet that is unsound in what matters here is left to it, as not found.
 *
 *   | Ethernet, VLAN tags | IP, extension headers | UDP, VXLAN or GRE | Ethernet … | IP … | TCP or UDP … |
 *                         ^foundOuterIp           ^foundOuterL4                    ^foundIp ^foundL4     ^ + foundL4Bytes
 *
 * What was found is left in variables of this module; a search that fails changes none of them.
 */
import { LINK_BARE, REASON_NONE } from '../abi';
import { fold64 } from '../wire/checksum';
import {
  ETHERNET_BYTES,
  ETHERTYPE_IPV4_NET,
  ETHERTYPE_IPV6_NET,
  etherType,
  isVlanType,
  VLAN_TAG_BYTES,
} from '../wire/ethernet';
import { carriesEthernet, GRE_BYTES, hasNvgreFlags, PROTOCOL_GRE } from '../wire/gre';
import {
  IPV4_BYTES_MIN,
  ipVersion,
  ipv4Addresses,
  ipv4HeaderBytes,
  ipv4IsFragment,
  ipv4Protocol,
  ipv4TotalLength,
} from '../wire/ipv4';
import {
  checkIpv6Header,
  checkIpv6Start,
  ipv6Source,
  ipv6TotalLength,
  walkedFragment,
  walkedL4,
  walkedProtocol,
  walkIpv6,
} from '../wire/ipv6';
import { checksumField, destinationPort } from '../wire/ports';
import { checkTcp, PROTOCOL_TCP } from '../wire/tcp';
import { checkUdp, PROTOCOL_UDP, UDP_BYTES, udpLength } from '../wire/udp';
import { VXLAN_BYTES, VXLAN_PORT_NET, vxlanVniIsValid } from '../wire/vxlan';

const VLAN_TAGS_MAX: u32 = 2;

/** 4 or 6 */
export let foundFamily: u32 = 0;
export let foundIp: usize = 0;
/** TCP, UDP or GRE */
export let foundProtocol: u32 = 0;
export let foundL4: usize = 0;
/** What a checksum of TCP or UDP covers: to the end of the packet, and of UDP as much as its length says. */
export let foundL4Bytes: u32 = 0;
/** The IP header around the tunnel the packet is in; 0 when it is in none. */
export let foundOuterIp: usize = 0;
/** The UDP or GRE header of the tunnel. */
export let foundOuterL4: usize = 0;
export let foundOuterFamily: u32 = 0;
export let foundOuterProtocol: u32 = 0;

/**
 * Finds the segment of the outermost packet of a frame: TCP, UDP or GRE, no fragment, its header there and its end within
 * the frame.
 */
export function findTransport(frame: usize, length: u32, link: u32): bool {
  const end = frame + length;
  if (link == LINK_BARE) {
    if (length == 0) return false;
    if (!(ipVersion(frame) == 6 ? findInIpv6(frame, end) : findInIpv4(frame, end))) return false;
  } else if (!findInEthernet(frame, end)) return false;
  foundOuterIp = 0;
  return true;
}

/** Finds that of the packet inside the tunnel that findTransport has found: VXLAN or NVGRE. */
export function findInnerTransport(): bool {
  const inner = innerFrame();
  if (inner == 0) return false;
  const outerIp = foundIp;
  const outerFamily = foundFamily;
  const outerProtocol = foundProtocol;
  const outerL4 = foundL4;
  if (!findInEthernet(inner, outerL4 + foundL4Bytes)) return false;
  foundOuterIp = outerIp;
  foundOuterL4 = outerL4;
  foundOuterFamily = outerFamily;
  foundOuterProtocol = outerProtocol;
  return true;
}

/** Whether what was found looks like a tunnel. @inline */
export function foundMayBeTunnel(): bool {
  return foundProtocol == PROTOCOL_UDP ? destinationPort(foundL4) == VXLAN_PORT_NET : foundProtocol == PROTOCOL_GRE;
}

/** The sum of the pseudo header of what was found. @inline */
export function foundPseudoSum(): u32 {
  return pseudoSum(foundFamily, foundIp, foundProtocol, foundL4Bytes);
}

/** The sum of a pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1), folded; never 0. @inline */
export function pseudoSum(family: u32, ip: usize, protocol: u32, segmentBytes: u32): u32 {
  const length: u32 = bswap<u16>(<u16>segmentBytes);
  const fixed: u64 = (protocol << 8) + length;
  if (family == 6) return fold64(fixed + ipv6AddressSum(ip));
  const addresses = ipv4Addresses(ip);
  return fold64(fixed + (addresses & 0xffffffff) + (addresses >> 32));
}

/** The sum of both addresses of a header, four words of 64 bits; carries come in again at the other end. @inline */
function ipv6AddressSum(ip: usize): u64 {
  const addresses = ipv6Source(ip);
  let sum = load<u64>(addresses);
  sum = plus(sum, load<u64>(addresses, 8));
  sum = plus(sum, load<u64>(addresses, 16));
  sum = plus(sum, load<u64>(addresses, 24));
  return (sum & 0xffffffff) + (sum >> 32);
}

/** @inline */
function plus(sum: u64, words: u64): u64 {
  const total = sum + words;
  return total < words ? total + 1 : total;
}

/** Where the checksum of the TCP or UDP segment is that was found. */
export function foundChecksumAt(): usize {
  return foundL4 + checksumField(foundProtocol);
}

function innerFrame(): usize {
  if (foundProtocol == PROTOCOL_UDP) {
    if (destinationPort(foundL4) != VXLAN_PORT_NET || foundL4Bytes < UDP_BYTES + VXLAN_BYTES) return 0;
    return vxlanVniIsValid(foundL4 + UDP_BYTES) ? foundL4 + UDP_BYTES + VXLAN_BYTES : 0;
  }
  if (foundProtocol != PROTOCOL_GRE) return 0;
  return hasNvgreFlags(foundL4) && carriesEthernet(foundL4) ? foundL4 + GRE_BYTES : 0;
}

function findInEthernet(frame: usize, end: usize): bool {
  if (end - frame < ETHERNET_BYTES) return false;
  let type = etherType(frame);
  let ip = frame + ETHERNET_BYTES;
  for (let tags: u32 = 0; isVlanType(type); tags++) {
    if (tags == VLAN_TAGS_MAX || end - ip < VLAN_TAG_BYTES) return false;
    ip += VLAN_TAG_BYTES;
    type = etherType(ip - ETHERNET_BYTES);
  }
  if (type == ETHERTYPE_IPV4_NET) return findInIpv4(ip, end);
  return type == ETHERTYPE_IPV6_NET && findInIpv6(ip, end);
}

function findInIpv4(ip: usize, end: usize): bool {
  if (end - ip < IPV4_BYTES_MIN || ipVersion(ip) != 4) return false;
  const headerBytes = ipv4HeaderBytes(ip);
  const totalLength = ipv4TotalLength(ip);
  if (headerBytes < IPV4_BYTES_MIN || totalLength < headerBytes || totalLength > <u32>(end - ip)) return false;
  if (ipv4IsFragment(ip)) return false;
  return findSegment(4, ip, ipv4Protocol(ip), ip + headerBytes, totalLength - headerBytes);
}

function findInIpv6(ip: usize, end: usize): bool {
  const available = <u32>(end - ip);
  if (checkIpv6Start(ip, available) != REASON_NONE || checkIpv6Header(ip, available) != REASON_NONE) return false;
  const totalLength = ipv6TotalLength(ip);
  if (walkIpv6(ip, totalLength) != REASON_NONE || walkedFragment != 0) return false;
  return findSegment(6, ip, walkedProtocol, walkedL4, totalLength - <u32>(walkedL4 - ip));
}

function findSegment(family: u32, ip: usize, protocol: u32, l4: usize, bytes: u32): bool {
  let covered = bytes;
  if (protocol == PROTOCOL_TCP) {
    if (checkTcp(l4, bytes) != REASON_NONE) return false;
  } else if (protocol == PROTOCOL_UDP) {
    if (checkUdp(l4, bytes) != REASON_NONE) return false;
    covered = udpLength(l4);
  } else if (protocol != PROTOCOL_GRE || bytes < GRE_BYTES) return false;
  foundFamily = family;
  foundIp = ip;
  foundProtocol = protocol;
  foundL4 = l4;
  foundL4Bytes = covered;
  return true;
}
