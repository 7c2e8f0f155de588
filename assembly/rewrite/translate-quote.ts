/**
 * An ICMP error through the translation, RFC 5508 section 4.2: the packet it quotes went through the other way, and has
 * to look as it did on the side the error goes to.
 *
 *   to the VM     | IP: client or router → DIP | ICMP | IP: DIP → client | DIP port, client port …
 *   from the VM   | IP: VIP → client           | ICMP | IP: client → VIP | client port, VIP port …
 *
 * The quoted packet is the one readQuote has read (wire/quote.ts).
 */
import { changeOf16, checksumChanged } from '../wire/checksum';
import { ICMP_CHECKSUM, ICMP_IDENTIFIER, PROTOCOL_ICMP, writeIcmpChecksum } from '../wire/icmp';
import { writeIcmpv6Checksum } from '../wire/icmpv6';
import { ipVersion } from '../wire/ipv4';
import { checksumField, DESTINATION_PORT, isTcpOrUdp, SOURCE_PORT } from '../wire/ports';
import { quoteIp, quoteIsEcho, quoteIsLater, quoteL4, quoteL4Bytes, quoteProtocol } from '../wire/quote';
import { PROTOCOL_UDP } from '../wire/udp';
import { replaceDestination, replaceSource } from './translate';

const CHECKSUM_BYTES: u32 = 2;

/**
 * An error for a VM: its destination and the quoted source become the VM's.
 *
 * @param address an IPv4 address in network order, or the word of an IPv6 address
 * @param portNet the VM's port, or the identifier of its ping; unused where the quoted packet has neither
 */
export function translateErrorToVm(ip: usize, icmp: usize, messageBytes: u32, address: u32, portNet: u32): void {
  const family = ipVersion(ip);
  replaceDestination(ip, family, address);
  translateQuotedPort(SOURCE_PORT, portNet, replaceSource(quoteIp(), family, address));
  writeChecksum(ip, icmp, messageBytes);
}

/** An error of a VM: its source and the quoted destination become the VIP's; `address` and `portNet` are as above. */
export function translateErrorFromVm(ip: usize, icmp: usize, messageBytes: u32, address: u32, portNet: u32): void {
  const family = ipVersion(ip);
  replaceSource(ip, family, address);
  translateQuotedPort(DESTINATION_PORT, portNet, replaceDestination(quoteIp(), family, address));
  writeChecksum(ip, icmp, messageBytes);
}

function translateQuotedPort(field: usize, portNet: u32, addressChange: u32): void {
  if (quoteIsLater()) return;
  const protocol = quoteProtocol();
  if (isTcpOrUdp(protocol)) {
    mendQuotedChecksum(checksumField(protocol), addressChange + replacePort(quoteL4() + field, portNet));
  } else if (quoteIsEcho()) {
    // The checksum of ICMP has no pseudo header, that of ICMPv6 has.
    const covered = protocol == PROTOCOL_ICMP ? 0 : addressChange;
    mendQuotedChecksum(ICMP_CHECKSUM, covered + replacePort(quoteL4() + ICMP_IDENTIFIER, portNet));
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

function replacePort(field: usize, portNet: u32): u32 {
  const before: u32 = load<u16>(field);
  store<u16>(field, <u16>portNet);
  // RFC 1624 section 5: an update that changes nothing must not turn one form of zero into the other.
  return before == portNet ? 0 : changeOf16(before, portNet);
}

function writeChecksum(ip: usize, icmp: usize, messageBytes: u32): void {
  if (ipVersion(ip) == 6) writeIcmpv6Checksum(ip, icmp, messageBytes);
  else writeIcmpChecksum(icmp, messageBytes);
}
