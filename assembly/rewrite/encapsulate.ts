/**
 * VXLAN encapsulation over IPv4, RFC 7348 section 5, in the headroom in front of the packet.
 *
 *   | outer Ethernet 14 (+ tags) | IPv4 20 | UDP 8 | VXLAN 8 | inner Ethernet 14 | IP packet, untouched |
 *                                  ^14       ^34     ^42       ^50                 ^64
 *
 * The 64 bytes in front of the IP packet are a template of the backend, copied over whatever Ethernet header the
 * packet came with; five fields of it belong to the packet, and in front of an IPv6 packet the type; encapsulate-other.ts
 * has the other six combinations of inner family, outer family, and VXLAN or NVGRE.
 */
import {
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  KIND_NVGRE_4,
  KIND_VXLAN_4,
  KIND_VXLAN_6,
  LINK_BARE,
  PARSED_BACKEND,
  PARSED_FAMILY,
  PARSED_HASH,
  PARSED_IP,
  PARSED_IP_LENGTH,
  TEMPLATE_BARE_BYTES,
  TEMPLATE_BYTES,
} from '../abi';
import { vxlanSourcePortNet } from '../flow-hash';
import { backendAt, backendHeaderSum, backendKind } from '../table/backend';
import { destinationMac, ETHERNET_BYTES, setEtherTypeBefore } from '../wire/ethernet';
import { GRE_BYTES } from '../wire/gre';
import { clearIpv4DontFragment, IPV4_BYTES_MIN, IPV4_LENGTH_MAX, ipv4Tos, setIpv4TosAndLength } from '../wire/ipv4';
import { IPV6_BYTES, IPV6_PAYLOAD_LENGTH_MAX, ipv6TrafficClass } from '../wire/ipv6';
import { SOURCE_PORT } from '../wire/ports';
import { setUdpLength, UDP_BYTES } from '../wire/udp';
import { VXLAN_BYTES } from '../wire/vxlan';
import { encapsulateOther } from './encapsulate-other';
import { outgoingTag, writeOutgoingEthernet } from './frame';

const OUTER_IPV4 = 14;
const OUTER_UDP = 34;

/** Whether the outer IP header can say how long the packet will be; the backend has been chosen. */
export function outerHasRoom(parsed: usize): bool {
  const kind = chosenKind(parsed);
  const outerLength = load<u32>(parsed, PARSED_IP_LENGTH) + overheadBytes(kind);
  return isOuterIpv6(kind) ? outerLength - IPV6_BYTES <= IPV6_PAYLOAD_LENGTH_MAX : outerLength <= IPV4_LENGTH_MAX;
}

/** Lets routers fragment an encapsulated packet, as far as IPv4 does. */
export function allowOuterFragments(parsed: usize): void {
  const kind = chosenKind(parsed);
  if (!isOuterIpv6(kind)) clearIpv4DontFragment(load<u32>(parsed, PARSED_IP) - overheadBytes(kind));
}

/** KIND_… of the backend that was chosen. */
export function chosenKind(parsed: usize): u32 {
  return backendKind(backendAt(load<u32>(parsed, PARSED_BACKEND)));
}

function isOuterIpv6(kind: u32): bool {
  return (kind & KIND_VXLAN_6) != 0;
}

/** What a kind of encapsulation puts in front of an IP packet, from the outer IP header to the inner Ethernet header. */
export function overheadBytes(kind: u32): u32 {
  const ipBytes = isOuterIpv6(kind) ? IPV6_BYTES : IPV4_BYTES_MIN;
  return ipBytes + ((kind & KIND_NVGRE_4) != 0 ? GRE_BYTES : UDP_BYTES + VXLAN_BYTES) + ETHERNET_BYTES;
}

/**
 * Puts the backend's headers in front of a parsed packet and moves the descriptor to them; it is not too long.
 *
 * @inline
 */
export function encapsulate(descriptor: usize, parsed: usize, backend: usize): void {
  // Family 4, kind 0: no other pair gives 4, and one branch costs less than two.
  if ((load<u8>(parsed, PARSED_FAMILY) | backendKind(backend)) == (4 | KIND_VXLAN_4)) {
    putVxlanOverIpv4(descriptor, parsed, backend, ipv4Tos(load<u32>(parsed, PARSED_IP)));
  } else {
    encapsulateIpv6(descriptor, parsed, backend);
  }
}

/** IPv6 in VXLAN over IPv4, the other one of two that many packets are. @inline */
function encapsulateIpv6(descriptor: usize, parsed: usize, backend: usize): void {
  const kind = backendKind(backend);
  if (kind != KIND_VXLAN_4) {
    encapsulateOther(descriptor, parsed, backend, kind, overheadBytes(kind));
    return;
  }
  const ip: usize = load<u32>(parsed, PARSED_IP);
  putVxlanOverIpv4(descriptor, parsed, backend, ipv6TrafficClass(ip));
  setEtherTypeBefore(ip);
}

/** @inline */
function putVxlanOverIpv4(descriptor: usize, parsed: usize, backend: usize, tos: u32): void {
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const ipLength = load<u32>(parsed, PARSED_IP_LENGTH);
  const outerLength = ipLength + TEMPLATE_BARE_BYTES;
  const headers = ip - TEMPLATE_BYTES;
  const hash = load<u64>(parsed, PARSED_HASH);
  const isBare = load<u8>(descriptor, DESCRIPTOR_LINK) == LINK_BARE;

  let frame = headers;
  if (isBare) {
    // Nothing may be written in front of the outer IP header: the frame begins there.
    frame = headers + OUTER_IPV4;
    v128.store(headers, v128.load(backend, OUTER_IPV4), OUTER_IPV4);
    v128.store(headers, v128.load(backend, 30), 30);
    v128.store(headers, v128.load(backend, 46), 46);
    store<u16>(headers, load<u16>(backend, 62), 62);
  } else {
    v128.store(headers, v128.load(backend));
    v128.store(headers, v128.load(backend, 16), 16);
    v128.store(headers, v128.load(backend, 32), 32);
    v128.store(headers, v128.load(backend, 48), 48);
    if (outgoingTag(parsed) != 0) {
      frame = writeOutgoingEthernet(parsed, headers + OUTER_IPV4, destinationMac(backend));
    }
  }
  // RFC 6040 section 4.1, normal mode: the outer header gets the inner DSCP and ECN field as it is.
  setIpv4TosAndLength(headers + OUTER_IPV4, tos, outerLength, backendHeaderSum(backend));
  store<u16>(headers + OUTER_UDP, vxlanSourcePortNet(hash), SOURCE_PORT);
  setUdpLength(headers + OUTER_UDP, outerLength - IPV4_BYTES_MIN);

  store<u32>(descriptor, <u32>frame, DESCRIPTOR_OFFSET);
  store<u32>(descriptor, <u32>(ip - frame) + ipLength, DESCRIPTOR_LENGTH);
}
