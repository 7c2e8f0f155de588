/**
 * An ICMP error through the translation, RFC 5508 section 4.2: the packet it quotes went through the other way, and has
 * to look as it did on the side the error goes to.
 *
 *   to the VM     | IP: client or router → DIP | ICMP | IP: DIP → client | DIP port, client port …
 *   from the VM   | IP: VIP → client           | ICMP | IP: client → VIP | client port, VIP port …
 *
 * The quoted packet is the one readQuote has read (wire/quote.ts).
 */
import { changeOf16, changeOf32, checksumChanged } from '../wire/checksum';
import { ICMP_CHECKSUM, ICMP_IDENTIFIER, PROTOCOL_ICMP, writeIcmpChecksum } from '../wire/icmp';
import { writeIcmpv6Checksum } from '../wire/icmpv6';
import { ipDestinationAt, ipSourceAt } from '../wire/ip';
import { IPV4_CHECKSUM, ipVersion } from '../wire/ipv4';
import { checksumField, DESTINATION_PORT, isTcpOrUdp, SOURCE_PORT } from '../wire/ports';
import { quoteIp, quoteIsEcho, quoteIsLater, quoteL4, quoteL4Bytes, quoteProtocol } from '../wire/quote';
import { PROTOCOL_UDP } from '../wire/udp';
import { writeIpv6Address } from './translate';

const CHECKSUM_BYTES: u32 = 2;

/**
 * An error for a VM: its destination and the quoted source become the VM's.
 *
 * @param address an IPv4 address in network order, or the word of an IPv6 address
 * @param portNet the VM's port, or the identifier of its ping; unused where the quoted packet has neither
 */
export function translateErrorToVm(ip: usize, icmp: usize, messageBytes: u32, address: u32, portNet: u32): void {
  replaceAddress(ip, ipDestinationAt(ip), address);
  translateQuote(ipSourceAt(quoteIp()), address, SOURCE_PORT, portNet);
  writeChecksum(ip, icmp, messageBytes);
}

/** An error of a VM: its source and the quoted destination become the VIP's; `address` and `portNet` are as above. */
export function translateErrorFromVm(ip: usize, icmp: usize, messageBytes: u32, address: u32, portNet: u32): void {
  replaceAddress(ip, ipSourceAt(ip), address);
  translateQuote(ipDestinationAt(quoteIp()), address, DESTINATION_PORT, portNet);
  writeChecksum(ip, icmp, messageBytes);
}

function translateQuote(addressField: usize, address: u32, portField: usize, portNet: u32): void {
  let change = replaceAddress(quoteIp(), addressField, address);
  if (quoteIsLater()) return;
  const protocol = quoteProtocol();
  if (isTcpOrUdp(protocol)) {
    mendQuotedChecksum(checksumField(protocol), change + replacePort(quoteL4() + portField, portNet));
  } else if (quoteIsEcho()) {
    // The checksum of ICMP has no pseudo header, that of ICMPv6 has.
    if (protocol == PROTOCOL_ICMP) change = 0;
    mendQuotedChecksum(ICMP_CHECKSUM, change + replacePort(quoteL4() + ICMP_IDENTIFIER, portNet));
  }
}

/** Mends the checksum behind the quoted IP header, where the quote reaches that far. */
function mendQuotedChecksum(offset: usize, change: u32): void {
  if (quoteL4Bytes() < <u32>offset + CHECKSUM_BYTES) return;
  const field = quoteL4() + offset;
  const before: u32 = load<u16>(field);
  const isUdp = quoteProtocol() == PROTOCOL_UDP;
  // RFC 768: a UDP checksum of zero means there is none, and a computed zero is sent as all ones.
  if (isUdp && before == 0) return;
  const after = checksumChanged(before, change);
  store<u16>(field, isUdp && after == 0 ? 0xffff : after);
}

/** Writes an address over another one of the header at `ip`, mends that header, and says how the sum of it changed. */
function replaceAddress(ip: usize, field: usize, address: u32): u32 {
  if (ipVersion(ip) == 6) return writeIpv6Address(field, address);
  const before = load<u32>(field);
  // RFC 1624 section 5: an update that changes nothing must not turn one form of zero into the other.
  if (before == address) return 0;
  const change = changeOf32(before, address);
  store<u32>(field, address);
  store<u16>(ip, checksumChanged(load<u16>(ip, IPV4_CHECKSUM), change), IPV4_CHECKSUM);
  return change;
}

function replacePort(field: usize, portNet: u32): u32 {
  const before: u32 = load<u16>(field);
  store<u16>(field, <u16>portNet);
  return before == portNet ? 0 : changeOf16(before, portNet);
}

function writeChecksum(ip: usize, icmp: usize, messageBytes: u32): void {
  if (ipVersion(ip) == 6) writeIcmpv6Checksum(ip, icmp, messageBytes);
  else writeIcmpChecksum(icmp, messageBytes);
}
