/**
 * ICMP message, RFC 792.
 *
 *   0      1      2          4                              8
 *   | type | code | checksum | identifier    | sequence     | data                      echo
 *   | type | code | checksum | unused                       | the packet it is about    error
 *   | 3    | 4    | checksum | unused        | next-hop MTU | the packet it is about    frag-needed, RFC 1191
 */
import { REASON_ICMP_CHECKSUM, REASON_ICMP_TRUNCATED, REASON_NONE } from '../abi';
import { checksumOf, sumBytes } from './checksum';

export const PROTOCOL_ICMP: u32 = 1;
/** Of every message, in both families. */
export const ICMP_BYTES: u32 = 8;

/** What a message is for, in both families. Everything that is none of the three: RFC 792 has more than we need. */
export const ICMP_OTHER: u32 = 0;
export const ICMP_ECHO_REQUEST: u32 = 1;
export const ICMP_ECHO_REPLY: u32 = 2;
/** About a packet, of which it quotes the beginning. */
export const ICMP_ERROR: u32 = 3;

/** Where checksum and identifier lie, in both families. */
export const ICMP_CHECKSUM = 2;
export const ICMP_IDENTIFIER = 4;
const NEXT_HOP_MTU = 6;

/** Type and code as they lie in memory. */
const ECHO_REQUEST_NET: u32 = 0x0008;
const ECHO_REPLY_NET: u32 = 0x0000;
const FRAGMENTATION_NEEDED_NET: u32 = 0x0403;

const TYPE_UNREACHABLE: u32 = 3;
const TYPE_SOURCE_QUENCH: u32 = 4;
const TYPE_REDIRECT: u32 = 5;
const TYPE_TIME_EXCEEDED: u32 = 11;
const TYPE_PARAMETER_PROBLEM: u32 = 12;

/** Whether a message is whole and unharmed; answers with a drop reason. */
export function checkIcmp(icmp: usize, messageBytes: u32): u32 {
  if (messageBytes < ICMP_BYTES) return REASON_ICMP_TRUNCATED;
  return sumBytes(icmp, messageBytes) == 0xffff ? REASON_NONE : REASON_ICMP_CHECKSUM;
}

/** ICMP_…; the errors are those that a connection lives by, which no two routers understand differently. */
export function icmpKind(icmp: usize): u32 {
  const typeCode: u32 = load<u16>(icmp);
  if (typeCode == ECHO_REQUEST_NET) return ICMP_ECHO_REQUEST;
  if (typeCode == ECHO_REPLY_NET) return ICMP_ECHO_REPLY;
  const type = typeCode & 0xff;
  const isError = type == TYPE_UNREACHABLE || type == TYPE_TIME_EXCEEDED || type == TYPE_PARAMETER_PROBLEM;
  return isError ? ICMP_ERROR : ICMP_OTHER;
}

/** Whether RFC 1122 section 3.2.2 counts a type among the errors, about which no error may be sent. */
export function icmpForbidsError(icmp: usize): bool {
  const type: u32 = load<u8>(icmp);
  return icmpKind(icmp) == ICMP_ERROR || type == TYPE_SOURCE_QUENCH || type == TYPE_REDIRECT;
}

/** Identifier of an echo message of either family, as it lies in memory. */
export function icmpIdentifier(icmp: usize): u32 {
  return load<u16>(icmp, ICMP_IDENTIFIER);
}

/** Begins the message that a packet is too big, in front of the packet; writeIcmpChecksum ends it. */
export function writeFragmentationNeeded(icmp: usize, nextHopMtuBytes: u32): void {
  store<u32>(icmp, FRAGMENTATION_NEEDED_NET);
  store<u32>(icmp, 0, ICMP_IDENTIFIER);
  store<u16>(icmp, bswap<u16>(<u16>nextHopMtuBytes), NEXT_HOP_MTU);
}

/**
 * Computes the checksum anew. An update by RFC 1624 would not do for an echo: without a pseudo header a reply may be all
 * zeros, and then it gives the one form of zero that is wrong.
 */
export function writeIcmpChecksum(icmp: usize, messageBytes: u32): void {
  store<u16>(icmp, 0, ICMP_CHECKSUM);
  store<u16>(icmp, checksumOf(sumBytes(icmp, messageBytes)), ICMP_CHECKSUM);
}

/** Turns an echo request into its reply. */
export function turnIntoEchoReply(icmp: usize, messageBytes: u32): void {
  store<u16>(icmp, ECHO_REPLY_NET);
  writeIcmpChecksum(icmp, messageBytes);
}
