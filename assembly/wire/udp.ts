/**
 * UDP header, RFC 768.
 *
 *   0             2                  4        6          8
 *   | source port | destination port | length | checksum |
 */
import { REASON_NONE, REASON_UDP_LENGTH, REASON_UDP_TRUNCATED } from '../abi';

export const PROTOCOL_UDP: u32 = 17;

export const UDP_BYTES: u32 = 8;
export const UDP_CHECKSUM = 6;

const LENGTH = 4;

export function udpLength(udp: usize): u32 {
  return bswap<u16>(load<u16>(udp, LENGTH));
}

/** @inline */
export function setUdpLength(udp: usize, bytes: u32): void {
  store<u16>(udp, bswap<u16>(<u16>bytes), LENGTH);
}

export function checkUdp(udp: usize, segmentBytes: u32): u32 {
  if (segmentBytes < UDP_BYTES) return REASON_UDP_TRUNCATED;
  const length = udpLength(udp);
  if (length < UDP_BYTES || length > segmentBytes) return REASON_UDP_LENGTH;
  return REASON_NONE;
}
