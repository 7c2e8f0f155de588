/** Bytes for the packet tests, written as a dissector shows them: one header a line, and the words of the formats. */

/** The bytes of hexadecimal text; white space is for the reader. */
export function hex(...lines: string[]): Uint8Array {
  const digits = lines.join('').replace(/\s+/g, '');
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** The pieces one after the other. */
export function concat(...pieces: Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

/** Destination and source of an Ethernet header. */
export const MAC_1_TO_2 = '02 00 00 00 00 02  02 00 00 00 00 01';

/** SYN 192.0.2.7:40000 > 80.80.80.80:443, both checksums right; 44 bytes with its MSS option. */
export const SYN_IPV4 = [
  '45 00 00 2c 00 01 40 00 40 06 d8 23  c0 00 02 07 50 50 50 50',
  '9c 40 01 bb 00 00 00 01 00 00 00 00 60 02 fa f0 9c 91 00 00  02 04 05 b4',
];

/** The SYN as a MUX sends it to a host: VLAN 7, 10.0.0.1 > 10.0.0.2, VXLAN 5001. */
export const VXLAN_IN_VLAN = hex(
  MAC_1_TO_2,
  '81 00 00 07 08 00',
  '45 00 00 5e 00 02 00 00 40 11 66 8b  0a 00 00 01 0a 00 00 02',
  'c0 01 12 b5 00 4a 00 00',
  '08 00 00 00 00 13 89 00',
  '02 00 00 00 00 0b  02 00 00 00 00 0a  08 00',
  ...SYN_IPV4,
);
