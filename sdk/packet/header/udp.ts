/**
 * UDP header, RFC 768: eight bytes.
 *
 *   | source port 16 | destination port 16 |
 *   | length 16 | checksum 16 |              length counts the header; checksum 0 means none was computed
 */

import {
  cutHeader,
  cutPayloadFields,
  fits,
  type Header,
  layerAt,
  malformedHeader,
  payloadOf,
  type Region,
} from '../layer.js';
import { checksumNote, transportChecksumFields } from './checksum.js';
import { PROTOCOL_UDP } from './ip-protocol.js';

const HEADER_BYTES = 8;

/** The port IANA gave VXLAN, RFC 7348 section 8. */
const PORT_VXLAN = 4789;

/** Where host agents listen for redirects of MUXes. */
const PORT_REDIRECT = 8571;
/** `EMRD` */
const MAGIC_REDIRECT = 0x454d5244;

/** UDP; carries VXLAN or a redirect when the destination port says so, and is otherwise only counted. */
export const udp: Header = {
  decode(region) {
    const { view, offset } = region;
    if (!fits(region, 4)) return cutHeader('udp', region, HEADER_BYTES);
    const ports = { sourcePort: view.getUint16(offset), destinationPort: view.getUint16(offset + 2) };
    if (!fits(region, HEADER_BYTES)) return cutHeader('udp', region, HEADER_BYTES, ports);
    const length = view.getUint16(offset + 4);
    if (length < HEADER_BYTES) return malformedHeader('udp', region, `length ${length}`);
    const end = offset + length;
    const checksum = view.getUint16(offset + 6);
    const fields = {
      ...ports,
      length,
      ...(checksum === 0 ? { checksum } : transportChecksumFields(region, end, offset + 6, { protocol: PROTOCOL_UDP })),
      ...cutPayloadFields(region, end),
    };
    // Of a packet quoted in an ICMP error, the flow is what matters; what it carried is rarely there.
    const header = region.quoted ? undefined : carriedBy(region, ports, length);
    return {
      layer: layerAt('udp', region, HEADER_BYTES, fields),
      next: header && { header, region: payloadOf(region, offset + HEADER_BYTES, end) },
    };
  },

  describe({ fields }) {
    if (fields.length === undefined) return '';
    const checksum = fields.checksum === 0 ? ', no cksum' : checksumNote(fields);
    return `UDP${checksum}, length ${Number(fields.length) - HEADER_BYTES}`;
  },
};

/** Anybody may use the port of redirects: its first bytes must say that it is one. */
function carriedBy(
  region: Region,
  ports: { destinationPort: number },
  length: number,
): 'vxlan' | 'redirect' | undefined {
  if (ports.destinationPort === PORT_VXLAN) return 'vxlan';
  const hasMagic = length >= HEADER_BYTES + 4 && fits(region, HEADER_BYTES + 4);
  const isRedirect = ports.destinationPort === PORT_REDIRECT && hasMagic;
  return isRedirect && region.view.getUint32(region.offset + HEADER_BYTES) === MAGIC_REDIRECT ? 'redirect' : undefined;
}
