/**
 * The Internet checksum: RFC 1071 to compute it, RFC 1624 to change what it covers.
 *
 * One's complement sums do not care about byte order as long as all of it is the same (RFC 1071 section 2 B), so words
 * are added as they lie in little-endian memory and the result is stored the same way.
 */

/** 0xffff × this = 1 modulo 2^64. */
const INVERSE_OF_FFFF: u64 = 0xfffefffefffeffff;
/** (2^64 − 1) / 0xffff */
const QUOTIENT_MAX: u64 = 0x1000100010001;

/** The one's complement sum of a multiple of four bytes, folded to 16 bits. */
export function sumWords(start: usize, bytes: u32): u32 {
  let sum: u64 = 0;
  const end = start + bytes;
  for (let at = start; at < end; at += 4) sum += load<u32>(at);
  return fold64(sum);
}

/** The same of any number of bytes; a last odd one counts as the first half of a word whose other half is zero. */
export function sumBytes(start: usize, bytes: u32): u32 {
  const whole = bytes & ~3;
  let sum = sumWords(start, whole);
  let at = start + whole;
  if ((bytes & 2) != 0) {
    sum += load<u16>(at);
    at += 2;
  }
  if ((bytes & 1) != 0) sum += load<u8>(at);
  return fold(sum);
}

/** Ends a sum: what a header's checksum field must hold. */
export function checksumOf(sum: u32): u16 {
  return <u16>~fold(sum);
}

/** One term of RFC 1624 equation 3, `~m + m'`, for a 16-bit word that changes. */
export function changeOf16(before: u32, after: u32): u32 {
  return (~before & 0xffff) + after;
}

/** The same for a 32-bit field: two words. */
export function changeOf32(before: u32, after: u32): u32 {
  return changeOf16(before & 0xffff, after & 0xffff) + changeOf16(before >>> 16, after >>> 16);
}

/** RFC 1624 equation 3, `HC' = ~(~HC + ~m + m')`, with the terms of all changed words added up. */
export function checksumChanged(checksum: u32, change: u32): u16 {
  return checksumOf((~checksum & 0xffff) + change);
}

/**
 * Whether a sum of 32-bit words that are not all zero folds to 0xffff, as that of what has a right checksum does: whether
 * it is a multiple of 0xffff. An odd number divides another one when that, times its inverse modulo 2^64, is no more than
 * the greatest quotient (Granlund and Montgomery, "Division by Invariant Integers using Multiplication", section 9).
 *
 * @inline
 */
export function isSumOfWhole(sum: u64): bool {
  return sum * INVERSE_OF_FFFF <= QUOTIENT_MAX;
}

function fold(sum: u32): u32 {
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16);
}

/** Folds the sum of 32-bit words to 16 bits. */
export function fold64(sum: u64): u32 {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  return fold(<u32>sum);
}
