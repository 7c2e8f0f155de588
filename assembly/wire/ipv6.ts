/**
 * IPv6 header, RFC 8200 section 3, and the extension headers between it and the upper layer.
 *
 *   0                      4                6             7           8        24            40
 *   | version, class, label | payload length | next header | hop limit | source | destination | extension headers, payload
 *
 *   0             1          2                                 any extension header of section 4 but the fragment header
 *   | next header | length/8-1 | … byte 3 of a routing header: segments left
 *
 *   0             1          2                     4    8      fragment header, section 4.5
 *   | next header | reserved | offset 13, 00, M 1 | id |
 *
 * walkIpv6 leaves what it found in variables of this module, as a packet is walked once and asked about at once.
 */
import {
  REASON_IPV6_EXTENSION,
  REASON_IPV6_TRUNCATED,
  REASON_IPV6_VERSION,
  REASON_NONE,
  REASON_SOURCE,
  REASON_TTL,
} from '../abi';
import { ipVersion } from './ipv4';

export const IPV6_BYTES: u32 = 40;
export const IPV6_ADDRESS_BYTES: u32 = 16;
export const IPV6_PAYLOAD_LENGTH_MAX: u32 = 0xffff;
export const FRAGMENT_HEADER_BYTES: u32 = 8;

const VERSION: u32 = 6;
/** The ECN field in the second byte. */
const ECN_MASK: u32 = 0x30;

const PAYLOAD_LENGTH = 4;
const NEXT_HEADER = 6;
const HOP_LIMIT = 7;
const SOURCE = 8;
const DESTINATION = 24;

const HOP_BY_HOP: u32 = 0;
const ROUTING: u32 = 43;
const FRAGMENT: u32 = 44;
const DESTINATION_OPTIONS: u32 = 60;

const EXTENSION_UNIT_BYTES: u32 = 8;
const EXTENSION_COUNT_MAX: u32 = 8;
const EXTENSION_LENGTH = 1;
const SEGMENTS_LEFT = 3;

const FRAGMENT_OFFSET = 2;
const FRAGMENT_ID = 4;
/** 0xfff8 on the wire: the offset in bytes, as its unit is eight of them. */
const FRAGMENT_OFFSET_MASK: u32 = 0xfff8;
const FRAGMENT_MORE: u32 = 1;

/** `::1` as the two words of an address lie in memory: `::` is 0 and 0. */
const LOOPBACK_HIGH: u64 = 0x0100000000000000;

/** What walkIpv6 found: the first protocol that is no extension header of ours. */
export let walkedProtocol: u32 = 0;
/** Where its header begins; behind the last byte of the packet when there is nothing of it. */
export let walkedL4: usize = 0;
/** The fragment header, 0 for a packet that is no fragment. */
export let walkedFragment: usize = 0;

/** Whether the fixed header is there, so that the addresses may be read. */
export function checkIpv6Start(ip: usize, available: u32): u32 {
  if (available < IPV6_BYTES) return REASON_IPV6_TRUNCATED;
  if (ipVersion(ip) != 6) return REASON_IPV6_VERSION;
  return REASON_NONE;
}

/** Whether the packet is there to its end; checkIpv6Start comes first. */
export function checkIpv6Header(ip: usize, available: u32): u32 {
  return ipv6TotalLength(ip) > available ? REASON_IPV6_TRUNCATED : REASON_NONE;
}

/** Whether a router would let it pass: a hop left, from an address that a host may have, to another one. @inline */
export function checkIpv6Origin(ip: usize): u32 {
  if (load<u8>(ip, HOP_LIMIT) == 0) return REASON_TTL;
  const low = load<u64>(ip, SOURCE);
  const high = load<u64>(ip, SOURCE + 8);
  if (load<u8>(ip, SOURCE) == 0xff) return REASON_SOURCE;
  if (low == 0 && (high == 0 || high == LOOPBACK_HIGH)) return REASON_SOURCE;
  return ipv6HasOneAddress(ip) ? REASON_SOURCE : REASON_NONE;
}

/** Whether source and destination are the same. */
export function ipv6HasOneAddress(ip: usize): bool {
  return (
    load<u64>(ip, SOURCE) == load<u64>(ip, DESTINATION) && load<u64>(ip, SOURCE + 8) == load<u64>(ip, DESTINATION + 8)
  );
}

/**
 * Walks the extension headers of a packet, of which `bytes` from the start of its IPv6 header belong to it: all of a
 * packet, or as much as an ICMP error quotes. Leaves walkedProtocol, walkedL4 and walkedFragment.
 *
 * Behind the header of a later fragment nothing is walked, as its payload is data. An atomic fragment (RFC 6946) is
 * none. A packet that names nodes to visit after this one is refused (RFC 5095).
 */
export function walkIpv6(ip: usize, bytes: u32): u32 {
  walkedProtocol = load<u8>(ip, NEXT_HEADER);
  walkedL4 = ip + IPV6_BYTES;
  walkedFragment = 0;
  return isExtension(walkedProtocol) ? walkExtensions(ip + bytes) : REASON_NONE;
}

function walkExtensions(end: usize): u32 {
  let isFragmentSeen = false;
  for (let count: u32 = 0; isExtension(walkedProtocol); count++) {
    const header = walkedL4;
    if (count == EXTENSION_COUNT_MAX || end - header < EXTENSION_UNIT_BYTES) return REASON_IPV6_EXTENSION;
    let headerBytes = FRAGMENT_HEADER_BYTES;
    if (walkedProtocol == FRAGMENT) {
      if (isFragmentSeen) return REASON_IPV6_EXTENSION;
      isFragmentSeen = true;
      if (ipv6FragmentOffset(header) != 0 || ipv6HasMoreFragments(header)) walkedFragment = header;
    } else {
      if (walkedProtocol == ROUTING && load<u8>(header, SEGMENTS_LEFT) != 0) return REASON_IPV6_EXTENSION;
      headerBytes = (<u32>load<u8>(header, EXTENSION_LENGTH) + 1) * EXTENSION_UNIT_BYTES;
      if (end - header < headerBytes) return REASON_IPV6_EXTENSION;
    }
    walkedProtocol = load<u8>(header);
    walkedL4 = header + headerBytes;
    if (walkedFragment == header && ipv6FragmentOffset(header) != 0) return REASON_NONE;
  }
  return REASON_NONE;
}

