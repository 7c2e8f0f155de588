/**
 * ICMP (RFC 792) and ICMPv6 (RFC 4443): what kind of message one is, and how messages are made.
 *
 *   0      1      2          4                  8
 *   | type | code | checksum | rest of header   | data, or the packet an error is about … |
 */

import { be16, concat, ipBytes, putBe16 } from '../support/bytes.js';
import { internetChecksum, transportChecksum } from '../support/checksum.js';
import type { Family } from './address.js';
import { drop, type Ending } from './ending.js';
import type { IpPacket } from './ip.js';

/** The IP protocol of ICMP in each family. */
export const ICMP: Readonly<Record<Family, number>> = { 4: 1, 6: 58 };

const ECHO_REQUEST: Readonly<Record<Family, number>> = { 4: 8, 6: 128 };
const ECHO_REPLY: Readonly<Record<Family, number>> = { 4: 0, 6: 129 };
/** Destination unreachable, (packet too big), time exceeded, parameter problem. */
const ERRORS: Readonly<Record<Family, readonly number[]>> = { 4: [3, 11, 12], 6: [1, 2, 3, 4] };

export type IcmpKind = 'echo request' | 'echo reply' | 'error' | 'other';

export function checkIcmp(packet: IpPacket): Ending | undefined {
  if (packet.upper.length < 8) return drop('icmp-truncated');
  const { family, source, destination, upper } = packet;
  return icmpChecksum(family, source, destination, upper) !== 0 ? drop('icmp-checksum') : undefined;
}

/** Of a message with at least type and code. */
export function icmpKind(family: Family, message: Uint8Array): IcmpKind {
  const [type, code] = [message[0]!, message[1]!];
  if (type === ECHO_REQUEST[family] && code === 0) return 'echo request';
  if (type === ECHO_REPLY[family] && code === 0) return 'echo reply';
  return ERRORS[family].includes(type) ? 'error' : 'other';
}

/** Of an echo message: what stands for its port. */
export function echoIdentifier(message: Uint8Array): number {
  return be16(message, 4);
}

/** The answer to an echo request: the header it came with, turned around, and a message built anew. */
export function echoReply({ family, bytes, source, destination, upperAt, upper }: IpPacket): Uint8Array {
  const message = icmpMessage(family, destination, source, ECHO_REPLY[family], 0, upper.subarray(4));
  const header = bytes.slice(0, upperAt);
  header.set(ipBytes(destination), family === 6 ? 8 : 12);
  header.set(ipBytes(source), family === 6 ? 24 : 16);
  header[family === 6 ? 7 : 8] = 64;
  if (family === 4) {
    putBe16(header, 10, 0);
    putBe16(header, 10, internetChecksum(header));
  }
  return concat(header, message);
}

/** A message with its checksum; `body` is all that comes behind the checksum. */
export function icmpMessage(
  family: Family,
  source: string,
  destination: string,
  type: number,
  code: number,
  body: Uint8Array,
): Uint8Array {
  const message = concat(Uint8Array.of(type, code, 0, 0), body);
  putBe16(message, 2, icmpChecksum(family, source, destination, message));
  return message;
}

/** ICMPv6 sums a pseudo header too (RFC 4443 section 2.3). */
function icmpChecksum(family: Family, source: string, destination: string, message: Uint8Array): number {
  if (family === 4) return internetChecksum(message);
  return transportChecksum(concat(ipBytes(source), ipBytes(destination)), ICMP[6], message);
}
