/**
 * The packet an ICMP error is about, as far as the error quotes it: which connection of ours it belongs to.
 *
 * A quote is a packet that left from the VIP. Its lengths and its checksum are not judged, because it is cut off.
 */

import { be16 } from '../support/bytes.js';
import type { Family } from './address.js';
import type { FiveTuple } from './flow-hash.js';
import { echoIdentifier, ICMP, icmpKind } from './icmp.js';
import { checkStart, destinationOf, fragmentOfIpv4, sourceOf } from './ip.js';
import { type FragmentPart, walkExtensions } from './ipv6.js';
import { hasPorts } from './transport.js';

/** A connection as its client would send it. */
export interface Quoted extends FiveTuple {
  /** An echo request of ours: only a leased port can have sent it. */
  readonly isEcho: boolean;
  /** From the middle of a datagram: nobody knows the ports. */
  readonly hasNoPorts: boolean;
}

/** `undefined`: too short, malformed, or not from this VIP. */
export function readQuote(family: Family, quote: Uint8Array, vip: string): Quoted | undefined {
  if (checkStart(family, quote) !== undefined || sourceOf(family, quote) !== vip) return undefined;
  const upper = upperOf(family, quote);
  if (upper === undefined) return undefined;
  const { protocol, at, fragment } = upper;
  const message = quote.subarray(at);
  const connection = { source: destinationOf(family, quote), destination: vip, protocol };
  const without = { ...connection, sourcePort: 0, destinationPort: 0, isEcho: false };

  const isLater = fragment !== undefined && fragment.offsetBytes > 0;
  if (protocol === ICMP[family]) {
    if (isLater || message.length < 8 || icmpKind(family, message) !== 'echo request') return undefined;
    return { ...without, destinationPort: echoIdentifier(message), isEcho: true, hasNoPorts: false };
  }
  if (isLater) return { ...without, hasNoPorts: true };
  if (!hasPorts(protocol)) return { ...without, hasNoPorts: false };
  if (message.length < 4) return undefined;
  return {
    ...connection,
    sourcePort: be16(message, 2),
    destinationPort: be16(message, 0),
    isEcho: false,
    hasNoPorts: false,
  };
}

function upperOf(
  family: Family,
  quote: Uint8Array,
): { protocol: number; at: number; fragment: FragmentPart | undefined } | undefined {
  if (family === 6) return walkExtensions(quote);
  const headerBytes = (quote[0]! & 15) * 4;
  if (headerBytes < 20 || headerBytes > quote.length) return undefined;
  return { protocol: quote[9]!, at: headerBytes, fragment: fragmentOfIpv4(quote) };
}
