/**
 * Flow hash, version 1: what every MUX of a fabric computes alike, so that any of them sends a flow to the same backend.
 *
 * Message as on the wire, 13 bytes for IPv4 and 37 for IPv6:
 * | source address 4 or 16 | destination address 4 or 16 | source port 2 | destination port 2 | protocol 1 |
 */

import type { Distribution } from '../../sdk/program/types.js';
import { concat, fromHex, ipBytes, putBe16 } from '../support/bytes.js';
import { sipHash } from './siphash.js';

export interface FiveTuple {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly protocol: number;
}

export function flowHash(key: string, tuple: FiveTuple, distribution: Distribution): bigint {
  const tail = new Uint8Array(5);
  if (distribution === 'Default') {
    putBe16(tail, 0, tuple.sourcePort);
    putBe16(tail, 2, tuple.destinationPort);
  }
  if (distribution !== 'SourceIP') {
    tail[4] = tuple.protocol;
  }
  const message = concat(ipBytes(tuple.source), ipBytes(tuple.destination), tail);
  return sipHash(fromHex(key), message, 1, 3);
}

/** The high half of the hash, scaled to the ring. */
export function ringSlot(hash: bigint, slotCount: number): number {
  return Number(((hash >> 32n) * BigInt(slotCount)) >> 32n);
}

/** 14 bits out of the low half of the hash of the 5-tuple: what spreads tunnels over the paths of the underlay. */
export function entropy(hash: bigint): number {
  return Number((hash & 0xffff_ffffn) >> 18n);
}

/** Source port of the outer UDP header, 49152..65535. */
export function entropyPort(hash: bigint): number {
  return 49152 + entropy(hash);
}

/** Flow label of an outer IPv6 header: the upper 20 of the 32 bits that also make the port. */
export function entropyLabel(hash: bigint): number {
  return Number((hash & 0xffff_ffffn) >> 12n);
}
