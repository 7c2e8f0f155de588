/**
 * Internet checksum, RFC 1071, always over whole packets: the oracle for frames that something else put together.
 */

import { be16, concat, ipv4Text, putBe16 } from './bytes.js';

/** Whether a frame starts with an Ethernet header or with the IP header. */
export type Link = 'ethernet' | 'bare';

const TCP = 6;
const UDP = 17;
const VXLAN_PORT = 4789;

/** The one's complement of the one's complement sum of all 16-bit words; an odd last byte is padded with zero. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  }
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  }
  return 0xffff - sum;
}

/**
 * Checksum of a TCP segment or UDP datagram behind its pseudo header (RFC 9293 section 3.1, RFC 768).
 * `addresses` is the source address followed by the destination address.
 */
export function transportChecksum(addresses: Uint8Array, protocol: number, segment: Uint8Array): number {
  const rest = new Uint8Array(4);
  rest[1] = protocol;
  putBe16(rest, 2, segment.length);
  return internetChecksum(concat(addresses, rest, segment));
}

/**
 * Complaints about every IPv4, TCP and UDP length or checksum in a frame, also inside VXLAN; none for a sound frame.
 * What is not IPv4 is not looked at, and neither is the transport layer of a fragment: its checksum spans packets.
 */
export function verifyFrame(bytes: Uint8Array, link: Link): string[] {
  if (link === 'bare') {
    return verifyIpv4(bytes);
  }
  if (bytes.length < 14) {
    return [`ethernet: ${bytes.length} bytes are no header`];
  }
  let at = 12;
  while (at + 6 <= bytes.length && [0x8100, 0x88a8].includes(be16(bytes, at))) {
    at += 4;
  }
  return be16(bytes, at) === 0x0800 ? verifyIpv4(bytes.subarray(at + 2)) : [];
}

function verifyIpv4(bytes: Uint8Array): string[] {
  if (bytes.length < 20) {
    return [`ipv4: ${bytes.length} bytes are no header`];
  }
  const version = bytes[0]! >> 4;
  if (version !== 4) {
    return version === 6 ? [] : [`ipv4: version ${version}`];
  }
  const headerLength = (bytes[0]! & 15) * 4;
  const totalLength = be16(bytes, 2);
  if (headerLength < 20 || headerLength > totalLength || totalLength > bytes.length) {
    return [`ipv4: header ${headerLength}, total length ${totalLength}, present ${bytes.length} bytes`];
  }
  const complaints: string[] = [];
  // The sum over data and its own checksum is 0xffff, so the checksum of both is zero.
  if (internetChecksum(bytes.subarray(0, headerLength)) !== 0) {
    complaints.push(`ipv4 ${ipv4Text(bytes, 12)} > ${ipv4Text(bytes, 16)}: checksum`);
  }
  if ((be16(bytes, 6) & 0x3fff) === 0) {
    const addresses = bytes.subarray(12, 20);
    const segment = bytes.subarray(headerLength, totalLength);
    if (bytes[9] === TCP) complaints.push(...verifyTcp(addresses, segment));
    if (bytes[9] === UDP) complaints.push(...verifyUdp(addresses, segment));
  }
  return complaints;
}

function verifyTcp(addresses: Uint8Array, segment: Uint8Array): string[] {
  if (segment.length < 20) {
    return [`tcp: ${segment.length} bytes are no header`];
  }
  const complaints: string[] = [];
  const headerLength = (segment[12]! >> 4) * 4;
  if (headerLength < 20 || headerLength > segment.length) {
    complaints.push(`tcp: header ${headerLength}, present ${segment.length} bytes`);
  }
  if (transportChecksum(addresses, TCP, segment) !== 0) {
    complaints.push(`tcp ${be16(segment, 0)} > ${be16(segment, 2)}: checksum`);
  }
  return complaints;
}

function verifyUdp(addresses: Uint8Array, segment: Uint8Array): string[] {
  if (segment.length < 8) {
    return [`udp: ${segment.length} bytes are no header`];
  }
  const length = be16(segment, 4);
  if (length !== segment.length) {
    return [`udp: length ${length}, present ${segment.length} bytes`];
  }
  const complaints: string[] = [];
  const withoutChecksum = be16(segment, 6) === 0;
  if (!withoutChecksum && transportChecksum(addresses, UDP, segment) !== 0) {
    complaints.push(`udp ${be16(segment, 0)} > ${be16(segment, 2)}: checksum`);
  }
  if (be16(segment, 2) === VXLAN_PORT) {
    const inner =
      length < 16 ? [`vxlan: ${length - 8} bytes are no header`] : verifyFrame(segment.subarray(16), 'ethernet');
    complaints.push(...inner.map((complaint) => `inner ${complaint}`));
  }
  return complaints;
}
