/**
 * VXLAN encapsulation over IPv4, RFC 7348 section 5, in the headroom in front of the packet.
 *
 *   | outer Ethernet 14 (+ tags) | IPv4 20 | UDP 8 | VXLAN 8 | inner Ethernet 14 | IP packet, untouched |
 *                                  ^14       ^34     ^42       ^50                 ^64
 *
 * The 64 bytes in front of the IP packet are a template of the backend, copied over whatever Ethernet header the
 * packet came with; five fields of it belong to the packet.
 */
import {
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  LINK_BARE,
  PARSED_HASH,
  PARSED_IP,
  PARSED_IP_LENGTH,
  TEMPLATE_BARE_BYTES,
  TEMPLATE_BYTES,
} from '../abi';
import { vxlanSourcePortNet } from '../flow-hash';
import { backendHeaderSum } from '../table/backend';
import { checksumOf } from '../wire/checksum';
import { destinationMac } from '../wire/ethernet';
import { clearIpv4DontFragment, IPV4_LENGTH_MAX, ipv4Tos } from '../wire/ipv4';
import { outgoingTag, writeOutgoingEthernet } from './frame';

const OUTER_IPV4 = 14;
const OUTER_TOS = 15;
const OUTER_TOTAL_LENGTH = 16;
const OUTER_CHECKSUM = 24;
const OUTER_SOURCE_PORT = 34;
const OUTER_UDP_LENGTH = 38;
const IPV4_BYTES: u32 = 20;

/** Whether the outer IPv4 header can say how long the packet will be. */
export function outerHasRoom(parsed: usize): bool {
  return outerLengthOf(parsed) <= IPV4_LENGTH_MAX;
}

/** What a packet to a backend gets in front of it, from the outer IP header to the inner Ethernet header. */
export function overheadBytes(_backend: usize): u32 {
  return TEMPLATE_BARE_BYTES;
}

/** Puts the backend's headers in front of a parsed packet and moves the descriptor to them; outerHasRoom comes first. */
export function encapsulate(descriptor: usize, parsed: usize, backend: usize): void {
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const ipLength = load<u32>(parsed, PARSED_IP_LENGTH);
  const outerLength = outerLengthOf(parsed);
  const headers = ip - TEMPLATE_BYTES;
  // RFC 6040 section 4.1, normal mode: the outer header gets the inner DSCP and ECN field as it is.
  const tos = ipv4Tos(ip);
  const lengthNet = bswap<u16>(<u16>outerLength);
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
  store<u8>(headers, <u8>tos, OUTER_TOS);
  store<u16>(headers, lengthNet, OUTER_TOTAL_LENGTH);
  store<u16>(headers, checksumOf(backendHeaderSum(backend) + (tos << 8) + lengthNet), OUTER_CHECKSUM);
  store<u16>(headers, vxlanSourcePortNet(hash), OUTER_SOURCE_PORT);
  store<u16>(headers, bswap<u16>(<u16>(outerLength - IPV4_BYTES)), OUTER_UDP_LENGTH);

  store<u32>(descriptor, <u32>frame, DESCRIPTOR_OFFSET);
  store<u32>(descriptor, <u32>(ip - frame) + ipLength, DESCRIPTOR_LENGTH);
}

/** Lets routers fragment an encapsulated packet whose outer header is IPv4. */
export function allowOuterFragments(parsed: usize): void {
  clearIpv4DontFragment(load<u32>(parsed, PARSED_IP) - TEMPLATE_BARE_BYTES);
}

function outerLengthOf(parsed: usize): u32 {
  return load<u32>(parsed, PARSED_IP_LENGTH) + TEMPLATE_BARE_BYTES;
}
