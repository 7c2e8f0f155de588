/**
 * The packet an ICMP error is about, of which the error holds the beginning: its IP header, and at least the ports behind
 * it (RFC 792; RFC 4443 section 3 quotes as much as fits). IPv4 and IPv6.
 *
 *   | ICMP 8 | IP header, extension headers | ports … |
 *            ^ IP                           ^ L4      ^ end
 *
 * readQuote leaves what it found in one record at a constant address, as an error is about one packet and the quote is
 * asked about at once; drawn in abi.ts. All of it is as the quoting router saw the packet: source and destination are the
 * quoted packet's.
 */
import {
  FIXED_STATE,
  QUOTE_DESTINATION_PORT,
  QUOTE_END,
  QUOTE_FAMILY,
  QUOTE_IP,
  QUOTE_IS_LATER,
  QUOTE_L4,
  QUOTE_PROTOCOL,
  QUOTE_SOURCE_PORT,
  REASON_ICMP_QUOTE,
  REASON_NONE,
  STATE_QUOTE,
} from '../abi';
import { ICMP_BYTES, ICMP_ECHO_REQUEST, icmpIdentifier, icmpKind, PROTOCOL_ICMP } from './icmp';
import { icmpv6Kind, PROTOCOL_ICMPV6 } from './icmpv6';
import {
  IPV4_BYTES_MIN,
  ipVersion,
  ipv4Destination,
  ipv4HeaderBytes,
  ipv4IsLaterFragment,
  ipv4Protocol,
  ipv4Source,
} from './ipv4';
import {
  IPV6_BYTES,
  ipv6Destination,
  ipv6FragmentOffset,
  ipv6Source,
  walkedFragment,
  walkedL4,
  walkedProtocol,
  walkIpv6,
} from './ipv6';
import { isTcpOrUdp, portPair } from './ports';

const QUOTE: usize = FIXED_STATE + STATE_QUOTE;
const PORT_PAIR_BYTES: u32 = 4;

/**
 * Reads the `bytes` that an ICMP error (family 4) or ICMPv6 error (6) quotes behind its own header. Total length and
 * checksum of the quoted header are not judged: routers change what they quote.
 *
 * Walks extension headers: walkedProtocol and what belongs to it are the quoted packet's afterwards.
 *
 * @returns REASON_NONE, or REASON_ICMP_QUOTE for a quote of another family, a malformed one, one cut off before its
 * ports, and one of an ICMP message that is no echo request
 */
export function readQuote(quote: usize, bytes: u32, family: u32): u32 {
  store<u32>(QUOTE, <u32>quote, QUOTE_IP);
  store<u32>(QUOTE, <u32>quote + bytes, QUOTE_END);
  store<u32>(QUOTE, 0, QUOTE_SOURCE_PORT);
  store<u8>(QUOTE, <u8>family, QUOTE_FAMILY);
  const isHeader = family == 6 ? readIpv6(quote, bytes) : readIpv4(quote, bytes);
  return isHeader && readPorts() ? REASON_NONE : REASON_ICMP_QUOTE;
}

/** Leaves a record that says that no quote has been read: its family is 0. */
export function forgetQuote(): void {
  store<u8>(QUOTE, 0, QUOTE_FAMILY);
}

/** Where the quoted IP header begins. */
export function quoteIp(): usize {
  return load<u32>(QUOTE, QUOTE_IP);
}

/** Where the header behind the IP header and its extensions begins, or would begin: quoteL4Bytes are there. */
export function quoteL4(): usize {
  return load<u32>(QUOTE, QUOTE_L4);
}

/** Bytes of the quote from quoteL4 on. */
export function quoteL4Bytes(): u32 {
  return load<u32>(QUOTE, QUOTE_END) - load<u32>(QUOTE, QUOTE_L4);
}

export function quoteProtocol(): u32 {
  return load<u8>(QUOTE, QUOTE_PROTOCOL);
}

/** Whether the quoted packet is a fragment that is not the first: its ports are unknown, and 0 here. */
export function quoteIsLater(): bool {
  return load<u8>(QUOTE, QUOTE_IS_LATER) != 0;
}

