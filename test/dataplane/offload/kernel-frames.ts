/**
 * What Linux leaves to the hardware, as an AF_PACKET socket with PACKET_VNET_HDR gave it behind a veth pair (Linux 6.18):
 * TCP with TSO, UDP with UDP_SEGMENT, and both in a vxlan device.
 */
import { concat, fromHex } from '../../support/bytes.js';
import type { VirtioHeader } from './virtio.js';

export interface KernelFrame {
  readonly name: string;
  readonly header: Required<VirtioHeader>;
  readonly frame: Uint8Array;
}

/** The payload of all of them counts up in steps of seven. */
function payload(first: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, index) => (first + index) * 7);
}

export const KERNEL_FRAMES: readonly KernelFrame[] = [
  {
    name: 'SYN of TCP over IPv4',
    header: { flags: 1, gsoType: 0, headerLength: 0, gsoSize: 0, checksumStart: 34, checksumOffset: 16 },
    frame: fromHex(`
      b2066db74969f226916379bf08004500003cbd0b40004006699c0a0900010a0900028f4a1f9025d4374a00000000a002
      faf014430000020405b40402080a4d4d4133000000000103030a`),
  },
  {
    name: '6,000 bytes of TCP over IPv4',
    header: { flags: 1, gsoType: 1, headerLength: 66, gsoSize: 1448, checksumStart: 34, checksumOffset: 16 },
    frame: concat(
      fromHex(`
      b2066db74969f226916379bf0800450017a4bd0d4000400652320a0900010a0900028f4a1f9025d4374baaccc9318018
      003f2bab00000101080a4d4d413300a91add`),
      payload(0, 6000),
    ),
  },
  {
    name: 'SYN of TCP over IPv6',
    header: { flags: 1, gsoType: 0, headerLength: 0, gsoSize: 0, checksumStart: 54, checksumOffset: 16 },
    frame: fromHex(`
      b2066db74969f226916379bf86dd600093a800280640fd090000000000000000000000000001fd090000000000000000
      000000000002c66c1f90a42a5a1100000000a002fd20fa440000020405a00402080a3c829a00000000000103030a`),
  },
  {
    name: '6,000 bytes of TCP over IPv6',
    header: { flags: 1, gsoType: 4, headerLength: 86, gsoSize: 1428, checksumStart: 54, checksumOffset: 16 },
    frame: concat(
      fromHex(`
      b2066db74969f226916379bf86dd600093a817900640fd090000000000000000000000000001fd090000000000000000
      000000000002c66c1f90a42a5a12f79293448018004011ad00000101080a3c829a013817135e`),
      payload(0, 6000),
    ),
  },
  {
    name: 'ARP in VXLAN, whose own UDP checksum is left',
    header: { flags: 1, gsoType: 0, headerLength: 0, gsoSize: 0, checksumStart: 34, checksumOffset: 6 },
    frame: fromHex(`
      b2066db74969f226916379bf08004500004ef857000040116e330a0900010a090002905712b5003a1460080000000013
      8900ffffffffffff0e5fddbbd73c080600010800060400010e5fddbbd73c0a0b00010000000000000a0b0002`),
  },
  {
    name: 'SYN in VXLAN over IPv4',
    header: { flags: 1, gsoType: 0, headerLength: 0, gsoSize: 0, checksumStart: 84, checksumOffset: 16 },
    frame: fromHex(`
      b2066db74969f226916379bf08004500006ef858000040116e120a0900010a090002ed0012b5005a2a3c080000000013
      89003249954cb1790e5fddbbd73c08004500003ca1534000400685500a0b00010a0b0002977a1f9014d8999f00000000
      a002faf014470000020405b40402080a2df73431000000000103030a`),
  },
  {
    name: 'neighbour discovery in VXLAN over IPv6',
    header: { flags: 1, gsoType: 0, headerLength: 0, gsoSize: 0, checksumStart: 54, checksumOffset: 6 },
    frame: fromHex(`
      b2066db74969f226916379bf86dd6000000000661140fd090000000000000000000000000001fd090000000000000000
      000000000002d03e12b50066fa8d0800000000138b003333ff0000027eb34415b49e86dd6000000000203afffd130000
      000000000000000000000001ff0200000000000000000001ff0000028700080b00000000fd1300000000000000000000
      0000000201017eb34415b49e`),
  },
  {
    name: 'SYN over IPv6 in VXLAN over IPv6',
    header: { flags: 1, gsoType: 0, headerLength: 0, gsoSize: 0, checksumStart: 124, checksumOffset: 16 },
    frame: fromHex(`
      b2066db74969f226916379bf86dd60000000006e1140fd090000000000000000000000000001fd090000000000000000
      000000000002c3f212b5006e16700800000000138b002ae8236fe03b7eb34415b49e86dd6001f1bc00280640fd130000
      000000000000000000000001fd13000000000000000000000000000290b01f903d0a62ee00000000a002fd20fa580000
      020405a00402080a1798fbf3000000000103030a`),
  },
  {
    name: '4,354 bytes of TCP over IPv6 in VXLAN over IPv6',
    header: { flags: 1, gsoType: 4, headerLength: 156, gsoSize: 1358, checksumStart: 124, checksumOffset: 16 },
    frame: concat(
      fromHex(`
      b2066db74969f226916379bf86dd6000000011681140fd090000000000000000000000000001fd090000000000000000
      000000000002c3f212b511680b900800000000138b002ae8236fe03b7eb34415b49e86dd6001f1bc11220640fd130000
      000000000000000000000001fd13000000000000000000000000000290b01f903d0a683dff003207801800400b530000
      0101080a1798fbf3fcccdd2c`),
      payload(78, 4354),
    ),
  },
  {
    name: 'UDP over IPv4 with UDP_SEGMENT',
    header: { flags: 1, gsoType: 5, headerLength: 42, gsoSize: 1000, checksumStart: 34, checksumOffset: 6 },
    frame: concat(
      fromHex(`
      b2066db74969f226916379bf080045000dc8f89600004011607a0a0900010a090002d54823280db421da`),
      payload(0, 3500),
    ),
  },
  {
    name: 'the same in VXLAN',
    header: { flags: 1, gsoType: 5, headerLength: 92, gsoSize: 1000, checksumStart: 84, checksumOffset: 6 },
    frame: concat(
      fromHex(`
      b2066db74969f226916379bf080045000dfaf8970000401160470a0900010a090002ba0d12b50de6220c080000000013
      89003249954cb1790e5fddbbd73c080045000dc829f2000040112f1b0a0b00010a0b0002d54823280db421de`),
      payload(0, 3500),
    ),
  },
  {
    name: 'UDP over IPv6 with UDP_SEGMENT',
    header: { flags: 1, gsoType: 5, headerLength: 62, gsoSize: 1000, checksumStart: 54, checksumOffset: 6 },
    frame: concat(
      fromHex(`
      b2066db74969f226916379bf86dd600d038f0db41140fd090000000000000000000000000001fd090000000000000000
      000000000002b01523280db407dc`),
      payload(0, 3500),
    ),
  },
];
