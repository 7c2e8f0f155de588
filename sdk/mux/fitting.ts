/** How long a packet may be that needs no closer look: most packets are only compared with this one number. */
import { parseIp } from '../net/address.js';
import type { Encapsulation, MuxProgram } from '../program/types.js';

const IP_HEADER_BYTES = { 4: 20, 6: 40 } as const;
/** UDP and VXLAN, or GRE; and the inner Ethernet header. */
const TUNNEL_HEADER_BYTES: Readonly<Record<Encapsulation, number>> = { vxlan: 8 + 8 + 14, nvgre: 8 + 14 };
const IP_PACKET_BYTES_MAX = 65_535;

/**
 * Bytes of the longest IP packet that fits the provider network whatever its backend; longer ones may fit all the same,
 * and the data plane then looks at the backend.
 */
export function fittingBytes({ attachment, backends, encapsulation = 'vxlan' }: MuxProgram): number {
  const families = new Set(backends.map(({ hostProviderAddress }) => parseIp(hostProviderAddress).family));
  const ipHeaderBytes = IP_HEADER_BYTES[families.has(6) ? 6 : 4];
  return (attachment.mtuBytes ?? IP_PACKET_BYTES_MAX) - ipHeaderBytes - TUNNEL_HEADER_BYTES[encapsulation];
}
