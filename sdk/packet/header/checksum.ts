/**
 * The Internet checksum, RFC 1071: the one's complement of the one's complement sum of all 16-bit words, a last odd
 * byte padded with zero. TCP, UDP and ICMPv6 sum a pseudo header too (RFC 9293 section 3.1, RFC 8200 section 8.1).
 *
 *     | source address | destination address | length 32 | zero 24 | protocol 8 | header and payload |
 */

import { type Fields, hex, type Region } from '../layer.js';

/** One's complement sum of the bytes from `start` to `end`, in 16 bits. */
export function onesComplementSum(view: DataView, start: number, end: number): number {
  let sum = 0;
  let at = start;
  for (; at + 2 <= end; at += 2) sum += view.getUint16(at);
  if (at < end) sum += view.getUint8(at) << 8;
  return fold(sum);
}

/**
 * The checksum at `checksumOffset` and, when it is wrong, what it should have been. `seed` is the sum of the pseudo
 * header.
 */
export function checksumFields(view: DataView, start: number, end: number, checksumOffset: number, seed = 0): Fields {
  const checksum = view.getUint16(checksumOffset);
  const others =
    onesComplementSum(view, start, checksumOffset) + onesComplementSum(view, checksumOffset + 2, end) + seed;
  const checksumExpected = ~fold(others) & 0xffff;
  // 0x0000 and 0xffff are both zero in one's complement, and senders choose either.
  return checksum % 0xffff === checksumExpected % 0xffff ? { checksum } : { checksum, checksumExpected };
}

/** `checksumFields` of a transport header, which is checked only when all the bytes it covers are known. */
export function transportChecksumFields(
  region: Region,
  end: number,
  checksumOffset: number,
  pseudoHeader?: { readonly protocol: number },
): Fields {
  const { view, offset, addressSum } = region;
  const unknowable = region.partial || end > region.captureEnd || (pseudoHeader && addressSum === undefined);
  if (unknowable) return { checksum: view.getUint16(checksumOffset) };
  const seed = pseudoHeader === undefined ? 0 : addressSum! + pseudoHeader.protocol + fold(end - offset);
  return checksumFields(view, offset, end, checksumOffset, seed);
}

/** A note on a wrong checksum, with a leading space; nothing when it is right or could not be checked. */
export function checksumNote({ checksum, checksumExpected }: Fields): string {
  if (checksumExpected === undefined) return '';
  return ` bad cksum ${hex(Number(checksum), 4)} (-> ${hex(Number(checksumExpected), 4)})`;
}

function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return folded;
}
