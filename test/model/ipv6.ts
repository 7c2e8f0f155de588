/**
 * IPv6 and its extension headers, RFC 8200.
 *
 *   0        4               12            32       48          56          64        128            192
 *   | version | traffic class | flow label | length | next header | hop limit | source | destination |     (bits × 2)
 *
 * A chain is walked over hop-by-hop options, routing, fragment and destination options; every other number is the upper
 * protocol. Behind a fragment header with an offset there is the middle of something, so nothing is walked there.
 */

import { be16, be32 } from '../support/bytes.js';
import { drop, type Ending } from './ending.js';

export const IPV6_HEADER_BYTES = 40;

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;
const CHAIN_COUNT_MAX = 8;

/** A part of a datagram, of either family. */
export interface FragmentPart {
  /** Of the IPv4 header or the fragment header. */
  readonly protocol: number;
  readonly identification: number;
  /** Where the data belongs in the datagram; a multiple of 8. */
  readonly offsetBytes: number;
  readonly hasMore: boolean;
  /** Behind the IPv4 header, or behind the fragment header. */
  readonly data: Uint8Array;
}

/** What is behind an IPv6 header and its extension headers. */
export interface Upper {
  readonly protocol: number;
  readonly at: number;
  readonly fragment: FragmentPart | undefined;
}

/** Enough of an IPv6 header to read its addresses? */
export function checkStartIpv6(packet: Uint8Array): Ending | undefined {
  if (packet.length < IPV6_HEADER_BYTES) return drop('ipv6-truncated');
  if (packet[0]! >> 4 !== 6) return drop('ipv6-version');
  return undefined;
}

export function checkHeaderIpv6(packet: Uint8Array): Ending | undefined {
  return lengthIpv6(packet) > packet.length ? drop('ipv6-truncated') : undefined;
}

/** Header and payload. */
export function lengthIpv6(packet: Uint8Array): number {
  return IPV6_HEADER_BYTES + be16(packet, 4);
}

/** Walks the chain of a packet that ends where its bytes end; `undefined` for a chain nobody should send here. */
export function walkExtensions(packet: Uint8Array): Upper | undefined {
  let protocol = packet[6]!;
  let at = IPV6_HEADER_BYTES;
  let fragment: FragmentPart | undefined;
  let fragmentHeaders = 0;
  for (let headers = 0; isExtension(protocol); headers++) {
    if (headers === CHAIN_COUNT_MAX || at + 8 > packet.length) return undefined;
    const header = packet.subarray(at);
    const length = protocol === FRAGMENT ? 8 : (header[1]! + 1) * 8;
    if (length > header.length) return undefined;
    if (protocol === ROUTING && header[3] !== 0) return undefined;
    at += length;
    if (protocol === FRAGMENT) {
      fragmentHeaders++;
      if (fragmentHeaders > 1) return undefined;
      fragment = fragmentOf(header);
      if (fragment !== undefined && fragment.offsetBytes > 0) return { protocol: header[0]!, at, fragment };
    }
    protocol = header[0]!;
  }
  return { protocol, at, fragment };
}

function isExtension(protocol: number): boolean {
  return [HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS].includes(protocol);
}

/** A datagram in one part is no fragment (RFC 6946). */
function fragmentOf(header: Uint8Array): FragmentPart | undefined {
  const offsetBytes = be16(header, 2) & 0xfff8;
  const hasMore = (header[3]! & 1) !== 0;
  if (offsetBytes === 0 && !hasMore) return undefined;
  return { protocol: header[0]!, identification: be32(header, 4), offsetBytes, hasMore, data: header.subarray(8) };
}
