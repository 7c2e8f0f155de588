/**
 * CRC-32C, the checksum of SCTP (RFC 9260 appendix A): reflected, of the polynomial 0x1edc6f41. Bit by bit, as few packets
 * have one and of those few are left to the hardware.
 */

const POLYNOMIAL_REFLECTED: u32 = 0x82f63b78;

/** Of a range; as it lies in memory when stored. */
export function crc32c(start: usize, bytes: u32): u32 {
  let crc: u32 = 0xffffffff;
  const end = start + bytes;
  for (let at = start; at < end; at++) {
    crc ^= load<u8>(at);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL_REFLECTED : 0);
  }
  return ~crc;
}
