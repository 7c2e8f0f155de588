/**
 * What both pipelines ask of an IP packet of either family, one question per function, in the order of the answers.
 *
 * A function answers with an `Ending` when the packet goes no further, and every read is inside the bytes it was given.
 */

import { be16, ipBytes } from '../support/bytes.js';
import { internetChecksum } from '../support/checksum.js';
import { addressText, type Family } from './address.js';
import { drop, type Ending } from './ending.js';
import { checkHeaderIpv6, checkStartIpv6, type FragmentPart, lengthIpv6, walkExtensions } from './ipv6.js';

export const TCP = 6;
export const UDP = 17;

/** An IP packet whose headers are sound. */
export interface IpPacket {
  readonly family: Family;
  /** The packet without what the link layer padded behind it. */
  readonly bytes: Uint8Array;
  readonly source: string;
  readonly destination: string;
  /** TOS of IPv4, traffic class of IPv6: DSCP 6 bits, ECN 2. */
  readonly trafficClass: number;
  /** Whether a router on the way may cut it: IPv4 without DF. */
  readonly isDivisible: boolean;
  /** What is behind all headers of the IP layer; of a later fragment, what its header says. */
  readonly protocol: number;
  /** Where the upper protocol begins. */
  readonly upperAt: number;
  readonly upper: Uint8Array;
  /** Left out for a whole packet. */
  readonly fragment: FragmentPart | undefined;
}

/** Enough of a header to read its addresses? */
export function checkStart(family: Family, packet: Uint8Array): Ending | undefined {
  if (family === 6) return checkStartIpv6(packet);
  if (packet.length < 20) return drop('ipv4-truncated');
  if (packet[0]! >> 4 !== 4) return drop('ipv4-version');
  return undefined;
}

export function sourceOf(family: Family, packet: Uint8Array): string {
  return addressText(family, packet, family === 6 ? 8 : 12);
}

export function destinationOf(family: Family, packet: Uint8Array): string {
  return addressText(family, packet, family === 6 ? 24 : 16);
}

export function checkHeader(family: Family, packet: Uint8Array): Ending | undefined {
  if (family === 6) return checkHeaderIpv6(packet);
  const headerBytes = (packet[0]! & 15) * 4;
  if (headerBytes < 20) return drop('ipv4-header-length');
  if (headerBytes > packet.length) return drop('ipv4-truncated');
  const totalLength = be16(packet, 2);
  if (totalLength < headerBytes) return drop('ipv4-total-length');
  if (totalLength > packet.length) return drop('ipv4-truncated');
  if (internetChecksum(packet.subarray(0, headerBytes)) !== 0) return drop('ipv4-checksum');
  return undefined;
}

/** No packet may be on its way with a TTL of 0, nor come from where no host is. */
export function checkSender(family: Family, packet: Uint8Array): Ending | undefined {
  if (packet[family === 6 ? 7 : 8] === 0) return drop('ttl');
  const source = sourceOf(family, packet);
  return isNobody(family, source) || source === destinationOf(family, packet) ? drop('source') : undefined;
}

/** "This" network, loopback, multicast, reserved and broadcast (RFC 6890); unspecified, loopback, multicast (RFC 4291). */
function isNobody(family: Family, address: string): boolean {
  const first = ipBytes(address)[0]!;
  if (family === 6) return first === 0xff || address === '::' || address === '::1';
  return first === 0 || first === 127 || first >= 224;
}

/** A packet whose header was checked, in its parts. */
export function takeApart(family: Family, packet: Uint8Array): IpPacket | Ending {
  const addresses = { source: sourceOf(family, packet), destination: destinationOf(family, packet) };
  if (family === 4) {
    const bytes = packet.slice(0, be16(packet, 2));
    const upperAt = (bytes[0]! & 15) * 4;
    return {
      family,
      bytes,
      ...addresses,
      trafficClass: bytes[1]!,
      isDivisible: (be16(bytes, 6) & 0x4000) === 0,
      protocol: bytes[9]!,
      upperAt,
      upper: bytes.subarray(upperAt),
      fragment: fragmentOfIpv4(bytes),
    };
  }
  const bytes = packet.slice(0, lengthIpv6(packet));
  const walked = walkExtensions(bytes);
  if (walked === undefined) return drop('ipv6-extension');
  const { protocol, at, fragment } = walked;
  return {
    family,
    bytes,
    ...addresses,
    trafficClass: (be16(bytes, 0) >> 4) & 0xff,
    isDivisible: false,
    protocol,
    upperAt: at,
    upper: bytes.subarray(at),
    fragment,
  };
}

/** More fragments, or not the first one; the reserved bit does not matter. */
export function fragmentOfIpv4(packet: Uint8Array): FragmentPart | undefined {
  const field = be16(packet, 6);
  const offsetBytes = (field & 0x1fff) * 8;
  const hasMore = (field & 0x2000) !== 0;
  if (offsetBytes === 0 && !hasMore) return undefined;
  const data = packet.subarray((packet[0]! & 15) * 4);
  return { protocol: packet[9]!, identification: be16(packet, 4), offsetBytes, hasMore, data };
}
