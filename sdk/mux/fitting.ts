/** How long a packet may be so that it fits the provider network once it is encapsulated. */
import type { Encapsulation, MuxProgram } from '../program/types.js';

const IP_HEADER_BYTES = { 4: 20, 6: 40 } as const;
/** UDP and VXLAN, or GRE; and the inner Ethernet header. */
const TUNNEL_HEADER_BYTES: Readonly<Record<Encapsulation, number>> = { vxlan: 8 + 8 + 14, nvgre: 8 + 14 };
const IP_PACKET_BYTES_MAX = 65_535;

/** Bytes in front of an IP packet to a host, from the outer IP header to the inner Ethernet header. */
export function overheadBytes(encapsulation: Encapsulation, hostProviderAddress: string): number {
  return IP_HEADER_BYTES[hostProviderAddress.includes(':') ? 6 : 4] + TUNNEL_HEADER_BYTES[encapsulation];
}

/**
 * Bytes of the longest IP packet that fits whatever its backend: most packets are only compared with this one number.
 * A longer one may fit all the same, and the data plane then looks at its backend.
 */
export function fittingBytes({ attachment, backends, encapsulation = 'vxlan' }: MuxProgram): number {
  const overheads = backends.map(({ hostProviderAddress }) => overheadBytes(encapsulation, hostProviderAddress));
  const longest = overheads.reduce((a, b) => Math.max(a, b), 0);
  return (attachment.mtuBytes ?? IP_PACKET_BYTES_MAX) - longest;
}
