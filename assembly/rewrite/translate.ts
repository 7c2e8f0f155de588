/**
 * Network address translation of one end of a TCP or UDP packet, checksums kept true by RFC 1624.
 *
 * The checksum of TCP and UDP covers the addresses too (the pseudo header), so one change has two checksums to mend.
 */
import { changeOf16, changeOf32, checksumChanged } from '../wire/checksum';
import { ipv4Destination, ipv4Source, setIpv4Destination, setIpv4Source } from '../wire/ipv4';
import { checksumField, DESTINATION_PORT, destinationPort, SOURCE_PORT, sourcePort } from '../wire/ports';
import { PROTOCOL_UDP } from '../wire/udp';

export function translateDestination(ip: usize, l4: usize, protocol: u32, address: u32, portNet: u32): void {
  mendChecksum(l4, protocol, ipv4Destination(ip), address, destinationPort(l4), portNet);
  setIpv4Destination(ip, address);
  store<u16>(l4, <u16>portNet, DESTINATION_PORT);
}

export function translateSource(ip: usize, l4: usize, protocol: u32, address: u32, portNet: u32): void {
  mendChecksum(l4, protocol, ipv4Source(ip), address, sourcePort(l4), portNet);
  setIpv4Source(ip, address);
  store<u16>(l4, <u16>portNet, SOURCE_PORT);
}

function mendChecksum(l4: usize, protocol: u32, addressBefore: u32, address: u32, portBefore: u32, port: u32): void {
  // RFC 1624 section 5: an update that changes nothing must not turn one form of zero into the other.
  if (addressBefore == address && portBefore == port) return;
  const field = l4 + checksumField(protocol);
  const before: u32 = load<u16>(field);
  const isUdp = protocol == PROTOCOL_UDP;
  // RFC 768: a UDP checksum of zero means there is none, and a computed zero is sent as all ones.
  if (isUdp && before == 0) return;
  const after = checksumChanged(before, changeOf32(addressBefore, address) + changeOf16(portBefore, port));
  store<u16>(field, isUdp && after == 0 ? 0xffff : after);
}
