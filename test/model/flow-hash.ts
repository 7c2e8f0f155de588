/**
 * Flow hash, version 1: what every MUX of a fabric computes alike, so that any of them sends a flow to the same backend.
 *
 * Message, 13 bytes as on the wire: | source address 4 | destination address 4 | source port 2 | destination port 2 | protocol 1 |
 */

import type { Distribution } from '../../sdk/program/types.js';
import { concat, fromHex, ipv4Bytes, putBe16 } from '../support/bytes.js';
import { sipHash } from './siphash.js';

export interface FiveTuple {
  source: string;
  destination: string;
  sourcePort: number;
  destinationPort: number;
  protocol: number;
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
  return sipHash(fromHex(key), concat(ipv4Bytes(tuple.source), ipv4Bytes(tuple.destination), tail), 1, 3);
}

/** The high half of the hash, scaled to the ring. */
export function ringSlot(hash: bigint, slotCount: number): number {
  return Number(((hash >> 32n) * BigInt(slotCount)) >> 32n);
}

/** Source port of the outer UDP header, 49152..65535, out of the low half of the hash of the 5-tuple. */
export function entropyPort(hash: bigint): number {
  return 49152 + Number((hash & 0xffff_ffffn) >> 18n);
}
