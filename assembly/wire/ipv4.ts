/**
 * IPv4 header, RFC 791 section 3.1.
 *
 *   0              1     2              4    6                8     9          10         12       16            20
 *   | version, IHL | TOS | total length | id | flags, offset  | TTL | protocol | checksum | source | destination | options
 */
import {
  REASON_FRAGMENT,
  REASON_IPV4_CHECKSUM,
  REASON_IPV4_HEADER_LENGTH,
  REASON_IPV4_TOTAL_LENGTH,
  REASON_IPV4_TRUNCATED,
  REASON_IPV4_VERSION,
  REASON_NONE,
  REASON_SOURCE,
  REASON_TTL,
} from '../abi';
import { changeOf16, changeOf32, checksumChanged, checksumOf, fold64, isSumOfWhole } from './checksum';

export const IPV4_BYTES_MIN: u32 = 20;
export const IPV4_LENGTH_MAX: u32 = 0xffff;

const VERSION_4_IHL_5: u32 = 0x45;

const TOS = 1;
const TOTAL_LENGTH = 2;
const ID = 4;
const FLAGS_OFFSET = 6;
/** Time to live, and the protocol behind it in one word. */
const TTL = 8;
const PROTOCOL = 9;
const CHECKSUM = 10;
const SOURCE = 12;
const DESTINATION = 16;

const LOOPBACK_NETWORK: u32 = 127;
const FIRST_MULTICAST_NETWORK: u32 = 224;
const MULTICAST_NETWORKS: u32 = 16;
/** 169.254 */
const LINK_LOCAL_NETWORK_NET: u32 = 0xfea9;

/** The ECN field in the first word of a header. */
const ECN_MASK_NET: u32 = 0x0300;
/** MF and the 13 bits of the fragment offset, 0x3fff on the wire. */
const FRAGMENT_MASK_NET: u32 = 0xff3f;
const DONT_FRAGMENT_NET: u32 = 0x0040;
const MORE_FRAGMENTS_NET: u32 = 0x0020;
/** The fragment offset alone, 0x1fff on the wire. */
const FRAGMENT_OFFSET_MASK_NET: u32 = 0xff1f;

export function ipVersion(ip: usize): u32 {
  return load<u8>(ip) >> 4;
}

export function ipv4HeaderBytes(ip: usize): u32 {
  return (<u32>load<u8>(ip) & 15) << 2;
}

export function ipv4Tos(ip: usize): u32 {
  return load<u8>(ip, TOS);
}

export function ipv4TotalLength(ip: usize): u32 {
  return bswap<u16>(load<u16>(ip, TOTAL_LENGTH));
}

/** Identification of the datagram, as it lies in memory. */
export function ipv4Id(ip: usize): u32 {
  return load<u16>(ip, ID);
}

export function ipv4Protocol(ip: usize): u32 {
  return load<u8>(ip, PROTOCOL);
}

export function ipv4Source(ip: usize): u32 {
  return load<u32>(ip, SOURCE);
}

export function ipv4Destination(ip: usize): u32 {
  return load<u32>(ip, DESTINATION);
}

/** Where the source address lies, and behind it the destination. */
export function ipv4SourceAt(ip: usize): usize {
  return ip + SOURCE;
}

/** Source and destination side by side, as the flow hash takes them. */
export function ipv4Addresses(ip: usize): u64 {
  return load<u64>(ip, SOURCE);
}

export function ipv4IsFragment(ip: usize): bool {
  return (load<u16>(ip, FLAGS_OFFSET) & FRAGMENT_MASK_NET) != 0;
}

/** Fragment offset in bytes. */
export function ipv4FragmentOffset(ip: usize): u32 {
  return (<u32>bswap<u16>(load<u16>(ip, FLAGS_OFFSET)) & 0x1fff) << 3;
}

export function ipv4HasMoreFragments(ip: usize): bool {
  return (load<u16>(ip, FLAGS_OFFSET) & MORE_FRAGMENTS_NET) != 0;
}

export function ipv4MayFragment(ip: usize): bool {
  return (load<u16>(ip, FLAGS_OFFSET) & DONT_FRAGMENT_NET) == 0;
}

/** Allows routers to fragment the packet. */
export function clearIpv4DontFragment(ip: usize): void {
  const before: u32 = load<u16>(ip, FLAGS_OFFSET);
  const after = before & ~DONT_FRAGMENT_NET;
  if (before == after) return;
  store<u16>(ip, <u16>after, FLAGS_OFFSET);
  store<u16>(ip, checksumChanged(load<u16>(ip, CHECKSUM), changeOf16(before, after)), CHECKSUM);
}

