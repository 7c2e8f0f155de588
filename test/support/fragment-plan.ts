/**
 * A datagram cut into fragments, each a plan of its own that can be sent, lied about and lost like any other.
 */

import { ipBytesOf, isIpv6, type PacketPlan } from './packet-plan.js';
import type { Random } from './random.js';

/** A part of what the IP header carries; on the wire a multiple of 8 bytes unless it is the last one. */
export interface Piece {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly hasMore: boolean;
}

/** Bytes of a datagram that may be cut. */
export function divisibleBytes(whole: PacketPlan): number {
  return carriedBy(whole).data.length;
}

/** As a sender does it: `count` pieces or fewer, all but the last a multiple of 8 bytes. */
export function evenPieces(lengthBytes: number, count: number): Piece[] {
  const pieceBytes = Math.max(8, Math.ceil(lengthBytes / count / 8) * 8);
  return Array.from({ length: Math.ceil(lengthBytes / pieceBytes) }, (_, index) => {
    const offsetBytes = index * pieceBytes;
    const rest = lengthBytes - offsetBytes;
    return { offsetBytes, lengthBytes: Math.min(rest, pieceBytes), hasMore: rest > pieceBytes };
  });
}

/**
 * The fragments of a datagram, one for each piece; a piece past its end is filled up with zeros.
 *
 * Hop-by-hop options and a routing header are in each of them, what is behind these only in the first (RFC 8200
 * section 4.5).
 */
export function fragmentsOf(whole: PacketPlan, pieces: readonly Piece[], identification: number): PacketPlan[] {
  const { header, protocol, data } = carriedBy(whole);
  return pieces.map(({ offsetBytes, lengthBytes, hasMore }) => {
    const payload = new Uint8Array(lengthBytes);
    payload.set(data.subarray(offsetBytes, offsetBytes + lengthBytes));
    const fragment: PacketPlan = { ...structuredClone(header), transport: 'raw', protocol, payload };
    if (isIpv6(whole)) {
      const fields = { offset: offsetBytes >>> 3, more: hasMore, id: identification };
      fragment.extensions.push({ kind: 'fragment', fields });
    } else {
      fragment.ip = { ...fragment.ip, df: false, mf: hasMore, fragmentOffset: offsetBytes >>> 3 };
      fragment.ip.id = identification & 0xffff;
    }
    return fragment;
  });
}

/** Some order of all of them, mostly with few exchanges. */
export function reordered<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  for (let swaps = random.below(4); swaps > 0 && order.length > 1; swaps--) {
    const at = random.below(order.length - 1);
    [order[at], order[at + 1]] = [order[at + 1]!, order[at]!];
  }
  return order;
}

/** The plan without what is cut, the bytes that are cut, and the protocol that announces them. */
function carriedBy(whole: PacketPlan): { header: PacketPlan; protocol: number; data: Uint8Array } {
  const inEach = whole.extensions.filter(({ kind }) => kind === 'hopByHop' || kind === 'routing');
  const onlyFirst = whole.extensions.filter(({ kind }) => kind === 'destinationOptions');
  const { tunnel: _, ...untunnelled } = whole;
  const header: PacketPlan = { ...untunnelled, extensions: inEach, transport: 'raw', payload: new Uint8Array(0) };
  const headerBytes = ipBytesOf(header).length;
  const bytes = ipBytesOf({ ...whole, extensions: [...inEach, ...onlyFirst] });
  return { header, protocol: announcedBy(whole, inEach.length, bytes), data: bytes.slice(headerBytes) };
}

/** The next-header field of the last header that is in each fragment. */
function announcedBy(whole: PacketPlan, extensionCount: number, bytes: Uint8Array): number {
  if (!isIpv6(whole)) return bytes[9]!;
  let at = 6;
  let next = 40;
  for (let count = 0; count < extensionCount; count++) {
    at = next;
    next += (bytes[at + 1]! + 1) * 8;
  }
  return bytes[at]!;
}
