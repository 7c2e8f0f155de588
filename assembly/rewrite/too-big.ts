/**
 * What the MUX tells the sender of a packet that is too big for the provider network once encapsulated: frag-needed
 * (RFC 1191) or packet-too-big (RFC 8201), from the VIP.
 *
 *   | Ethernet | IP 20 or 40 | ICMP 8 | the packet as it came, cut off |
 *
 * The packet is its own quote: the message is written into the headroom in front of it.
 */
import { DESCRIPTOR_OFFSET, PARSED_FAMILY, PARSED_IP, PARSED_IP_LENGTH } from '../abi';
import { sourceMac } from '../wire/ethernet';
import { ICMP_BYTES, PROTOCOL_ICMP, writeFragmentationNeeded, writeIcmpChecksum } from '../wire/icmp';
import { PROTOCOL_ICMPV6, writeIcmpv6Checksum, writePacketTooBig } from '../wire/icmpv6';
import { IPV4_BYTES_MIN, ipv4Destination, ipv4Source, writeIpv4Header } from '../wire/ipv4';
import { IPV6_BYTES, ipv6Destination, ipv6Source, writeIpv6Header } from '../wire/ipv6';
import { sendBack } from './frame';

/** RFC 1812 section 4.3.2.3: as much as fits a datagram that every host can reassemble. */
const MESSAGE_BYTES_MAX_V4: u32 = 576;
/** RFC 4443 section 3.2: as much as fits the smallest MTU of IPv6, which is also the least it may name. */
const MTU_BYTES_MIN_V6: u32 = 1280;

/** Internetwork control: what RFC 1812 section 4.3.2.5 wants of errors. */
const TOS: u32 = 0xc0;
const TTL: u32 = 64;

/** Replaces a frame by the message that its packet must not be longer than `mtuBytes`, back to where it came from. */
export function tellTooBig(descriptor: usize, parsed: usize, mtuBytes: u32): void {
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const ipLength = load<u32>(parsed, PARSED_IP_LENGTH);
  // On a bare link this is no MAC address, and is not used.
  const sender = sourceMac(load<u32>(descriptor, DESCRIPTOR_OFFSET));
  const isIpv6 = load<u8>(parsed, PARSED_FAMILY) == 6;
  sendBack(descriptor, parsed, isIpv6 ? writeV6(ip, ipLength, mtuBytes) : writeV4(ip, ipLength, mtuBytes), sender);
}

function writeV4(ip: usize, ipLength: u32, mtuBytes: u32): usize {
  const icmp = ip - ICMP_BYTES;
  const message = icmp - IPV4_BYTES_MIN;
  const messageBytes = min<u32>(IPV4_BYTES_MIN + ICMP_BYTES + ipLength, MESSAGE_BYTES_MAX_V4);
  writeFragmentationNeeded(icmp, mtuBytes);
  writeIcmpChecksum(icmp, messageBytes - IPV4_BYTES_MIN);
  writeIpv4Header(message, messageBytes, TOS, TTL, PROTOCOL_ICMP, ipv4Destination(ip), ipv4Source(ip));
  return message;
}

function writeV6(ip: usize, ipLength: u32, mtuBytes: u32): usize {
  const icmp = ip - ICMP_BYTES;
  const message = icmp - IPV6_BYTES;
  const icmpBytes = min<u32>(ICMP_BYTES + ipLength, MTU_BYTES_MIN_V6 - IPV6_BYTES);
  writePacketTooBig(icmp, max<u32>(mtuBytes, MTU_BYTES_MIN_V6));
  writeIpv6Header(message, icmpBytes, TOS, TTL, PROTOCOL_ICMPV6, ipv6Destination(ip), ipv6Source(ip));
  writeIcmpv6Checksum(message, icmp, icmpBytes);
  return message;
}