export function ipv4IsLaterFragment(ip: usize): bool {
  return (load<u16>(ip, FLAGS_OFFSET) & FRAGMENT_OFFSET_MASK_NET) != 0;
}

/** Whether the fixed part of a header is there, so that the addresses may be read. */
export function checkIpv4Start(ip: usize, available: u32): u32 {
  if (available < IPV4_BYTES_MIN) return REASON_IPV4_TRUNCATED;
  if (ipVersion(ip) != 4) return REASON_IPV4_VERSION;
  return REASON_NONE;
}

/** Whether the header agrees with itself and with the bytes that are there; checkIpv4Start comes first. @inline */
export function checkIpv4Header(ip: usize, available: u32): u32 {
  const headerBytes = ipv4HeaderBytes(ip);
  if (headerBytes < IPV4_BYTES_MIN) return REASON_IPV4_HEADER_LENGTH;
  if (headerBytes > available) return REASON_IPV4_TRUNCATED;
  const totalLength = ipv4TotalLength(ip);
  if (totalLength < headerBytes) return REASON_IPV4_TOTAL_LENGTH;
  if (totalLength > available) return REASON_IPV4_TRUNCATED;
  // RFC 1812 section 5.2.2: a router verifies the header checksum of what it forwards.
  if (ipv4HeaderSum(ip, headerBytes) != 0xffff) return REASON_IPV4_CHECKSUM;
  return REASON_NONE;
}

/** Whether a packet has a sound header without options, is there to its end, and is no fragment. @inline */
export function ipv4IsPlain(ip: usize, available: u32): bool {
  if (available < IPV4_BYTES_MIN || load<u8>(ip) != VERSION_4_IHL_5) return false;
  const totalLength = ipv4TotalLength(ip);
  if (totalLength < IPV4_BYTES_MIN || totalLength > available || ipv4IsFragment(ip)) return false;
  return isSumOfWhole(ipv4FixedSum(ip));
}

/** Whether a router would let it pass: a hop left, from an address that a host may have, to another one. @inline */
export function checkIpv4Origin(ip: usize): u32 {
  if (load<u8>(ip, TTL) == 0) return REASON_TTL;
  // "This network", loopback, and from 224 on multicast, reserved and broadcast (RFC 1122 section 3.2.1.3).
  const network: u32 = load<u8>(ip, SOURCE);
  if (network - 1 >= FIRST_MULTICAST_NETWORK - 1 || network == LOOPBACK_NETWORK) return REASON_SOURCE;
  return ipv4Source(ip) == ipv4Destination(ip) ? REASON_SOURCE : REASON_NONE;
}

/** The sum of the words of a header without options, not folded. @inline */
function ipv4FixedSum(ip: usize): u64 {
  let sum: u64 = load<u32>(ip);
  sum += load<u32>(ip, 4);
  sum += load<u32>(ip, 8);
  sum += load<u32>(ip, 12);
  sum += load<u32>(ip, 16);
  return sum;
}

/** The one's complement sum of a header: the five words all have, and then the options few have. */
function ipv4HeaderSum(ip: usize, headerBytes: u32): u32 {
  let sum: u64 = load<u32>(ip);
  sum += load<u32>(ip, 4);
  sum += load<u32>(ip, 8);
  sum += load<u32>(ip, 12);
  sum += load<u32>(ip, 16);
  const end = ip + headerBytes;
  for (let at = ip + IPV4_BYTES_MIN; at < end; at += 4) sum += load<u32>(at);
  return fold64(sum);
}

export function checkIpv4Whole(ip: usize): u32 {
  return ipv4IsFragment(ip) ? REASON_FRAGMENT : REASON_NONE;
}

/** Fills in a header whose TOS, total length and checksum are zero; `headerSum` is the sum of the rest of it. @inline */
export function setIpv4TosAndLength(ip: usize, tos: u32, totalLength: u32, headerSum: u32): void {
  const lengthNet: u32 = bswap<u16>(<u16>totalLength);
  store<u8>(ip, <u8>tos, TOS);
  store<u16>(ip, <u16>lengthNet, TOTAL_LENGTH);
  store<u16>(ip, checksumOf(headerSum + (tos << 8) + lengthNet), CHECKSUM);
}

