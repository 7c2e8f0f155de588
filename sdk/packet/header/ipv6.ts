/**
 * IPv6 header, RFC 8200 section 3, and its extension headers, section 4 (the authentication header: RFC 4302).
 *
 *   | version 4 | traffic class 8 | flow label 20 |
 *   | payload length 16 | next header 8 | hop limit 8 |
 *   | source 128 |
 *   | destination 128 |                                                  40 bytes
 *
 *   | next header 8 | length 8 | …                                       (length + 1) × 8 bytes; AH (length + 2) × 4
 *   | next header 8 | reserved 8 | offset 13 | 00 | MF | identification 32 |     fragment: 8 bytes
 */

import {
  cutHeader,
  cutPayloadFields,
  fits,
  type Header,
  hex,
  layerAt,
  malformedHeader,
  payloadOf,
  type Region,
} from '../layer.js';
import { ipv6At } from './address.js';
import { onesComplementSum } from './checksum.js';
import { carriedByIp, endpoints } from './ip-protocol.js';
import { laterFragment } from './ipv4.js';

const HEADER_BYTES = 40;
const EXTENSION_BYTES_MIN = 8;

/** The fixed IPv6 header. */
export const ipv6: Header = {
  decode(region) {
    if (!fits(region, HEADER_BYTES)) return cutHeader('ipv6', region, HEADER_BYTES);
    const { view, offset } = region;
    const versionClassLabel = view.getUint32(offset);
    const version = versionClassLabel >>> 28;
    if (version !== 6) return malformedHeader('ipv6', region, `version ${version}`);
    const payloadLength = view.getUint16(offset + 4);
    const nextHeader = view.getUint8(offset + 6);
    // 0 is a jumbogram (RFC 2675) or a capture taken before segmentation offload: as long as what holds it.
    const end = payloadLength === 0 && nextHeader !== 59 ? region.wireEnd : offset + HEADER_BYTES + payloadLength;
    const payload: Region = {
      ...payloadOf(region, offset + HEADER_BYTES, end),
      addressSum: onesComplementSum(view, offset + 8, offset + 40),
    };
    return {
      layer: layerAt('ipv6', region, HEADER_BYTES, {
        trafficClass: (versionClassLabel >>> 20) & 0xff,
        flowLabel: versionClassLabel & 0xfffff,
        payloadLength,
        nextHeader,
        hopLimit: view.getUint8(offset + 7),
        source: ipv6At(view, offset + 8),
        destination: ipv6At(view, offset + 24),
        ...cutPayloadFields(region, end),
      }),
      next: carriedByIp(6, nextHeader, payload),
    };
  },

  describe(layer, transport) {
    const { trafficClass, flowLabel, hopLimit } = layer.fields;
    const notes = [
      trafficClass === 0 ? '' : `class ${hex(Number(trafficClass), 1)}`,
      flowLabel === 0 ? '' : `flowlabel ${hex(Number(flowLabel), 5)}`,
      `hlim ${hopLimit}`,
    ].filter(Boolean);
    return `IP6 (${notes.join(', ')}) ${endpoints(layer, transport)}`;
  },
};

/** An extension header other than the fragment header; which one, is its field `header`. */
export const ipv6Extension: Header = {
  decode(region) {
    if (!fits(region, EXTENSION_BYTES_MIN)) return cutHeader('ipv6-extension', region, EXTENSION_BYTES_MIN);
    const { view, offset, announcedAs } = region;
    const nextHeader = view.getUint8(offset);
    const lengthField = view.getUint8(offset + 1);
    const bytes = announcedAs === 'ah' ? (lengthField + 2) * 4 : (lengthField + 1) * 8;
    if (!fits(region, bytes)) return cutHeader('ipv6-extension', region, bytes);
    // With segments left, the pseudo header holds the last address of the route and not the one in the header (8.1).
    const isEnRoute = announcedAs === 'routing' && view.getUint8(offset + 3) > 0;
    const payload = payloadOf(region, offset + bytes);
    return {
      layer: layerAt('ipv6-extension', region, bytes, { header: announcedAs, nextHeader }),
      next: carriedByIp(6, nextHeader, isEnRoute ? { ...payload, addressSum: undefined } : payload),
    };
  },
  describe: ({ fields }) => String(fields.header),
};

/** The fragment header. */
export const ipv6Fragment: Header = {
  decode(region) {
    if (!fits(region, EXTENSION_BYTES_MIN)) return cutHeader('ipv6-fragment', region, EXTENSION_BYTES_MIN);
    const { view, offset } = region;
    const nextHeader = view.getUint8(offset);
    const fragment = view.getUint16(offset + 2);
    const fragmentOffset = fragment & 0xfff8;
    const more = fragment & 1;
    const payload: Region = {
      ...payloadOf(region, offset + EXTENSION_BYTES_MIN),
      // A datagram "fragmented" into one piece is whole (RFC 6946).
      partial: region.partial || fragmentOffset > 0 || more === 1,
    };
    return {
      layer: layerAt('ipv6-fragment', region, EXTENSION_BYTES_MIN, {
        nextHeader,
        fragmentOffset,
        more,
        identification: view.getUint32(offset + 4),
      }),
      next: fragmentOffset > 0 ? laterFragment(nextHeader, payload) : carriedByIp(6, nextHeader, payload),
    };
  },
  describe({ fields }) {
    const more = fields.more === 1 ? ', flags [MF]' : '';
    return `frag (id ${hex(Number(fields.identification), 8)}, offset ${fields.fragmentOffset}${more})`;
  },
};
