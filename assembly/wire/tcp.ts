/**
 * TCP header, RFC 9293 section 3.1.
 *
 *   0             2                  4          8                12            13      14       16         18       20
 *   | source port | destination port | sequence | acknowledgment | data offset | flags | window | checksum | urgent | options
 */
import { REASON_NONE, REASON_TCP_HEADER_LENGTH, REASON_TCP_TRUNCATED } from '../abi';

export const PROTOCOL_TCP: u32 = 6;

export const TCP_BYTES_MIN: u32 = 20;
export const TCP_CHECKSUM = 16;

const SEQUENCE = 4;
const ACKNOWLEDGMENT = 8;
const DATA_OFFSET = 12;
const FLAGS = 13;
const URGENT = 18;

const FLAG_FIN: u32 = 0x01;
const FLAG_SYN: u32 = 0x02;
const FLAG_RST: u32 = 0x04;
const FLAG_PSH: u32 = 0x08;
const FLAG_ACK: u32 = 0x10;
const FLAG_URG: u32 = 0x20;
const FLAG_CWR: u32 = 0x80;

export function tcpHeaderBytes(tcp: usize): u32 {
  return (load<u8>(tcp, DATA_OFFSET) >> 4) << 2;
}

export function tcpFlags(tcp: usize): u32 {
  return load<u8>(tcp, FLAGS);
}

/**
 * The first packet of a connection: SYN without ACK. With RST it is no real stack's packet (RFC 9293 section 3.10.7.2
 * resets nothing that listens) and must not move a connection that exists.
 */
export function opensConnection(flags: u32): bool {
  return (flags & (FLAG_SYN | FLAG_ACK | FLAG_RST)) == FLAG_SYN;
}

/** Whether a segment may say how long segments may be: SYN, with or without ACK. */
export function announcesMss(flags: u32): bool {
  return (flags & FLAG_SYN) != 0;
}

export function resetsConnection(flags: u32): bool {
  return (flags & FLAG_RST) != 0;
}

/** FIN or RST: one side at least will send nothing more. */
export function endsConnection(flags: u32): bool {
  return (flags & (FLAG_FIN | FLAG_RST)) != 0;
}

/** Whether the acknowledgment number of a segment means something. */
export function acknowledges(flags: u32): bool {
  return (flags & FLAG_ACK) != 0;
}

/** The acknowledgment number as it lies in memory. */
export function tcpAcknowledgment(tcp: usize): u32 {
  return load<u32>(tcp, ACKNOWLEDGMENT);
}

/**
 * Makes the header of a segment of that of all of them: those behind the first do not answer to congestion again, those in
 * front of the last neither push nor end the stream, and urgent data stays where it is.
 *
 * @param tcp a copy of the header of all of them
 * @param offset of the segment's payload in that of all of them
 */
export function setTcpSegment(tcp: usize, offset: u32, isLast: bool): void {
  let flags = tcpFlags(tcp);
  if (!isLast) flags &= ~(FLAG_FIN | FLAG_PSH);
  if (offset != 0) {
    flags &= ~FLAG_CWR;
    store<u32>(tcp, bswap<u32>(bswap<u32>(load<u32>(tcp, SEQUENCE)) + offset), SEQUENCE);
    if ((flags & FLAG_URG) != 0) {
      const urgent: u32 = bswap<u16>(load<u16>(tcp, URGENT));
      if (urgent <= offset) flags &= ~FLAG_URG;
      store<u16>(tcp, urgent <= offset ? 0 : bswap<u16>(<u16>(urgent - offset)), URGENT);
    }
  }
  store<u8>(tcp, <u8>flags, FLAGS);
}

export function checkTcp(tcp: usize, segmentBytes: u32): u32 {
  if (segmentBytes < TCP_BYTES_MIN) return REASON_TCP_TRUNCATED;
  const headerBytes = tcpHeaderBytes(tcp);
  if (headerBytes < TCP_BYTES_MIN || headerBytes > segmentBytes) return REASON_TCP_HEADER_LENGTH;
  return REASON_NONE;
}
