/**
 * What both pipelines ask of a frame on its way in, one question per function, in the order of the answers.
 *
 * A function answers with an `Ending` when the frame goes no further, and every read is inside the bytes it was given.
 */

import { be16, ipv4Text } from '../support/bytes.js';
import { internetChecksum, type Link } from '../support/checksum.js';
import type { FiveTuple } from './flow-hash.js';

export const TCP = 6;
export const UDP = 17;
export const ETHERTYPE_IPV4 = 0x0800;

const FLAG = { SYN: 0x02, RST: 0x04, ACK: 0x10 };

/** The frame is not ours, or it is thrown away. */
export interface Ending {
  verdict: 'pass' | 'drop';
  reason?: string;
}

export const PASS: Ending = { verdict: 'pass' };

export function drop(reason: string): Ending {
  return { verdict: 'drop', reason };
}

export function isVlanType(type: number): boolean {
  return type === 0x8100 || type === 0x88a8;
}

/** Takes the link layer off. `tag` is the VLAN tags as they came, each TPID and TCI, at most two, empty without one. */
export function openLink(frame: Uint8Array, link: Link): { tag: Uint8Array; packet: Uint8Array } | Ending {
  if (link === 'bare') {
    if (frame.length === 0) return drop('ipv4-truncated');
    return frame[0]! >> 4 === 6 ? PASS : { tag: new Uint8Array(0), packet: frame };
  }
  if (frame.length < 14) return drop('ethernet-truncated');
  let type = be16(frame, 12);
  let at = 14;
  for (let tags = 0; tags < 2 && isVlanType(type); tags++) {
    at += 4;
    if (frame.length < at) return drop('ethernet-truncated');
    type = be16(frame, at - 2);
  }
  return type === ETHERTYPE_IPV4 ? { tag: frame.slice(12, at - 2), packet: frame.subarray(at) } : PASS;
}

/** Enough of an IPv4 header to read its addresses? */
export function checkVersion(packet: Uint8Array): Ending | undefined {
  if (packet.length < 20) return drop('ipv4-truncated');
  if (packet[0]! >> 4 !== 4) return drop('ipv4-version');
  return undefined;
}

export function checkHeader(packet: Uint8Array): Ending | undefined {
  const ihl = packet[0]! & 15;
  if (ihl < 5) return drop('ipv4-header-length');
  if (ihl * 4 > packet.length) return drop('ipv4-truncated');
  const totalLength = be16(packet, 2);
  if (totalLength < ihl * 4) return drop('ipv4-total-length');
  if (totalLength > packet.length) return drop('ipv4-truncated');
  if (internetChecksum(packet.subarray(0, ihl * 4)) !== 0) return drop('ipv4-checksum');
  return undefined;
}

/** More fragments, or not the first one; DF and the reserved bit do not matter. */
export function checkFragment(packet: Uint8Array): Ending | undefined {
  return (be16(packet, 6) & 0x3fff) !== 0 ? drop('fragment') : undefined;
}

export function isBalanced(packet: Uint8Array): boolean {
  return packet[9] === TCP || packet[9] === UDP;
}

export function checkTransport(packet: Uint8Array): Ending | undefined {
  const segment = segmentOf(packet);
  if (packet[9] === TCP) {
    if (segment.length < 20) return drop('tcp-truncated');
    const headerLength = (segment[12]! >> 4) * 4;
    if (headerLength < 20 || headerLength > segment.length) return drop('tcp-header-length');
    return undefined;
  }
  if (segment.length < 8) return drop('udp-truncated');
  const udpLength = be16(segment, 4);
  if (udpLength < 8 || udpLength > segment.length) return drop('udp-length');
  return undefined;
}

/** The packet without what the link layer padded behind it. */
export function trim(packet: Uint8Array): Uint8Array {
  return packet.slice(0, be16(packet, 2));
}

/** What the IP header carries, from the transport header to the end of the packet. */
export function segmentOf(packet: Uint8Array): Uint8Array {
  return packet.subarray((packet[0]! & 15) * 4, be16(packet, 2));
}

export function sourceOf(packet: Uint8Array): string {
  return ipv4Text(packet, 12);
}

export function destinationOf(packet: Uint8Array): string {
  return ipv4Text(packet, 16);
}

export function fiveTupleOf(packet: Uint8Array): FiveTuple {
  const segment = segmentOf(packet);
  return {
    source: sourceOf(packet),
    destination: destinationOf(packet),
    sourcePort: be16(segment, 0),
    destinationPort: be16(segment, 2),
    protocol: packet[9]!,
  };
}

/** A TCP segment that opens a connection: SYN without ACK and without RST. */
export function opens(packet: Uint8Array): boolean {
  return packet[9] === TCP && (segmentOf(packet)[13]! & (FLAG.SYN | FLAG.ACK | FLAG.RST)) === FLAG.SYN;
}

export function resets(packet: Uint8Array): boolean {
  return packet[9] === TCP && (segmentOf(packet)[13]! & FLAG.RST) !== 0;
}
