/**
 * GRE header with a key (RFC 2784, RFC 2890) as NVGRE has it, RFC 7637 section 3.2.
 *
 *   0                 2               4         7         8
 *   | flags, version | protocol type | VSID 24 | flow id |
 */

export const PROTOCOL_GRE: u32 = 47;

export const GRE_BYTES: u32 = 8;
export const GRE_FLOW_ID = 7;
/** Flags and type: enough to know whether it is NVGRE. */
export const GRE_BYTES_MIN: u32 = 4;

const TYPE = 2;
const KEY = 4;
/** Key present; no checksum, no sequence number, version 0. */
const FLAGS_NVGRE_NET: u32 = 0x0020;
/** Transparent Ethernet bridging. */
const TYPE_ETHERNET_NET: u32 = 0x5865;

export function carriesEthernet(gre: usize): bool {
  return load<u16>(gre, TYPE) == TYPE_ETHERNET_NET;
}

/** The flags RFC 7637 asks for, and no others. */
export function hasNvgreFlags(gre: usize): bool {
  return load<u16>(gre) == FLAGS_NVGRE_NET;
}

/** Virtual subnet id: what a VNI is to VXLAN. */
export function nvgreVsid(gre: usize): u32 {
  return bswap<u32>(load<u32>(gre, KEY)) >>> 8;
}
