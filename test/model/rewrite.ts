/**
 * Network address translation of one packet: an address and a port change, and the checksums that cover them follow.
 *
 * The checksums are updated, not computed anew (RFC 1624 equation 3): a packet that was damaged on its way must not
 * leave here with a checksum that says it is whole.
 */

import { be16, concat, ipv4Bytes, putBe16 } from '../support/bytes.js';
import { TCP, trim } from './ipv4.js';

/** HC' = ~(~HC + ~m + m'), once for each 16-bit word that differs. */
export function updateChecksum(checksum: number, before: Uint8Array, after: Uint8Array): number {
  let updated = checksum;
  for (let at = 0; at < before.length; at += 2) {
    const m = be16(before, at);
    const mNew = be16(after, at);
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

/** The packet, without padding, with another source or destination. */
export function translate(
  packet: Uint8Array,
  side: 'source' | 'destination',
  address: string,
  port: number,
): Uint8Array {
  const out = trim(packet);
  const transportAt = (out[0]! & 15) * 4;
  const addressAt = side === 'source' ? 12 : 16;
  const portAt = transportAt + (side === 'source' ? 0 : 2);

  const addressBefore = out.slice(addressAt, addressAt + 4);
  const addressAfter = ipv4Bytes(address);
  const portBefore = out.slice(portAt, portAt + 2);
  const portAfter = new Uint8Array(2);
  putBe16(portAfter, 0, port);
  out.set(addressAfter, addressAt);
  out.set(portAfter, portAt);

  putBe16(out, 10, updateChecksum(be16(out, 10), addressBefore, addressAfter));

  const isTcp = out[9] === TCP;
  const checksumAt = transportAt + (isTcp ? 16 : 6);
  const checksum = be16(out, checksumAt);
  if (!isTcp && checksum === 0) {
    return out;
  }
  const updated = updateChecksum(checksum, concat(addressBefore, portBefore), concat(addressAfter, portAfter));
  putBe16(out, checksumAt, !isTcp && updated === 0 ? 0xffff : updated);
  return out;
}
