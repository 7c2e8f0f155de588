/**
 * Encapsulation but VXLAN over IPv4 (encapsulate.ts): IPv6 outside, NVGRE (RFC 7637).
 *
 *   | outer Ethernet 14 (+ tags) | IPv4 20 or IPv6 40 | UDP 8, VXLAN 8 or GRE 8 | inner Ethernet 14 | IP packet, untouched |
 *
 * As there, a template of the backend is copied in front of the packet, and what belongs to the packet is filled in.
 */
import {
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  KIND_NVGRE_4,
  KIND_VXLAN_6,
  LINK_BARE,
  PARSED_FAMILY,
  PARSED_HASH,
  PARSED_IP,
  PARSED_IP_LENGTH,
} from '../abi';
import { flowLabelOf, nvgreFlowId, vxlanSourcePortNet } from '../flow-hash';
import { backendHeaderSum } from '../table/backend';
import { destinationMac, ETHERNET_BYTES, setEtherTypeBefore } from '../wire/ethernet';
import { GRE_FLOW_ID } from '../wire/gre';
import { IPV4_BYTES_MIN, ipv4Tos, setIpv4TosAndLength } from '../wire/ipv4';
import { IPV6_BYTES, ipv6TrafficClass, setIpv6ClassLabelAndLength } from '../wire/ipv6';
import { SOURCE_PORT } from '../wire/ports';
import { setUdpLength } from '../wire/udp';
import { outgoingTag, writeOutgoingEthernet } from './frame';

/** Puts a backend's headers of `overhead` bytes, from the outer IP header on, in front of a parsed packet. */
export function encapsulateOther(descriptor: usize, parsed: usize, backend: usize, kind: u32, overhead: u32): void {
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const outerIp = ip - overhead;
  const outerLength = load<u32>(parsed, PARSED_IP_LENGTH) + overhead;
  let frame = outerIp;
  if (load<u8>(descriptor, DESCRIPTOR_LINK) == LINK_BARE) {
    // Nothing may be written in front of the outer IP header: the frame begins there.
    copyOverlapping(outerIp, backend + ETHERNET_BYTES, overhead);
  } else {
    frame = outerIp - ETHERNET_BYTES;
    copyOverlapping(frame, backend, overhead + ETHERNET_BYTES);
    if (outgoingTag(parsed) != 0) frame = writeOutgoingEthernet(parsed, outerIp, destinationMac(backend));
  }
  setEtherTypeBefore(ip);
  fillIn(outerIp, parsed, ip, backend, kind, outerLength);
  store<u32>(descriptor, <u32>frame, DESCRIPTOR_OFFSET);
  store<u32>(descriptor, <u32>(outerIp - frame) + outerLength, DESCRIPTOR_LENGTH);
}

/** What belongs to the packet and not to the backend. */
function fillIn(outerIp: usize, parsed: usize, ip: usize, backend: usize, kind: u32, outerLength: u32): void {
  const hash = load<u64>(parsed, PARSED_HASH);
  // RFC 6040 section 4.1, normal mode: the outer header gets the inner DSCP and ECN field as it is.
  const tos = load<u8>(parsed, PARSED_FAMILY) == 6 ? ipv6TrafficClass(ip) : ipv4Tos(ip);
  let ipBytes = IPV4_BYTES_MIN;
  if ((kind & KIND_VXLAN_6) != 0) {
    ipBytes = IPV6_BYTES;
    setIpv6ClassLabelAndLength(outerIp, tos, flowLabelOf(hash), outerLength - IPV6_BYTES);
  } else {
    setIpv4TosAndLength(outerIp, tos, outerLength, backendHeaderSum(backend));
  }
  const tunnel = outerIp + ipBytes;
  if ((kind & KIND_NVGRE_4) != 0) {
    store<u8>(tunnel, <u8>nvgreFlowId(hash), GRE_FLOW_ID);
  } else {
    // RFC 6935: a tunnel over IPv6 may go without a UDP checksum too.
    store<u16>(tunnel, vxlanSourcePortNet(hash), SOURCE_PORT);
    setUdpLength(tunnel, outerLength - ipBytes);
  }
}

/** Copies 16 bytes or more, 16 at a time, the last of them once more where they do not come out even. */
function copyOverlapping(to: usize, from: usize, bytes: u32): void {
  const last = bytes - 16;
  for (let at: u32 = 0; at < last; at += 16) v128.store(to + at, v128.load(from + at));
  v128.store(to + last, v128.load(from + last));
}
