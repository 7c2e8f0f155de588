/**
 * VXLAN header, RFC 7348 section 5: eight bytes after the outer UDP header, then a whole Ethernet frame.
 *
 *   |R|R|R|R|I|R|R|R| reserved 24 | VNI 24 | reserved 8 |     I: the VNI is valid
 */

import { cutHeader, fits, type Header, hex, layerAt, tunnelled } from '../layer.js';

const HEADER_BYTES = 8;
const FLAG_VNI_VALID = 0x08;

/** VXLAN; the inner frame follows at the next depth. */
export const vxlan: Header = {
  decode(region) {
    if (!fits(region, HEADER_BYTES)) return cutHeader('vxlan', region, HEADER_BYTES);
    const { view, offset } = region;
    const fields = { flags: view.getUint8(offset), vni: view.getUint32(offset + 4) >>> 8 };
    return {
      layer: layerAt('vxlan', region, HEADER_BYTES, fields),
      next: { header: 'ethernet', region: tunnelled(region, offset + HEADER_BYTES) },
    };
  },
  describe({ fields }) {
    const flags = Number(fields.flags);
    return `VXLAN, flags [${flags & FLAG_VNI_VALID ? 'I' : '.'}] (${hex(flags, 2)}), vni ${fields.vni}`;
  },
};
