/**
 * GRE header, RFC 2784 and RFC 2890, and NVGRE, RFC 7637 section 3.2, which is GRE with a key that carries Ethernet.
 *
 *   |C| |K|S| reserved 9 | version 3 | protocol type 16 |
 *   | checksum 16 | reserved 16 |      if C
 *   | key 32 |                         if K; NVGRE: | VSID 24 | FlowID 8 |
 *   | sequence 32 |                    if S
 */

import { cutHeader, fits, type Header, hex, type LayerName, layerAt, malformedHeader, tunnelled } from '../layer.js';

const FLAG_CHECKSUM = 0x8000;
const FLAG_KEY = 0x2000;
const FLAG_SEQUENCE = 0x1000;
const HEADER_BYTES_MIN = 4;
const PROTOCOL_ETHERNET = 0x6558;

const INNER: Readonly<Record<number, LayerName>> = { [PROTOCOL_ETHERNET]: 'ethernet', 2048: 'ipv4', 34525: 'ipv6' };

/** GRE, as a layer `nvgre` when it carries Ethernet under a key, else `gre`. */
export const gre: Header = {
  decode(region) {
    if (!fits(region, HEADER_BYTES_MIN)) return cutHeader('gre', region, HEADER_BYTES_MIN);
    const { view, offset } = region;
    const flags = view.getUint16(offset);
    const protocol = view.getUint16(offset + 2);
    // Version 1 is PPTP's (RFC 2637), with other fields.
    if ((flags & 7) !== 0) return malformedHeader('gre', region, `version ${flags & 7}`);
    const keyAt = HEADER_BYTES_MIN + (flags & FLAG_CHECKSUM ? 4 : 0);
    const bytes = keyAt + (flags & FLAG_KEY ? 4 : 0) + (flags & FLAG_SEQUENCE ? 4 : 0);
    if (!fits(region, bytes)) return cutHeader('gre', region, bytes);
    const key = flags & FLAG_KEY ? view.getUint32(offset + keyAt) : undefined;
    const isNvgre = protocol === PROTOCOL_ETHERNET && key !== undefined;
    return {
      layer: isNvgre
        ? layerAt('nvgre', region, bytes, { vsid: key >>> 8, flowId: key & 0xff })
        : layerAt('gre', region, bytes, { protocol, ...(key !== undefined && { key }) }),
      next: {
        header: INNER[protocol] ?? 'payload',
        region: { ...tunnelled(region, offset + bytes), announcedAs: `ethertype ${hex(protocol, 4)}` },
      },
    };
  },
  describe({ name, fields }) {
    if (name === 'nvgre') return `NVGRE, vsid ${fields.vsid}, flow ${hex(Number(fields.flowId), 2)}`;
    return `GRE${fields.key === undefined ? '' : `, key ${hex(Number(fields.key), 8)}`}`;
  },
};
