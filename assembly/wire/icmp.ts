/**
 * ICMP header of an echo message, RFC 792.
 *
 *   0      1      2          4            6          8
 *   | type | code | checksum | identifier | sequence | data
 */
import { REASON_ICMP_CHECKSUM, REASON_ICMP_TRUNCATED, REASON_NONE, REASON_PROTOCOL } from '../abi';
import { checksumOf, sumBytes } from './checksum';

export const PROTOCOL_ICMP: u32 = 1;
export const PROTOCOL_ICMPV6: u32 = 58;

const ICMP_BYTES: u32 = 8;
const TYPE_CODE = 0;
const CHECKSUM = 2;

/** Type and code of the two echo messages as they lie in memory. */
const ECHO_REQUEST_NET: u32 = 0x0008;
const ECHO_REPLY_NET: u32 = 0x0000;

/** Whether a message is an echo request with nothing wrong with it. */
export function checkEchoRequest(icmp: usize, messageBytes: u32): u32 {
  if (messageBytes < ICMP_BYTES) return REASON_ICMP_TRUNCATED;
  if (load<u16>(icmp, TYPE_CODE) != ECHO_REQUEST_NET) return REASON_PROTOCOL;
  return sumBytes(icmp, messageBytes) == 0xffff ? REASON_NONE : REASON_ICMP_CHECKSUM;
}

/**
 * Turns an echo request into its reply.
 *
 * The checksum is computed anew: without a pseudo header a reply may be all zeros, and then an update by RFC 1624 gives
 * the one form of zero that is wrong.
 */
export function turnIntoEchoReply(icmp: usize, messageBytes: u32): void {
  store<u16>(icmp, ECHO_REPLY_NET, TYPE_CODE);
  store<u16>(icmp, 0, CHECKSUM);
  store<u16>(icmp, checksumOf(sumBytes(icmp, messageBytes)), CHECKSUM);
}