/** Whether the quoted packet is an echo request: its identifier then is the source port, and the other one is 0. */
export function quoteIsEcho(): bool {
  return quoteProtocol() == (load<u8>(QUOTE, QUOTE_FAMILY) == 6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP);
}

/** In network order; 0 where the protocol has none. */
export function quoteSourcePort(): u32 {
  return load<u16>(QUOTE, QUOTE_SOURCE_PORT);
}

/** In network order; 0 where the protocol has none. */
export function quoteDestinationPort(): u32 {
  return load<u16>(QUOTE, QUOTE_DESTINATION_PORT);
}

/** Both ports turned around, as the answer to the quoted packet has them in one word: its source port low. */
export function quoteReversePorts(): u32 {
  return rotl<u32>(load<u32>(QUOTE, QUOTE_SOURCE_PORT), 16);
}

/** Whether the quoted packet came from the address the error at `ip` is for: only that one may be told. */
export function quoteIsOfDestination(ip: usize): bool {
  const quoted = quoteIp();
  if (load<u8>(QUOTE, QUOTE_FAMILY) != 6) return ipv4Source(quoted) == ipv4Destination(ip);
  return isSameAddress(ipv6Source(quoted), ipv6Destination(ip));
}

/** Whether the quoted packet was for the address the error at `ip` comes from: the host itself complains, no router. */
export function quoteIsToSource(ip: usize): bool {
  const quoted = quoteIp();
  if (load<u8>(QUOTE, QUOTE_FAMILY) != 6) return ipv4Destination(quoted) == ipv4Source(ip);
  return isSameAddress(ipv6Destination(quoted), ipv6Source(ip));
}

function isSameAddress(one: usize, other: usize): bool {
  return load<u64>(one) == load<u64>(other) && load<u64>(one, 8) == load<u64>(other, 8);
}

function readIpv4(quote: usize, bytes: u32): bool {
  if (bytes < IPV4_BYTES_MIN || ipVersion(quote) != 4) return false;
  const headerBytes = ipv4HeaderBytes(quote);
  if (headerBytes < IPV4_BYTES_MIN || headerBytes > bytes) return false;
  writeUpper(quote + headerBytes, ipv4Protocol(quote), ipv4IsLaterFragment(quote));
  return true;
}

function readIpv6(quote: usize, bytes: u32): bool {
  if (bytes < IPV6_BYTES || ipVersion(quote) != 6) return false;
  if (walkIpv6(quote, bytes) != REASON_NONE) return false;
  writeUpper(walkedL4, walkedProtocol, walkedFragment != 0 && ipv6FragmentOffset(walkedFragment) != 0);
  return true;
}

function writeUpper(l4: usize, protocol: u32, isLater: bool): void {
  store<u32>(QUOTE, <u32>l4, QUOTE_L4);
  store<u8>(QUOTE, <u8>protocol, QUOTE_PROTOCOL);
  store<u8>(QUOTE, isLater ? 1 : 0, QUOTE_IS_LATER);
}

/** Ports, or the identifier of an echo request, or nothing for a protocol without; false when they should be there. */
function readPorts(): bool {
  // Of ICMP, only a ping is part of a connection, and only its first fragment says which.
  if (quoteIsEcho()) return !quoteIsLater() && readIdentifier();
  if (quoteIsLater() || !isTcpOrUdp(quoteProtocol())) return true;
  if (quoteL4Bytes() < PORT_PAIR_BYTES) return false;
  store<u32>(QUOTE, portPair(quoteL4()), QUOTE_SOURCE_PORT);
  return true;
}

function readIdentifier(): bool {
  if (quoteL4Bytes() < ICMP_BYTES) return false;
  const icmp = quoteL4();
  const kind = quoteProtocol() == PROTOCOL_ICMPV6 ? icmpv6Kind(icmp) : icmpKind(icmp);
  if (kind != ICMP_ECHO_REQUEST) return false;
  store<u16>(QUOTE, <u16>icmpIdentifier(icmp), QUOTE_SOURCE_PORT);
  return true;
}
