/**
 * What nearly every frame is of which nobody says whether its checksum is finished: TCP or UDP right behind IPv4 or IPv6,
 * alone or in VXLAN over IPv4, and finished. Said in a straight line for IPv4 and by one call for IPv6, in place of the walk
 * through the headers of unfinished.ts.
 *
 *   | Ethernet 14 | IPv4 20 or IPv6 40 | TCP or UDP … |
 *   | Ethernet 14 | IPv4 20 | UDP 8, no checksum | VXLAN 8 | Ethernet 14 | IPv4 20 or IPv6 40 | TCP or UDP … |
 */
import { LINK_ETHERNET } from '../abi';
import { isSumOfWhole } from '../wire/checksum';
import { ETHERNET_BYTES, ETHERTYPE_IPV4_NET, ETHERTYPE_IPV6_NET, etherType } from '../wire/ethernet';
import { IPV4_BYTES_MIN, ipVersion, ipv4Addresses, ipv4IsFragment, ipv4Protocol, ipv4TotalLength } from '../wire/ipv4';
import { IPV6_BYTES, ipv6NextHeader, ipv6PayloadLength } from '../wire/ipv6';
import { checksumField, destinationPort } from '../wire/ports';
import { PROTOCOL_TCP, TCP_BYTES_MIN } from '../wire/tcp';
import { PROTOCOL_UDP, UDP_BYTES, UDP_CHECKSUM, udpLength } from '../wire/udp';
import { VXLAN_BYTES, VXLAN_PORT_NET } from '../wire/vxlan';
import { pseudoSum } from './transport';

const VERSION_4_IHL_5: u32 = 0x45;
/** Of IPv4 and of as much of TCP as its checksum needs; a shorter packet goes the general way. */
const PACKET_BYTES_MIN: u32 = 40;
const TUNNEL_BYTES: u32 = UDP_BYTES + VXLAN_BYTES;

/**
 * Whether a frame is one of those, so that finishUnmarked would find nothing to do. False says nothing.
 *
 * @param link LINK_…
 * @inline
 */
export function isPlainlyFinished(frame: usize, length: u32, link: u32): bool {
  if (link != LINK_ETHERNET || length < ETHERNET_BYTES + PACKET_BYTES_MIN) return false;
  if (etherType(frame) == ETHERTYPE_IPV6_NET) return isFinishedIpv6(frame, length);
  const l4 = plainL4(frame, length);
  if (l4 == 0) return false;
  const ip = l4 - IPV4_BYTES_MIN;
  if (ipv4Protocol(ip) == PROTOCOL_UDP && destinationPort(l4) == VXLAN_PORT_NET) return isFinishedInside(l4);
  return isFinishedSegment(ip, l4);
}

/** The inside of a tunnel without a checksum of its own. @inline */
function isFinishedInside(udp: usize): bool {
  const bytes = udpLength(udp);
  if (load<u16>(udp, UDP_CHECKSUM) != 0 || bytes < TUNNEL_BYTES + ETHERNET_BYTES + PACKET_BYTES_MIN) return false;
  const inner = udp + TUNNEL_BYTES;
  if (etherType(inner) == ETHERTYPE_IPV6_NET) return isFinishedIpv6(inner, bytes - TUNNEL_BYTES);
  const l4 = plainL4(inner, bytes - TUNNEL_BYTES);
  return l4 != 0 && isFinishedSegment(l4 - IPV4_BYTES_MIN, l4);
}

/** Where TCP or UDP begins in an Ethernet frame of IPv4 without options that is no fragment, 0 in any other. @inline */
function plainL4(frame: usize, length: u32): usize {
  const ip = frame + ETHERNET_BYTES;
  if (etherType(frame) != ETHERTYPE_IPV4_NET || load<u8>(ip) != VERSION_4_IHL_5 || ipv4IsFragment(ip)) return 0;
  const totalLength = ipv4TotalLength(ip);
  if (totalLength < PACKET_BYTES_MIN || totalLength > length - ETHERNET_BYTES) return 0;
  const l4 = ip + IPV4_BYTES_MIN;
  const protocol = ipv4Protocol(ip);
  if (protocol == PROTOCOL_TCP) return l4;
  return protocol == PROTOCOL_UDP && udpLength(l4) == totalLength - IPV4_BYTES_MIN ? l4 : 0;
}

/** The same of an Ethernet frame of IPv6 without extension headers. */
function isFinishedIpv6(frame: usize, length: u32): bool {
  const ip = frame + ETHERNET_BYTES;
  if (length < ETHERNET_BYTES + IPV6_BYTES + TCP_BYTES_MIN || ipVersion(ip) != 6) return false;
  const bytes = ipv6PayloadLength(ip);
  if (bytes < TCP_BYTES_MIN || bytes > length - ETHERNET_BYTES - IPV6_BYTES) return false;
  const l4 = ip + IPV6_BYTES;
  const protocol = ipv6NextHeader(ip);
  if (protocol == PROTOCOL_UDP) {
    if (udpLength(l4) != bytes || destinationPort(l4) == VXLAN_PORT_NET) return false;
  } else if (protocol != PROTOCOL_TCP) return false;
  return <u32>load<u16>(l4 + checksumField(protocol)) != pseudoSum(6, ip, protocol, bytes);
}

/** Whether the checksum field is another number than the sum of the pseudo header. @inline */
function isFinishedSegment(ip: usize, l4: usize): bool {
  const protocol = ipv4Protocol(ip);
  const field: u32 = load<u16>(l4 + checksumField(protocol));
  const addresses = ipv4Addresses(ip);
  const bytes: u32 = bswap<u16>(<u16>(ipv4TotalLength(ip) - IPV4_BYTES_MIN));
  const pseudoSum = (addresses & 0xffffffff) + (addresses >> 32) + ((protocol << 8) + bytes);
  // Their difference is no multiple of 0xffff.
  return !isSumOfWhole(pseudoSum + (field ^ 0xffff));
}
