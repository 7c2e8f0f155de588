/**
 * Network address translation of one end of a packet, IPv4 or IPv6, checksums kept true by RFC 1624.
 *
 * The checksums of TCP, UDP and ICMPv6 cover the addresses too (the pseudo header), so one change has several checksums
 * to mend. Fragments behind the first have no transport header: there only the address is written.
 */
import {
  FRAGMENT_LATER,
  isIcmp,
  packetFamily,
  packetFragment,
  packetIp,
  packetL4,
  packetL4Bytes,
  packetProtocol,
} from '../host-packet';
import { addressValue } from '../table/address-value';
import { changeOf16, checksumChanged, sumWords } from '../wire/checksum';
import { ICMP_CHECKSUM, ICMP_IDENTIFIER, writeIcmpChecksum } from '../wire/icmp';
import { setIpv4Destination, setIpv4Source } from '../wire/ipv4';
import { IPV6_ADDRESS_BYTES, ipv6Destination, ipv6Source } from '../wire/ipv6';
import { checksumField, DESTINATION_PORT, isTcpOrUdp, SOURCE_PORT } from '../wire/ports';
import { PROTOCOL_UDP } from '../wire/udp';

/** A first fragment may be shorter than the header of its message. */
const CHECKSUM_END: u32 = ICMP_CHECKSUM + 2;

/**
 * Gives a packet another destination, of which all is here but what later fragments hold.
 *
 * @param address an IPv4 address in network order, or the word of an IPv6 address
 * @param portNet for TCP and UDP the port, for a ping its identifier; of no meaning for other protocols
 */
export function translateDestination(packet: usize, address: u32, portNet: u32): void {
  const change = replaceDestination(packetIp(packet), packetFamily(packet), address);
  const protocol = packetProtocol(packet);
  if (isTcpOrUdp(protocol)) translateSegment(packetL4(packet), protocol, DESTINATION_PORT, change, portNet);
  else translateMessage(packet, change, portNet);
}

/** The same for the source. */
export function translateSource(packet: usize, address: u32, portNet: u32): void {
  const change = replaceSource(packetIp(packet), packetFamily(packet), address);
  const protocol = packetProtocol(packet);
  if (isTcpOrUdp(protocol)) translateSegment(packetL4(packet), protocol, SOURCE_PORT, change, portNet);
  else translateMessage(packet, change, portNet);
}

/** Gives a packet or fragment another destination address, and leaves the port or identifier as it is. */
export function readdressDestination(packet: usize, address: u32): void {
  mendTransport(packet, replaceDestination(packetIp(packet), packetFamily(packet), address));
}

/** The same for the source. */
export function readdressSource(packet: usize, address: u32): void {
  mendTransport(packet, replaceSource(packetIp(packet), packetFamily(packet), address));
}

/**
 * Writes the destination address of a header and mends that header; returns the change to a checksum that covers it, 0
 * when nothing changed.
 *
 * @inline
 */
export function replaceDestination(ip: usize, family: u32, address: u32): u32 {
  return family == 4 ? setIpv4Destination(ip, address) : writeIpv6Address(ipv6Destination(ip), address);
}

/** The same for the source. @inline */
export function replaceSource(ip: usize, family: u32, address: u32): u32 {
  return family == 4 ? setIpv4Source(ip, address) : writeIpv6Address(ipv6Source(ip), address);
}

function writeIpv6Address(field: usize, word: u32): u32 {
  const address = addressValue(word);
  if (load<u64>(field) == load<u64>(address) && load<u64>(field, 8) == load<u64>(address, 8)) return 0;
  const change = changeOf16(sumWords(field, IPV6_ADDRESS_BYTES), sumWords(address, IPV6_ADDRESS_BYTES));
  v128.store(field, v128.load(address));
  return change;
}

/** Writes a port of TCP or UDP, and mends the checksum for it and for an address that has changed. @inline */
export function translateSegment(l4: usize, protocol: u32, field: usize, addressChange: u32, portNet: u32): void {
  let change = addressChange;
  const before: u32 = load<u16>(l4 + field);
  if (before != portNet) {
    store<u16>(l4 + field, <u16>portNet);
    change += changeOf16(before, portNet);
  }
  mendSegment(l4, protocol, change);
}

/** Writes the identifier of a ping; other messages and protocols have nothing like it. */
function translateMessage(packet: usize, addressChange: u32, identifierNet: u32): void {
  if (!isIcmp(packet)) return;
  const field = packetL4(packet) + ICMP_IDENTIFIER;
  const before: u32 = load<u16>(field);
  store<u16>(field, <u16>identifierNet);
  mendIcmp(packet, addressChange, before == identifierNet ? 0 : changeOf16(before, identifierNet));
}

/** Mends the checksum of the transport header for an address that has changed. */
function mendTransport(packet: usize, addressChange: u32): void {
  if (packetFragment(packet) == FRAGMENT_LATER) return;
  const protocol = packetProtocol(packet);
  if (isTcpOrUdp(protocol)) mendSegment(packetL4(packet), protocol, addressChange);
  else if (isIcmp(packet)) mendIcmp(packet, addressChange, 0);
}

/** @inline */
function mendSegment(l4: usize, protocol: u32, change: u32): void {
  // RFC 1624 section 5: an update that changes nothing must not turn one form of zero into the other.
  if (change == 0) return;
  const field = l4 + checksumField(protocol);
  const before: u32 = load<u16>(field);
  const isUdp = protocol == PROTOCOL_UDP;
  // RFC 768: a UDP checksum of zero means there is none, and a computed zero is sent as all ones. IPv6 allows none in
  // tunnels only (RFC 6935), and which datagram is one we cannot know.
  if (isUdp && before == 0) return;
  const after = checksumChanged(before, change);
  store<u16>(field, isUdp && after == 0 ? 0xffff : after);
}

/** ICMP has no pseudo header, ICMPv6 has. */
function mendIcmp(packet: usize, addressChange: u32, identifierChange: u32): void {
  const isIpv6 = packetFamily(packet) == 6;
  const change = isIpv6 ? addressChange + identifierChange : identifierChange;
  if (change == 0 || packetL4Bytes(packet) < CHECKSUM_END) return;
  const icmp = packetL4(packet);
  const after = checksumChanged(load<u16>(icmp, ICMP_CHECKSUM), change);
  store<u16>(icmp, after, ICMP_CHECKSUM);
  // An echo reply may be all zeros but for its checksum, and then an update gives the one form of zero that is wrong.
  if (after == 0 && !isIpv6) writeIcmpChecksum(icmp, packetL4Bytes(packet));
}
