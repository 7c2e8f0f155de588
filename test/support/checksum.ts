/**
 * Internet checksum, RFC 1071, always over whole packets: the oracle for frames that something else put together.
 */

import { be16, concat, ipv4Text, putBe16, toHex } from './bytes.js';

/** Whether a frame starts with an Ethernet header or with the IP header. */
export type Link = 'ethernet' | 'bare';

const TCP = 6;
const UDP = 17;
const GRE = 47;
const ICMPV6 = 58;
const VXLAN_PORT = 4789;
const TRANSPARENT_ETHERNET = 0x6558;

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
 * Checksum of a TCP segment, UDP datagram or ICMPv6 message behind its pseudo header (RFC 9293 section 3.1, RFC 768,
 * RFC 8200 section 8.1; up to 65,535 bytes both forms of it have one sum). `addresses` is the source address followed by
 * the destination address.
 */
export function transportChecksum(addresses: Uint8Array, protocol: number, segment: Uint8Array): number {
  const rest = new Uint8Array(4);
  rest[1] = protocol;
  putBe16(rest, 2, segment.length);
  return internetChecksum(concat(addresses, rest, segment));
}

/**
 * Complaints about every IPv4, IPv6, TCP, UDP and ICMPv6 length or checksum in a frame, also inside VXLAN and NVGRE;
 * none for a sound frame. What is no IP packet is not looked at, and neither is the transport layer of a fragment: its
 * checksum spans packets.
 */
export function verifyFrame(bytes: Uint8Array, link: Link): string[] {
  if (link === 'bare') {
    return verifyIp(bytes);
  }
  if (bytes.length < 14) {
    return [`ethernet: ${bytes.length} bytes are no header`];
  }
  let at = 12;
  while (at + 6 <= bytes.length && [0x8100, 0x88a8].includes(be16(bytes, at))) {
    at += 4;
  }
  return [0x0800, 0x86dd].includes(be16(bytes, at)) ? verifyIp(bytes.subarray(at + 2)) : [];
}

function verifyIp(bytes: Uint8Array): string[] {
  return bytes.length > 0 && bytes[0]! >> 4 === 6 ? verifyIpv6(bytes) : verifyIpv4(bytes);
}

function verifyIpv6(bytes: Uint8Array): string[] {
  const end = bytes.length < 40 ? 0 : 40 + be16(bytes, 4);
  if (end === 0 || end > bytes.length) {
    return [`ipv6: payload to ${end}, present ${bytes.length} bytes`];
  }
  let [protocol, at] = [bytes[6]!, 40];
  while ([0, 43, 44, 60].includes(protocol) && at + 8 <= end) {
    // The transport layer of a fragment; an atomic one is whole.
    if (protocol === 44 && (be16(bytes, at + 2) & 0xfff9) !== 0) return [];
    [protocol, at] = [bytes[at]!, at + (protocol === 44 ? 8 : (bytes[at + 1]! + 1) * 8)];
  }
  return verifyTransport(bytes.subarray(8, 40), protocol, bytes.subarray(at, end));
}

function verifyIpv4(bytes: Uint8Array): string[] {
  if (bytes.length < 20) {
    return [`ipv4: ${bytes.length} bytes are no header`];
  }
  const version = bytes[0]! >> 4;
  if (version !== 4) {
    return [`ipv4: version ${version}`];
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
    complaints.push(...verifyTransport(addresses, bytes[9]!, segment));
  }
  return complaints;
}

function verifyTransport(addresses: Uint8Array, protocol: number, segment: Uint8Array): string[] {
  if (protocol === TCP) return verifyTcp(addresses, segment);
  if (protocol === UDP) return verifyUdp(addresses, segment);
  if (protocol === ICMPV6 && transportChecksum(addresses, ICMPV6, segment) !== 0) {
    return [`icmpv6 ${toHex(addresses)}: checksum`];
  }
  const isNvgre = protocol === GRE && segment.length >= 8 && be16(segment, 2) === TRANSPARENT_ETHERNET;
  return isNvgre ? verifyFrame(segment.subarray(8), 'ethernet').map((complaint) => `inner ${complaint}`) : [];
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
