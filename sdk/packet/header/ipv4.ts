/**
 * IPv4 header, RFC 791 section 3.1: 20 bytes and up to 40 of options.
 *
 *   | version 4 | header length 4 | TOS 8 | total length 16 |
 *   | identification 16 | 0 | DF | MF | fragment offset 13 |
 *   | TTL 8 | protocol 8 | header checksum 16 |
 *   | source 32 |
 *   | destination 32 |
 *   | options … |
 */

import {
  cutHeader,
  cutPayloadFields,
  fits,
  type Header,
  hex,
  layerAt,
  malformedHeader,
  type Next,
  payloadOf,
  type Region,
} from '../layer.js';
import { ipv4At } from './address.js';
import { checksumFields, checksumNote, onesComplementSum } from './checksum.js';
import { carriedByIp, endpoints, protocolName } from './ip-protocol.js';

const HEADER_BYTES_MIN = 20;

/** IPv4 with its options by name. */
export const ipv4: Header = {
  decode(region) {
    if (!fits(region, HEADER_BYTES_MIN)) return cutHeader('ipv4', region, HEADER_BYTES_MIN);
    const { view, offset } = region;
    const version = view.getUint8(offset) >> 4;
    const headerLength = (view.getUint8(offset) & 0x0f) * 4;
    if (version !== 4) return malformedHeader('ipv4', region, `version ${version}`);
    if (headerLength < HEADER_BYTES_MIN) return malformedHeader('ipv4', region, `header length ${headerLength}`);
    if (!fits(region, headerLength)) return cutHeader('ipv4', region, headerLength);

    const totalLength = view.getUint16(offset + 2);
    // A capture taken before TCP segmentation offload may say 0: the packet is then as long as what holds it.
    const end = totalLength === 0 ? region.wireEnd : offset + totalLength;
    if (end < offset + headerLength) return malformedHeader('ipv4', region, `total length ${totalLength}`);

    const fragment = view.getUint16(offset + 6);
    const fragmentOffset = (fragment & 0x1fff) * 8;
    const flags = [fragment & 0x4000 ? 'DF' : '', fragment & 0x2000 ? 'MF' : ''].filter(Boolean).join(',');
    const protocol = view.getUint8(offset + 9);
    const isFragment = (fragment & 0x3fff) !== 0;
    const payload: Region = {
      ...payloadOf(region, offset + headerLength, end),
      partial: region.partial || isFragment,
      addressSum: onesComplementSum(view, offset + 12, offset + 20),
    };
    return {
      layer: layerAt('ipv4', region, headerLength, {
        headerLength,
        tos: view.getUint8(offset + 1),
        totalLength,
        identification: view.getUint16(offset + 4),
        flags,
        fragmentOffset,
        ttl: view.getUint8(offset + 8),
        protocol,
        ...checksumFields(view, offset, offset + headerLength, offset + 10),
        source: ipv4At(view, offset + 12),
        destination: ipv4At(view, offset + 16),
        ...(headerLength > HEADER_BYTES_MIN && {
          options: optionNames(view, offset + HEADER_BYTES_MIN, offset + headerLength),
        }),
        ...cutPayloadFields(region, end),
      }),
      next: fragmentOffset > 0 ? laterFragment(protocol, payload) : carriedByIp(4, protocol, payload),
    };
  },

  describe(layer, transport) {
    const { fields } = layer;
    const isFragment = Number(fields.fragmentOffset) > 0 || String(fields.flags).includes('MF');
    const notes = [
      fields.tos === 0 ? '' : `tos ${hex(Number(fields.tos), 1)}`,
      `ttl ${fields.ttl}`,
      isFragment ? `id ${fields.identification}, offset ${fields.fragmentOffset}` : '',
      fields.flags === '' ? '' : `flags [${fields.flags}]`,
      fields.options === undefined ? '' : `options (${fields.options})`,
    ].filter(Boolean);
    return `IP (${notes.join(', ')})${checksumNote(fields)} ${endpoints(layer, transport)}`;
  },
};

/** Only the first fragment has the transport header. */
export function laterFragment(protocol: number, region: Region): Next {
  return { header: 'payload', region: { ...region, announcedAs: protocolName(protocol) } };
}

/** Option types of https://www.iana.org/assignments/ip-parameters, by the names tcpdump prints. */
const OPTION_NAMES: Readonly<Record<number, string>> = {
  1: 'NOP',
  7: 'RR',
  68: 'timestamp',
  130: 'security',
  131: 'LSRR',
  137: 'SSRR',
  148: 'RA',
};

function optionNames(view: DataView, start: number, end: number): string {
  const names: string[] = [];
  let at = start;
  while (at < end) {
    const type = view.getUint8(at);
    if (type === 0) {
      names.push('EOL');
      break;
    }
    names.push(OPTION_NAMES[type] ?? `option ${type}`);
    const length = type === 1 ? 1 : at + 2 <= end ? view.getUint8(at + 1) : 0;
    if (type !== 1 && (length < 2 || at + length > end)) {
      names.push('bad length');
      break;
    }
    at += length;
  }
  return names.join(',');
}
