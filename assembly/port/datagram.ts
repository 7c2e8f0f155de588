/**
 * Tunnels through a UDP socket: the socket keeps the outer headers to itself, and the pipelines want them. What arrives is
 * given some, from the address it came from to our own; what leaves loses them, and their destination is the socket's.
 *
 *   name         | family 2  | port net | IPv4 address | 0                               `struct sockaddr_in`, 16 bytes
 *                | family 10 | port net | flow label   | IPv6 address 16 | scope          `struct sockaddr_in6`, 28 bytes
 *                0           2          4              8                  24      28
 *
 *   frame        | IPv4 20 or IPv6 40 | UDP 8 | payload: VXLAN …
 */
import { CONFIG_PROVIDER_ADDRESS, CONFIG_PROVIDER_ADDRESS_6, FIXED_CONFIG } from '../abi';
import {
  IPV4_BYTES_MIN,
  ipVersion,
  ipv4Destination,
  ipv4HeaderBytes,
  ipv4IsFragment,
  ipv4Protocol,
  ipv4TotalLength,
  setIpv4DontFragment,
  writeIpv4Header,
} from '../wire/ipv4';
import { IPV6_BYTES, ipv6Destination, ipv6NextHeader, ipv6TotalLength, writeIpv6Header } from '../wire/ipv6';
import { DESTINATION_PORT, destinationPort, SOURCE_PORT } from '../wire/ports';
import { PROTOCOL_UDP, setUdpLength, UDP_BYTES, UDP_CHECKSUM } from '../wire/udp';
import { VXLAN_PORT_NET } from '../wire/vxlan';

const FAMILY_IPV4: u32 = 2;
const FAMILY_IPV6: u32 = 10;
const NAME_PORT = 2;
const NAME_ADDRESS_4 = 4;
const NAME_ADDRESS_6 = 8;
/** Of an IPv6 address `::ffff:a.b.c.d`, the IPv4 one. */
const NAME_MAPPED_ADDRESS = 20;
const NAME_BYTES_4: u32 = 16;
export const NAME_BYTES_6: u32 = 28;
/** `::ffff:0:0/96` as it lies in memory, behind eight zero bytes. */
const MAPPED_PREFIX: u32 = 0xffff0000;

const TOS: u32 = 0;
const TTL: u32 = 64;
/** Without options and with UDP: all that leaves. */
const HEADERS_BYTES_4: u32 = IPV4_BYTES_MIN + UDP_BYTES;
const HEADERS_BYTES_6: u32 = IPV6_BYTES + UDP_BYTES;

/** Writes outer headers in front of a payload that came from `name`; returns how many bytes they are, 0 for a name of neither family. */
export function writeOuterHeaders(payload: usize, bytes: u32, name: usize): u32 {
  const family: u32 = load<u16>(name);
  if (family == FAMILY_IPV6 && !isMapped(name)) return writeOuterIpv6(payload, bytes, name);
  if (family == FAMILY_IPV6) return writeOuterIpv4(payload, bytes, name, load<u32>(name, NAME_MAPPED_ADDRESS));
  return family == FAMILY_IPV4 ? writeOuterIpv4(payload, bytes, name, load<u32>(name, NAME_ADDRESS_4)) : 0;
}

/**
 * Writes the name a tunnel goes to; returns its length, 0 when the frame is no tunnel over UDP.
 *
 * @param frame a bare one, of `length` bytes
 */
export function writeName(name: usize, frame: usize, length: u32): u32 {
  const headers = outerHeadersBytes(frame, length);
  if (headers == 0) return 0;
  memory.fill(name, 0, NAME_BYTES_6);
  store<u16>(name, <u16>VXLAN_PORT_NET, NAME_PORT);
  if (headers == HEADERS_BYTES_4) {
    store<u16>(name, <u16>FAMILY_IPV4);
    store<u32>(name, ipv4Destination(frame), NAME_ADDRESS_4);
    return NAME_BYTES_4;
  }
  store<u16>(name, <u16>FAMILY_IPV6);
  v128.store(name, v128.load(ipv6Destination(frame)), NAME_ADDRESS_6);
  return NAME_BYTES_6;
}

/** What of a tunnel over UDP the socket will write: bytes of outer headers; 0 for any other frame. */
export function outerHeadersBytes(frame: usize, length: u32): u32 {
  if (length < HEADERS_BYTES_4) return 0;
  if (ipVersion(frame) == 6) {
    if (length < HEADERS_BYTES_6 || ipv6NextHeader(frame) != PROTOCOL_UDP) return 0;
    const isTunnel = ipv6TotalLength(frame) == length && destinationPort(frame + IPV6_BYTES) == VXLAN_PORT_NET;
    return isTunnel ? HEADERS_BYTES_6 : 0;
  }
  if (ipv4HeaderBytes(frame) != IPV4_BYTES_MIN || ipv4Protocol(frame) != PROTOCOL_UDP || ipv4IsFragment(frame))
    return 0;
  const isTunnel = ipv4TotalLength(frame) == length && destinationPort(frame + IPV4_BYTES_MIN) == VXLAN_PORT_NET;
  return isTunnel ? HEADERS_BYTES_4 : 0;
}

function isMapped(name: usize): bool {
  return load<u64>(name, NAME_ADDRESS_6) == 0 && load<u32>(name, NAME_ADDRESS_6 + 8) == MAPPED_PREFIX;
}

function writeOuterIpv4(payload: usize, bytes: u32, name: usize, source: u32): u32 {
  const ip = payload - HEADERS_BYTES_4;
  const destination = load<u32>(FIXED_CONFIG + CONFIG_PROVIDER_ADDRESS);
  writeIpv4Header(ip, HEADERS_BYTES_4 + bytes, TOS, TTL, PROTOCOL_UDP, source, destination);
  // RFC 6864 section 4.1: without it, the identification would have to be unique.
  setIpv4DontFragment(ip);
  writeUdp(payload - UDP_BYTES, UDP_BYTES + bytes, name);
  return HEADERS_BYTES_4;
}

function writeOuterIpv6(payload: usize, bytes: u32, name: usize): u32 {
  const ip = payload - HEADERS_BYTES_6;
  const destination: usize = FIXED_CONFIG + CONFIG_PROVIDER_ADDRESS_6;
  writeIpv6Header(ip, UDP_BYTES + bytes, TOS, TTL, PROTOCOL_UDP, name + NAME_ADDRESS_6, destination);
  writeUdp(payload - UDP_BYTES, UDP_BYTES + bytes, name);
  return HEADERS_BYTES_6;
}

function writeUdp(udp: usize, bytes: u32, name: usize): void {
  store<u16>(udp, load<u16>(name, NAME_PORT), SOURCE_PORT);
  store<u16>(udp, <u16>VXLAN_PORT_NET, DESTINATION_PORT);
  setUdpLength(udp, bytes);
  // RFC 6935: none, as tunnels have it. The socket has verified the one it came with.
  store<u16>(udp, 0, UDP_CHECKSUM);
}
