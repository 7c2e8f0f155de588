/**
 * Ethernet II and the tags of IEEE 802.1Q behind it.
 *
 *   | destination 48 | source 48 | EtherType 16 |            14 bytes
 *   | priority 3 | drop eligible 1 | VLAN 12 | EtherType 16 |    4 bytes a tag, after EtherType 8100, 88a8 or 9100
 */

import { cutHeader, fits, type Header, hex, type LayerName, layerAt, payloadOf } from '../layer.js';
import { macAt } from './address.js';

const ETHERNET_BYTES = 14;
const VLAN_BYTES = 4;

/** Below this the field is the length of an IEEE 802.3 frame and not a type. */
const ETHER_TYPE_MIN = 0x0600;

/** Ethernet II, and IEEE 802.3 frames as far as their addresses. */
export const ethernet: Header = {
  decode(region) {
    if (!fits(region, ETHERNET_BYTES)) return cutHeader('ethernet', region, ETHERNET_BYTES);
    const { view, offset } = region;
    const etherType = view.getUint16(offset + 12);
    const fields = { source: macAt(view, offset + 6), destination: macAt(view, offset), etherType };
    const payload = { ...payloadOf(region, offset + ETHERNET_BYTES), announcedAs: etherTypeName(etherType) };
    return {
      layer: layerAt('ethernet', region, ETHERNET_BYTES, fields),
      next: { header: etherTypeHeader(etherType), region: payload },
    };
  },
  describe: ({ fields }) => `${fields.source} > ${fields.destination}`,
};

/** One VLAN tag; stacked tags (QinQ) are several layers. */
export const vlan: Header = {
  decode(region) {
    if (!fits(region, VLAN_BYTES)) return cutHeader('vlan', region, VLAN_BYTES);
    const { view, offset } = region;
    const tag = view.getUint16(offset);
    const etherType = view.getUint16(offset + 2);
    const fields = { id: tag & 0x0fff, priority: tag >> 13, dropEligible: (tag >> 12) & 1, etherType };
    const payload = { ...payloadOf(region, offset + VLAN_BYTES), announcedAs: etherTypeName(etherType) };
    return {
      layer: layerAt('vlan', region, VLAN_BYTES, fields),
      next: { header: etherTypeHeader(etherType), region: payload },
    };
  },
  describe({ fields }) {
    const priority = fields.priority === 0 ? '' : `, p ${fields.priority}`;
    return `vlan ${fields.id}${priority}${fields.dropEligible === 1 ? ', DEI' : ''}`;
  },
};

function etherTypeHeader(etherType: number): LayerName {
  switch (etherType) {
    case 0x0800:
      return 'ipv4';
    case 0x86dd:
      return 'ipv6';
    case 0x0806:
      return 'arp';
    case 0x8100:
    case 0x88a8:
    case 0x9100:
      return 'vlan';
    default:
      return 'payload';
  }
}

function etherTypeName(etherType: number): string {
  return etherType < ETHER_TYPE_MIN ? '802.3' : `ethertype ${hex(etherType, 4)}`;
}
