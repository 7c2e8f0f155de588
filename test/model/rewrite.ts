/**
 * Network address translation of one packet: addresses and ports change, and the checksums that cover them follow.
 *
 * The checksums are updated, not computed anew (RFC 1624 equation 3): a packet that was damaged on its way must not
 * leave here with a checksum that says it is whole.
 */

import { be16, concat, ipBytes, putBe16 } from '../support/bytes.js';
import type { Family } from './address.js';
import { isLaterFragment } from './datagrams.js';
import { ICMP } from './icmp.js';
import { type IpPacket, TCP, takeApart, UDP } from './ip.js';

/** An end of a connection; the identifier of an echo is its port, and what is left out stays as it is. */
export interface End {
  readonly address: string;
  readonly port?: number;
}

/** Which ends a packet is given. */
export interface Change {
  readonly source?: End;
  readonly destination?: End;
}

/** Where the addresses are, source and destination; in IPv4 right behind the checksum that covers them. */
const ADDRESSES: Readonly<Record<Family, readonly [start: number, bytes: number]>> = { 4: [12, 4], 6: [8, 16] };

/** No header that is translated is longer; even, so that checksum words stay whole. */
const HEADER_BYTES_MAX = 60;

/** The packet with other ends; ports only where it has some, checksums only where they are inside it. */
export function rewrite(packet: IpPacket, change: Change): Uint8Array {
  const out = packet.bytes.slice();
  const [start, bytes] = ADDRESSES[packet.family];
  if (change.source !== undefined) out.set(ipBytes(change.source.address), start);
  if (change.destination !== undefined) out.set(ipBytes(change.destination.address), start + bytes);
  if (packet.family === 4) {
    putBe16(out, 10, updateChecksum(be16(out, 10), addressesOf(packet.family, packet.bytes), addressesOf(4, out)));
  }
  if (!isLaterFragment(packet)) {
    putPorts(packet, out.subarray(packet.upperAt), change);
    mendTransportChecksum(packet, out);
  }
  return out;
}

/** A packet whose bytes were changed, in its parts again. */
export function again(packet: IpPacket, bytes: Uint8Array): IpPacket {
  const taken = takeApart(packet.family, bytes);
  if ('verdict' in taken) throw new Error(`a sound packet was changed into one that is ${taken.reason}`);
  return taken;
}

function putPorts({ family, protocol }: IpPacket, upper: Uint8Array, { source, destination }: Change): void {
  if (protocol === TCP || protocol === UDP) {
    if (upper.length < 4) return;
    if (source?.port !== undefined) putBe16(upper, 0, source.port);
    if (destination?.port !== undefined) putBe16(upper, 2, destination.port);
  } else if (protocol === ICMP[family]) {
    const identifier = source?.port ?? destination?.port;
    if (upper.length >= 6 && identifier !== undefined) putBe16(upper, 4, identifier);
  }
}

/** Mends the checksum of `out` for everything in which it differs from the packet it was made of. */
export function mendTransportChecksum(packet: IpPacket, out: Uint8Array): void {
  const { family, protocol, upperAt, upper, bytes } = packet;
  const checksumAt = transportChecksumAt(family, protocol);
  if (checksumAt === undefined || upper.length < checksumAt + 2) return;
  const checksum = be16(upper, checksumAt);
  if (protocol === UDP && checksum === 0) return;
  const covered = (ip: Uint8Array): Uint8Array => {
    const header = ip.subarray(upperAt, upperAt + HEADER_BYTES_MAX);
    const even = header.length % 2 === 0 ? header : concat(header, new Uint8Array(1));
    // The pseudo header; ICMP of IPv4 has none.
    return protocol === ICMP[4] ? even : concat(addressesOf(family, ip), even);
  };
  const updated = updateChecksum(checksum, covered(bytes), covered(out));
  putBe16(out, upperAt + checksumAt, protocol === UDP && updated === 0 ? 0xffff : updated);
}

/** From the transport header on; `undefined` where no checksum covers an address or a port. */
function transportChecksumAt(family: Family, protocol: number): number | undefined {
  if (protocol === TCP) return 16;
  if (protocol === UDP) return 6;
  return protocol === ICMP[family] ? 2 : undefined;
}

function addressesOf(family: Family, packet: Uint8Array): Uint8Array {
  const [start, bytes] = ADDRESSES[family];
  return packet.subarray(start, start + 2 * bytes);
}

/** HC' = ~(~HC + ~m + m'), once for each 16-bit word that differs. */
export function updateChecksum(checksum: number, before: Uint8Array, after: Uint8Array): number {
  let updated = checksum;
  for (let at = 0; at < before.length; at += 2) {
    const m = (before[at]! << 8) | before[at + 1]!;
    const mNew = (after[at]! << 8) | after[at + 1]!;
    if (m !== mNew) {
      updated = 0xffff - onesComplementSum([0xffff - updated, 0xffff - m, mNew]);
    }
  }
  return updated;
}

function onesComplementSum(words: readonly number[]): number {
  return words.reduce((sum, word) => {
    const added = sum + word;
    return added > 0xffff ? added - 0xffff : added;
  }, 0);
}
