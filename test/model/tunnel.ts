/**
 * The end of a tunnel: from a frame of the provider network to the inner frame it carries.
 *
 *   VXLAN, RFC 7348: | outer IP | UDP to 4789 | flags, I set 8 | reserved 24 | VNI 24 | reserved 8 | inner frame
 *   NVGRE, RFC 7637: | outer IP | flags 0x2000 | 0x6558 | VSID 24 | FlowID 8 | inner frame
 */

import type { Attachment, Encapsulation } from '../../sdk/program/types.js';
import { be16, be32 } from '../support/bytes.js';
import type { Link } from '../support/checksum.js';
import type { Family } from './address.js';
import { drop, type Ending, isEnding, PASS } from './ending.js';
import { checkHeader, checkStart, destinationOf, type IpPacket, takeApart, UDP } from './ip.js';
import { lengthIpv6, walkExtensions } from './ipv6.js';
import { openLink } from './link.js';

export interface Tunnelled {
  /** VNI or VSID. */
  readonly vni: number;
  /** Of the outer header, with its ECN bits. */
  readonly trafficClass: number;
  /** From the inner Ethernet header on. */
  readonly frame: Uint8Array;
}

const GRE = 47;
const VXLAN_PORT = 4789;
const TRANSPARENT_ETHERNET_BRIDGING = 0x6558;
/** Key present; no checksum, no sequence number, version 0. */
const GRE_KEY_ONLY = 0x2000;

/** The frame in the tunnel of an underlay frame for one of our provider addresses. */
export function openTunnel(
  frame: Uint8Array,
  link: Link,
  { providerAddress, secondProviderAddress }: Attachment,
  encapsulation: Encapsulation,
): Tunnelled | Ending {
  const opened = openLink(frame, link);
  if (isEnding(opened)) return opened;
  const { family, packet } = opened;
  const malformed = checkStart(family, packet);
  if (malformed !== undefined) return malformed;
  const destination = destinationOf(family, packet);
  if (destination !== providerAddress && destination !== secondProviderAddress) return PASS;
  const protocol = protocolOf(family, packet);
  if (protocol !== UDP && protocol !== GRE) return PASS;
  const refused = checkHeader(family, packet);
  if (refused !== undefined) return refused;
  const outer = takeApart(family, packet);
  if (isEnding(outer)) return PASS;
  if (protocol !== (encapsulation === 'vxlan' ? UDP : GRE)) return PASS;
  return encapsulation === 'vxlan' ? openVxlan(outer) : openNvgre(outer);
}

/** `undefined` for a chain of extension headers that leads nowhere. */
function protocolOf(family: Family, packet: Uint8Array): number | undefined {
  return family === 4 ? packet[9] : walkExtensions(packet.subarray(0, lengthIpv6(packet)))?.protocol;
}

function openVxlan({ upper, fragment, trafficClass }: IpPacket): Tunnelled | Ending {
  const isVxlan = upper.length >= 8 && be16(upper, 2) === VXLAN_PORT;
  if (fragment !== undefined) return fragment.offsetBytes === 0 && isVxlan ? drop('fragment') : PASS;
  if (upper.length < 8) return drop('udp-truncated');
  if (!isVxlan) return PASS;
  const udpLength = be16(upper, 4);
  if (udpLength < 8 || udpLength > upper.length) return drop('udp-length');
  if (udpLength < 16) return drop('vxlan-truncated');
  if ((upper[8]! & 0x08) === 0) return drop('vxlan-flags');
  return { vni: be32(upper, 12) >>> 8, trafficClass, frame: upper.subarray(16, udpLength) };
}

function openNvgre({ upper, fragment, trafficClass }: IpPacket): Tunnelled | Ending {
  const isNvgre = upper.length >= 4 && be16(upper, 2) === TRANSPARENT_ETHERNET_BRIDGING;
  if (fragment !== undefined) return fragment.offsetBytes === 0 && isNvgre ? drop('fragment') : PASS;
  if (upper.length < 4) return drop('gre-truncated');
  if (!isNvgre) return PASS;
  if (be16(upper, 0) !== GRE_KEY_ONLY) return drop('gre-flags');
  if (upper.length < 8) return drop('gre-truncated');
  return { vni: be32(upper, 4) >>> 8, trafficClass, frame: upper.subarray(8) };
}
