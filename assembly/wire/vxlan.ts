/**
 * VXLAN header, RFC 7348 section 5: eight bytes after the outer UDP header.
 *
 *   0                 1             4     7          8
 *   |R|R|R|R|I|R|R|R| | reserved 24 | VNI | reserved |
 */

export const VXLAN_BYTES: u32 = 8;
/** UDP port 4789 as it lies in memory. */
export const VXLAN_PORT_NET: u32 = 0xb512;

const FLAGS = 0;
const VNI = 4;
const FLAG_VNI_VALID: u32 = 0x08;

/** The I flag; every other bit is reserved and ignored on receipt. */
export function vxlanVniIsValid(vxlan: usize): bool {
  return (load<u8>(vxlan, FLAGS) & FLAG_VNI_VALID) != 0;
}

export function vxlanVni(vxlan: usize): u32 {
  return bswap<u32>(load<u32>(vxlan, VNI)) >>> 8;
}