/**
 * Writes the address and mends the header; returns the change to a checksum that covers it too, 0 when it was that.
 *
 * @inline
 */
export function setIpv4Source(ip: usize, address: u32): u32 {
  return setAddress(ip, ip + SOURCE, address);
}

/** The same for the destination. @inline */
export function setIpv4Destination(ip: usize, address: u32): u32 {
  return setAddress(ip, ip + DESTINATION, address);
}

/** Sends a packet back where it came from: addresses exchanged, which no checksum notices, and a new time to live. */
export function turnIpv4Around(ip: usize, ttl: u32): void {
  const source = ipv4Source(ip);
  store<u32>(ip, ipv4Destination(ip), SOURCE);
  store<u32>(ip, source, DESTINATION);
  const before: u32 = load<u16>(ip, TTL);
  const after = (before & 0xff00) | ttl;
  if (before == after) return;
  store<u16>(ip, <u16>after, TTL);
  store<u16>(ip, checksumChanged(load<u16>(ip, CHECKSUM), changeOf16(before, after)), CHECKSUM);
}

/** Writes the two addresses and nothing else. */
export function setIpv4Addresses(ip: usize, source: u32, destination: u32): void {
  store<u32>(ip, source, SOURCE);
  store<u32>(ip, destination, DESTINATION);
}

/** Writes the header of a packet of our own: no options, may be fragmented, identification 0. */
export function writeIpv4Header(
  ip: usize,
  totalLength: u32,
  tos: u32,
  ttl: u32,
  protocol: u32,
  source: u32,
  destination: u32,
): void {
  store<u32>(ip, VERSION_4_IHL_5 | (tos << 8) | ((<u32>bswap<u16>(<u16>totalLength)) << 16));
  store<u32>(ip, 0, ID);
  store<u32>(ip, ttl | (protocol << 8), TTL);
  setIpv4Addresses(ip, source, destination);
  store<u16>(ip, checksumOf(ipv4HeaderSum(ip, IPV4_BYTES_MIN)), CHECKSUM);
}

/** Gives a header, of right length, another identification and total length, and computes its checksum. */
export function setIpv4IdAndLength(ip: usize, id: u32, totalLength: u32): void {
  store<u16>(ip, bswap<u16>(<u16>totalLength), TOTAL_LENGTH);
  store<u16>(ip, bswap<u16>(<u16>id), ID);
  store<u16>(ip, 0, CHECKSUM);
  store<u16>(ip, checksumOf(ipv4HeaderSum(ip, ipv4HeaderBytes(ip))), CHECKSUM);
}

/** Forbids routers to fragment a packet whose header is right. */
export function setIpv4DontFragment(ip: usize): void {
  const before: u32 = load<u16>(ip, FLAGS_OFFSET);
  const after = before | DONT_FRAGMENT_NET;
  if (before == after) return;
  store<u16>(ip, <u16>after, FLAGS_OFFSET);
  store<u16>(ip, checksumChanged(load<u16>(ip, CHECKSUM), changeOf16(before, after)), CHECKSUM);
}

/** @inline */
function setAddress(ip: usize, field: usize, address: u32): u32 {
  const before = load<u32>(field);
  if (before == address) return 0;
  const change = changeOf32(before, address);
  store<u32>(field, address);
  store<u16>(ip, checksumChanged(load<u16>(ip, CHECKSUM), change), CHECKSUM);
  return change;
}

/** Writes the ECN field, the low two bits of the TOS. */
export function setIpv4Ecn(ip: usize, ecn: u32): void {
  const before: u32 = load<u16>(ip);
  const after = (before & ~ECN_MASK_NET) | (ecn << 8);
  if (before == after) return;
  store<u16>(ip, <u16>after);
  store<u16>(ip, checksumChanged(load<u16>(ip, CHECKSUM), changeOf16(before, after)), CHECKSUM);
}

/**
 * Whether no router takes a packet to an address: multicast, limited broadcast, link-local (RFC 3927), loopback.
 *
 * @param address as it lies in memory
 */
export function ipv4IsLocalScope(address: u32): bool {
  const first = address & 0xff;
  if (first == LOOPBACK_NETWORK || address == 0xffffffff) return true;
  return first - FIRST_MULTICAST_NETWORK < MULTICAST_NETWORKS || (address & 0xffff) == LINK_LOCAL_NETWORK_NET;
}