/** The headers that are walked; everything else (AH, "no next header", mobility …) is an upper protocol. */
function isExtension(protocol: u32): bool {
  return protocol == HOP_BY_HOP || protocol == ROUTING || protocol == FRAGMENT || protocol == DESTINATION_OPTIONS;
}

/** Traffic class: DSCP and ECN, as the TOS of IPv4. */
export function ipv6TrafficClass(ip: usize): u32 {
  return ((<u32>load<u8>(ip) & 15) << 4) | (<u32>load<u8>(ip, 1) >> 4);
}

export function ipv6PayloadLength(ip: usize): u32 {
  return bswap<u16>(load<u16>(ip, PAYLOAD_LENGTH));
}

/** The protocol of what is behind the fixed header: an extension header's, or that of the upper layer. */
export function ipv6NextHeader(ip: usize): u32 {
  return load<u8>(ip, NEXT_HEADER);
}

/** Bytes of the whole packet, its header included. */
export function ipv6TotalLength(ip: usize): u32 {
  return IPV6_BYTES + ipv6PayloadLength(ip);
}

export function ipv6HopLimit(ip: usize): u32 {
  return load<u8>(ip, HOP_LIMIT);
}

/** Where the 16 bytes of the source address lie; those of the destination follow. */
export function ipv6Source(ip: usize): usize {
  return ip + SOURCE;
}

/** Where the 16 bytes of the destination address lie. */
export function ipv6Destination(ip: usize): usize {
  return ip + DESTINATION;
}

/** Fragment offset in bytes. */
export function ipv6FragmentOffset(fragment: usize): u32 {
  return bswap<u16>(load<u16>(fragment, FRAGMENT_OFFSET)) & FRAGMENT_OFFSET_MASK;
}

export function ipv6HasMoreFragments(fragment: usize): bool {
  return (bswap<u16>(load<u16>(fragment, FRAGMENT_OFFSET)) & FRAGMENT_MORE) != 0;
}

/** What a fragment header says comes next: in the first fragment that may be another extension header. */
export function ipv6FragmentProtocol(fragment: usize): u32 {
  return load<u8>(fragment);
}

/** Identification of the datagram, as it lies in memory. */
export function ipv6FragmentId(fragment: usize): u32 {
  return load<u32>(fragment, FRAGMENT_ID);
}

/** Fills in the first six bytes of a header. */
export function setIpv6ClassLabelAndLength(ip: usize, trafficClass: u32, flowLabel: u32, payloadLength: u32): void {
  store<u32>(ip, bswap<u32>((VERSION << 28) | (trafficClass << 20) | flowLabel));
  store<u16>(ip, bswap<u16>(<u16>payloadLength), PAYLOAD_LENGTH);
}

/** Writes the bytes behind the fixed header. */
export function setIpv6PayloadLength(ip: usize, payloadLength: u32): void {
  store<u16>(ip, bswap<u16>(<u16>payloadLength), PAYLOAD_LENGTH);
}

/** Sends a packet back where it came from: addresses exchanged, which no checksum notices, and a new hop limit. */
export function turnIpv6Around(ip: usize, hopLimit: u32): void {
  const source = v128.load(ip, SOURCE);
  v128.store(ip, v128.load(ip, DESTINATION), SOURCE);
  v128.store(ip, source, DESTINATION);
  store<u8>(ip, <u8>hopLimit, HOP_LIMIT);
}

/** Writes the ECN field, the low two bits of the traffic class. */
export function setIpv6Ecn(ip: usize, ecn: u32): void {
  store<u8>(ip, <u8>((<u32>load<u8>(ip, 1) & ~ECN_MASK) | (ecn << 4)), 1);
}

/** Whether no router takes a packet to an address: multicast, link-local (fe80::/10), loopback. */
export function ipv6IsLocalScope(address: usize): bool {
  const first: u32 = load<u8>(address);
  if (first == 0xff) return true;
  if (first == 0xfe && (load<u8>(address, 1) & 0xc0) == 0x80) return true;
  return load<u64>(address) == 0 && load<u64>(address, 8) == LOOPBACK_HIGH;
}

/**
 * Writes the header of a packet of our own, flow label 0.
 *
 * @param source where the 16 bytes of its source address lie
 * @param destination likewise
 */
export function writeIpv6Header(
  ip: usize,
  payloadLength: u32,
  trafficClass: u32,
  hopLimit: u32,
  nextHeader: u32,
  source: usize,
  destination: usize,
): void {
  store<u32>(ip, bswap<u32>((VERSION << 28) | (trafficClass << 20)));
  store<u16>(ip, bswap<u16>(<u16>payloadLength), PAYLOAD_LENGTH);
  store<u8>(ip, <u8>nextHeader, NEXT_HEADER);
  store<u8>(ip, <u8>hopLimit, HOP_LIMIT);
  setIpv6Addresses(ip, source, destination);
}

/** Writes the two addresses, whose 16 bytes each lie at `source` and `destination`, and nothing else. */
export function setIpv6Addresses(ip: usize, source: usize, destination: usize): void {
  v128.store(ip, v128.load(source), SOURCE);
  v128.store(ip, v128.load(destination), DESTINATION);
}
