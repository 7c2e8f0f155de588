/**
 * ICMP, RFC 792; the MTU of "fragmentation needed" is RFC 1191's. Errors quote the packet they are about.
 *
 *   | type 8 | code 8 | checksum 16 |
 *   | echo: identifier 16, sequence 16; too big: unused 16, MTU 16; redirect: gateway 32 |
 *   | errors: the IP header of the packet at fault and at least 8 bytes more |
 */

import { cutHeader, type Fields, fits, type Header, layerAt, payloadOf } from '../layer.js';
import { ipv4At } from './address.js';
import { checksumNote, transportChecksumFields } from './checksum.js';

const HEADER_BYTES = 8;
const TYPE_ECHO_REPLY = 0;
const TYPE_UNREACHABLE = 3;
const TYPE_REDIRECT = 5;
const TYPE_ECHO_REQUEST = 8;
const CODE_FRAGMENTATION_NEEDED = 4;

/** Unreachable, source quench, redirect, time exceeded, parameter problem. */
const QUOTING_TYPES: ReadonlySet<number> = new Set([3, 4, 5, 11, 12]);

/** https://www.iana.org/assignments/icmp-parameters; by `type` or `type.code`, the latter first. */
const NAMES: Readonly<Record<string, string>> = {
  0: 'echo reply',
  3: 'unreachable',
  '3.0': 'net unreachable',
  '3.1': 'host unreachable',
  '3.2': 'protocol unreachable',
  '3.3': 'port unreachable',
  '3.4': 'unreachable, need to frag',
  '3.5': 'source route failed',
  '3.6': 'net unknown',
  '3.7': 'host unknown',
  '3.9': 'net prohibited',
  '3.10': 'host prohibited',
  '3.13': 'admin prohibited',
  4: 'source quench',
  5: 'redirect',
  '5.0': 'redirect for net',
  '5.1': 'redirect for host',
  8: 'echo request',
  9: 'router advertisement',
  10: 'router solicitation',
  11: 'time exceeded',
  '11.0': 'time exceeded in-transit',
  '11.1': 'time exceeded in reassembly',
  12: 'parameter problem',
  13: 'timestamp request',
  14: 'timestamp reply',
};

/** ICMP for IPv4. */
export const icmp: Header = {
  decode(region) {
    if (!fits(region, HEADER_BYTES)) return cutHeader('icmp', region, HEADER_BYTES);
    const { view, offset } = region;
    const type = view.getUint8(offset);
    const code = view.getUint8(offset + 1);
    const isQuoting = QUOTING_TYPES.has(type) && !region.quoted;
    return {
      layer: layerAt('icmp', region, HEADER_BYTES, {
        type,
        code,
        ...transportChecksumFields(region, region.wireEnd, offset + 2),
        ...typeFields(view, offset, type, code),
        length: region.wireEnd - offset,
      }),
      next: isQuoting
        ? { header: 'ipv4', region: { ...payloadOf(region, offset + HEADER_BYTES), quoted: true, partial: true } }
        : undefined,
    };
  },

  describe({ fields }) {
    const { type, code, mtu, gateway, identifier, sequence, length } = fields;
    const name = NAMES[`${type}.${code}`] ?? NAMES[`${type}`] ?? `type ${type}, code ${code}`;
    const details = [
      mtu === undefined ? '' : ` (mtu ${mtu})`,
      gateway === undefined ? '' : ` to ${gateway}`,
      identifier === undefined ? '' : `, id ${identifier}, seq ${sequence}`,
    ].join('');
    return `ICMP ${name}${details}${checksumNote(fields)}, length ${length}`;
  },
};

function typeFields(view: DataView, offset: number, type: number, code: number): Fields {
  switch (type) {
    case TYPE_ECHO_REPLY:
    case TYPE_ECHO_REQUEST:
      return { identifier: view.getUint16(offset + 4), sequence: view.getUint16(offset + 6) };
    case TYPE_UNREACHABLE:
      return code === CODE_FRAGMENTATION_NEEDED ? { mtu: view.getUint16(offset + 6) } : {};
    case TYPE_REDIRECT:
      return { gateway: ipv4At(view, offset + 4) };
    default:
      return {};
  }
}
