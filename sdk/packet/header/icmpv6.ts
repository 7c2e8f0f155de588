/**
 * ICMPv6, RFC 4443; neighbour discovery RFC 4861. Types below 128 are errors and quote the packet they are about.
 *
 *   | type 8 | code 8 | checksum 16 |
 *   | echo: identifier 16, sequence 16; packet too big: MTU 32 |
 *   | errors: as much of the packet at fault as fits; neighbour discovery: target 128 |
 */

import { cutHeader, type Fields, fits, type Header, layerAt, payloadOf, type Region } from '../layer.js';
import { ipv6At } from './address.js';
import { checksumNote, transportChecksumFields } from './checksum.js';
import { PROTOCOL_ICMPV6 } from './ip-protocol.js';

const HEADER_BYTES = 8;
const TARGET_BYTES = 16;
const TYPE_PACKET_TOO_BIG = 2;
const TYPE_ECHO_REQUEST = 128;
const TYPE_ECHO_REPLY = 129;
const TYPE_NEIGHBOR_SOLICITATION = 135;
const TYPE_NEIGHBOR_ADVERTISEMENT = 136;

/** Unreachable, packet too big, time exceeded, parameter problem. */
const QUOTING_TYPES: ReadonlySet<number> = new Set([1, 2, 3, 4]);

/** https://www.iana.org/assignments/icmpv6-parameters; by `type` or `type.code`, the latter first. */
const NAMES: Readonly<Record<string, string>> = {
  1: 'unreachable',
  '1.0': 'unreachable route',
  '1.1': 'unreachable prohibited',
  '1.2': 'beyond scope',
  '1.3': 'unreachable address',
  '1.4': 'unreachable port',
  2: 'packet too big',
  3: 'time exceeded',
  '3.0': 'time exceeded in-transit',
  '3.1': 'time exceeded in reassembly',
  4: 'parameter problem',
  128: 'echo request',
  129: 'echo reply',
  130: 'multicast listener query',
  131: 'multicast listener report',
  132: 'multicast listener done',
  133: 'router solicitation',
  134: 'router advertisement',
  135: 'neighbor solicitation',
  136: 'neighbor advertisement',
  137: 'redirect',
  143: 'multicast listener report v2',
};

/** ICMP for IPv6. */
export const icmpv6: Header = {
  decode(region) {
    if (!fits(region, HEADER_BYTES)) return cutHeader('icmpv6', region, HEADER_BYTES);
    const { view, offset } = region;
    const type = view.getUint8(offset);
    const isQuoting = QUOTING_TYPES.has(type) && !region.quoted;
    return {
      layer: layerAt('icmpv6', region, HEADER_BYTES, {
        type,
        code: view.getUint8(offset + 1),
        ...transportChecksumFields(region, region.wireEnd, offset + 2, { protocol: PROTOCOL_ICMPV6 }),
        ...typeFields(region, type),
        length: region.wireEnd - offset,
      }),
      next: isQuoting
        ? { header: 'ipv6', region: { ...payloadOf(region, offset + HEADER_BYTES), quoted: true, partial: true } }
        : undefined,
    };
  },

  describe({ fields }) {
    const { type, code, mtu, target, identifier, sequence, length } = fields;
    const name = NAMES[`${type}.${code}`] ?? NAMES[`${type}`] ?? `type ${type}, code ${code}`;
    const details = [
      mtu === undefined ? '' : ` (mtu ${mtu})`,
      target === undefined ? '' : `, ${type === TYPE_NEIGHBOR_SOLICITATION ? 'who has' : 'tgt is'} ${target}`,
      identifier === undefined ? '' : `, id ${identifier}, seq ${sequence}`,
    ].join('');
    return `ICMP6 ${name}${details}${checksumNote(fields)}, length ${length}`;
  },
};

function typeFields(region: Region, type: number): Fields {
  const { view, offset } = region;
  switch (type) {
    case TYPE_PACKET_TOO_BIG:
      return { mtu: view.getUint32(offset + 4) };
    case TYPE_ECHO_REQUEST:
    case TYPE_ECHO_REPLY:
      return { identifier: view.getUint16(offset + 4), sequence: view.getUint16(offset + 6) };
    case TYPE_NEIGHBOR_SOLICITATION:
    case TYPE_NEIGHBOR_ADVERTISEMENT:
      return fits(region, HEADER_BYTES + TARGET_BYTES) ? { target: ipv6At(view, offset + HEADER_BYTES) } : {};
    default:
      return {};
  }
}
