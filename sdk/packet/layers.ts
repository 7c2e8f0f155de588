/**
 * A packet, header by header: each header reads itself and names the next, until one carries what is not decoded.
 *
 *   ethernet ► vlan… ► arp
 *                    ► ipv4 ─────────► tcp
 *                    ► ipv6 ► ext… ──► udp ► vxlan ► ethernet ► …
 *                                          ► redirect
 *                                    ► icmp, icmpv6 ► the quoted ipv4, ipv6 ► …
 *                                    ► gre, nvgre ► ethernet, ipv4, ipv6 ► …
 */

import { arp } from './header/arp.js';
import { ethernet, vlan } from './header/ethernet.js';
import { gre } from './header/gre.js';
import { icmp } from './header/icmp.js';
import { icmpv6 } from './header/icmpv6.js';
import { ipv4 } from './header/ipv4.js';
import { ipv6, ipv6Extension, ipv6Fragment } from './header/ipv6.js';
import { payload } from './header/payload.js';
import { redirect } from './header/redirect.js';
import { tcp } from './header/tcp.js';
import { udp } from './header/udp.js';
import { vxlan } from './header/vxlan.js';
import type { Header, Layer, LayerName, Next, Region } from './layer.js';

/** How to look at bytes. */
export interface LayersOptions {
  /**
   * What the bytes begin with: an `'ethernet'` header, or `'bare'`, an IPv4 or IPv6 header (the version nibble tells).
   * Default `'ethernet'`.
   */
  readonly link?: 'ethernet' | 'bare';
}

/**
 * Decodes a frame into its headers, outermost first; the headers inside tunnels and the packet an ICMP error quotes
 * follow in line (see `Layer.depth` and `Layer.quoted`).
 *
 * Never throws and never reads out of bounds: a header cut short is the last layer and has the fields `bytesPresent`
 * and `bytesNeeded`, one that cannot be has `malformed`. At most 33 layers are given; deeper nesting ends in a `payload`.
 *
 * @example
 * ```ts
 * layers(frame).find((layer) => layer.name === 'vxlan')?.fields.vni; // 5001
 * ```
 */
export function layers(bytes: Uint8Array, options: LayersOptions = {}): Layer[] {
  const decoded: Layer[] = [];
  let next: Next | undefined = outermost(bytes, options.link ?? 'ethernet');
  while (next !== undefined) {
    if (decoded.length === LAYER_COUNT_MAX) {
      decoded.push(payload.decode({ ...next.region, announcedAs: 'nested too deep' }).layer);
      break;
    }
    const { layer, next: following }: ReturnType<Header['decode']> = HEADERS[next.header].decode(next.region);
    decoded.push(layer);
    next = following;
  }
  return decoded;
}

/** Eight tunnels of four headers each: more than any network nests, few enough for a line. */
const LAYER_COUNT_MAX = 32;

/** Every header, by the name of the layer it makes. */
export const HEADERS: Readonly<Record<LayerName, Header>> = {
  ethernet,
  vlan,
  arp,
  ipv4,
  ipv6,
  'ipv6-extension': ipv6Extension,
  'ipv6-fragment': ipv6Fragment,
  tcp,
  udp,
  icmp,
  icmpv6,
  vxlan,
  gre,
  nvgre: gre,
  redirect,
  payload,
};

function outermost(bytes: Uint8Array, link: 'ethernet' | 'bare'): Next {
  const region: Region = {
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    offset: 0,
    captureEnd: bytes.length,
    wireEnd: bytes.length,
    depth: 0,
    quoted: false,
    partial: false,
    addressSum: undefined,
    announcedAs: 'not IP',
  };
  if (link === 'ethernet') return { header: 'ethernet', region };
  const version = bytes.length === 0 ? 4 : bytes[0]! >> 4;
  return { header: version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : 'payload', region };
}
