/**
 * Whom a tunnel is for, where its template is that of a host and not of a backend.
 *
 *   … | VNI 24 | 8 | VM's MAC address 6 | our MAC address 6 | type | IP packet      VXLAN and NVGRE alike
 *     ^-18         ^-14                                            ^0
 */
import { ETHERNET_BYTES } from '../wire/ethernet';

const VNI_BYTES: u32 = 4;

/** Writes network and VM into the headers in front of the packet at `ip`. */
export function setTunnelEnds(ip: usize, vni: u32, mac: u64): void {
  const ethernet = ip - ETHERNET_BYTES;
  const vniNet = bswap<u32>(vni << 8);
  store<u16>(ethernet - VNI_BYTES, <u16>vniNet);
  // The last byte is VXLAN's reserved one, or NVGRE's flow id.
  store<u8>(ethernet - VNI_BYTES, <u8>(vniNet >>> 16), 2);
  store<u32>(ethernet, <u32>mac);
  store<u16>(ethernet, <u16>(mac >> 32), 4);
}
