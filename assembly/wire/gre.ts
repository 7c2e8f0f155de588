/**
 * NVGRE header, RFC 7637 section 3.2: GRE with the virtual subnet in its key.
 *
 *   0               2               4      7        8
 *   | flags 0x2000  | type 0x6558   | VSID | FlowID |
 */

export const PROTOCOL_GRE: u32 = 47;
/** Flags and type: enough to know whether it is NVGRE. */
export const GRE_BYTES_MIN: u32 = 4;
/** With the key. */
export const NVGRE_BYTES: u32 = 8;

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
