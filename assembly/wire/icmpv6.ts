/**
 * ICMPv6 message, RFC 4443: as ICMP, with other types, and a checksum that covers a pseudo header (RFC 8200 section 8.1).
 *
 *   0      1      2          4                              8
 *   | type | code | checksum | identifier    | sequence     | data                      echo
 *   | type | code | checksum | unused                       | the packet it is about    error
 *   | 2    | 0    | checksum | MTU                          | the packet it is about    packet too big
 *
 *   0        16            32               36        40
 *   | source | destination | message length | 0, 0, 0, 58 |                             pseudo header
 */
import { REASON_ICMP_CHECKSUM, REASON_ICMP_TRUNCATED, REASON_NONE } from '../abi';
import { checksumOf, sumBytes, sumWords } from './checksum';
import { ICMP_BYTES, ICMP_ECHO_REPLY, ICMP_ECHO_REQUEST, ICMP_ERROR, ICMP_OTHER } from './icmp';
import { ipv6Source } from './ipv6';

export const PROTOCOL_ICMPV6: u32 = 58;

const CHECKSUM = 2;
const MTU = 4;
const ADDRESS_PAIR_BYTES: u32 = 32;

/** Type and code as they lie in memory. */
const ECHO_REQUEST_NET: u32 = 0x0080;
const ECHO_REPLY_NET: u32 = 0x0081;
const PACKET_TOO_BIG_NET: u32 = 0x0002;

/** 1 unreachable, 2 packet too big, 3 time exceeded, 4 parameter problem. */
const TYPE_ERROR_FIRST: u32 = 1;
const TYPE_ERROR_LAST: u32 = 4;
/** RFC 4443 section 2.1: every type below it is an error. */
const TYPE_INFORMATIONAL_FIRST: u32 = 128;

/** Whether a message behind the IPv6 header at `ip` is whole and unharmed; answers with a drop reason. */
export function checkIcmpv6(ip: usize, icmp: usize, messageBytes: u32): u32 {
  if (messageBytes < ICMP_BYTES) return REASON_ICMP_TRUNCATED;
  return checksumOf(sumMessage(ip, icmp, messageBytes)) == 0 ? REASON_NONE : REASON_ICMP_CHECKSUM;
}

/** ICMP_… */
export function icmpv6Kind(icmp: usize): u32 {
  const typeCode: u32 = load<u16>(icmp);
  if (typeCode == ECHO_REQUEST_NET) return ICMP_ECHO_REQUEST;
  if (typeCode == ECHO_REPLY_NET) return ICMP_ECHO_REPLY;
  const type = typeCode & 0xff;
  return type >= TYPE_ERROR_FIRST && type <= TYPE_ERROR_LAST ? ICMP_ERROR : ICMP_OTHER;
}

/** Whether no error may be sent about a message, RFC 4443 section 2.4 (e). */
export function icmpv6ForbidsError(icmp: usize): bool {
  return load<u8>(icmp) < <u8>TYPE_INFORMATIONAL_FIRST;
}

/** Begins the message that a packet is too big, in front of the packet; writeIcmpv6Checksum ends it. */
export function writePacketTooBig(icmp: usize, mtuBytes: u32): void {
  store<u32>(icmp, PACKET_TOO_BIG_NET);
  store<u32>(icmp, bswap<u32>(mtuBytes), MTU);
}

/** Computes the checksum of a message anew, for the addresses that are in the header at `ip` now. */
export function writeIcmpv6Checksum(ip: usize, icmp: usize, messageBytes: u32): void {
  store<u16>(icmp, 0, CHECKSUM);
  store<u16>(icmp, checksumOf(sumMessage(ip, icmp, messageBytes)), CHECKSUM);
}

/** Turns an echo request into its reply; the addresses have been exchanged, or will be: the sum is the same. */
export function turnIntoEchoReplyV6(ip: usize, icmp: usize, messageBytes: u32): void {
  store<u16>(icmp, ECHO_REPLY_NET);
  writeIcmpv6Checksum(ip, icmp, messageBytes);
}

function sumMessage(ip: usize, icmp: usize, messageBytes: u32): u32 {
  // A message is shorter than 64 KiB, so that only the low half of its length is not zero.
  const lengthNet: u32 = bswap<u16>(<u16>messageBytes);
  const nextHeaderNet = PROTOCOL_ICMPV6 << 8;
  return sumWords(ipv6Source(ip), ADDRESS_PAIR_BYTES) + lengthNet + nextHeaderNet + sumBytes(icmp, messageBytes);
}
