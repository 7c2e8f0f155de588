/**
 * ARP for IPv4 over Ethernet, RFC 826; names as there.
 *
 *   | hardware 16 | protocol 16 | hardware length 8 | protocol length 8 | operation 16 |      8 bytes
 *   | sender hardware 48 | sender protocol 32 | target hardware 48 | target protocol 32 |   20 bytes
 */

import { cutHeader, fits, type Header, hex, layerAt } from '../layer.js';
import { ipv4At, macAt } from './address.js';

const FIXED_BYTES = 8;
const ARP_BYTES = 28;

/** ARP; addresses are read for IPv4 over Ethernet only. */
export const arp: Header = {
  decode(region) {
    if (!fits(region, FIXED_BYTES)) return cutHeader('arp', region, ARP_BYTES);
    const { view, offset } = region;
    const fields = {
      hardwareType: view.getUint16(offset),
      protocolType: view.getUint16(offset + 2),
      operation: view.getUint16(offset + 6),
    };
    const isIpv4OverEthernet =
      fields.hardwareType === 1 && fields.protocolType === 0x0800 && view.getUint16(offset + 4) === 0x0604;
    if (!isIpv4OverEthernet) return { layer: layerAt('arp', region, FIXED_BYTES, fields) };
    if (!fits(region, ARP_BYTES)) return cutHeader('arp', region, ARP_BYTES);
    return {
      layer: layerAt('arp', region, ARP_BYTES, {
        ...fields,
        senderHardwareAddress: macAt(view, offset + 8),
        senderProtocolAddress: ipv4At(view, offset + 14),
        targetHardwareAddress: macAt(view, offset + 18),
        targetProtocolAddress: ipv4At(view, offset + 24),
      }),
    };
  },

  describe({ fields }) {
    if (fields.senderProtocolAddress === undefined) {
      const protocol = hex(Number(fields.protocolType), 4);
      return `ARP, hardware ${fields.hardwareType}, protocol ${protocol}, operation ${fields.operation}`;
    }
    switch (fields.operation) {
      case 1:
        return `ARP, Request who-has ${fields.targetProtocolAddress} tell ${fields.senderProtocolAddress}`;
      case 2:
        return `ARP, Reply ${fields.senderProtocolAddress} is-at ${fields.senderHardwareAddress}`;
      default:
        return `ARP, operation ${fields.operation}, from ${fields.senderProtocolAddress} to ${fields.targetProtocolAddress}`;
    }
  },
};
