/**
 * What an IP packet carries, by its protocol number (https://www.iana.org/assignments/protocol-numbers), and how its
 * endpoints are written: `192.0.2.7:40000 > 80.80.80.80:443`.
 */

import { type Layer, type LayerName, type Next, type Region, tunnelled } from '../layer.js';

/** Protocol number of TCP. */
export const PROTOCOL_TCP = 6;
/** Protocol number of UDP. */
export const PROTOCOL_UDP = 17;
/** Protocol number of ICMPv6. */
export const PROTOCOL_ICMPV6 = 58;

const NAMES: Readonly<Record<number, string>> = {
  0: 'hop-by-hop',
  1: 'icmp',
  2: 'igmp',
  4: 'ipip',
  6: 'tcp',
  17: 'udp',
  41: 'ipv6',
  43: 'routing',
  44: 'fragment',
  47: 'gre',
  50: 'esp',
  51: 'ah',
  58: 'icmpv6',
  59: 'no next header',
  60: 'destination options',
  89: 'ospf',
  112: 'vrrp',
  132: 'sctp',
  135: 'mobility',
};

const CARRIED: Readonly<Record<number, LayerName>> = { 6: 'tcp', 17: 'udp', 47: 'gre' };
const CARRIED_BY_IPV4: Readonly<Record<number, LayerName>> = { 1: 'icmp' };
const CARRIED_BY_IPV6: Readonly<Record<number, LayerName>> = {
  0: 'ipv6-extension',
  43: 'ipv6-extension',
  44: 'ipv6-fragment',
  51: 'ipv6-extension',
  58: 'icmpv6',
  60: 'ipv6-extension',
  135: 'ipv6-extension',
};

/** The name of a protocol number; `protocol 200` for those without one here. */
export function protocolName(protocol: number): string {
  return NAMES[protocol] ?? `protocol ${protocol}`;
}

/** Which header stands at the start of `region`, the payload of an IPv4 or IPv6 header that says `protocol`. */
export function carriedByIp(version: 4 | 6, protocol: number, region: Region): Next {
  const announced = { ...region, announcedAs: protocolName(protocol) };
  if (protocol === 4 || protocol === 41) {
    return { header: protocol === 4 ? 'ipv4' : 'ipv6', region: tunnelled(announced, region.offset) };
  }
  const header = CARRIED[protocol] ?? (version === 4 ? CARRIED_BY_IPV4 : CARRIED_BY_IPV6)[protocol] ?? 'payload';
  return { header, region: announced };
}

/** `source > destination`, with ports when the transport header has any. */
export function endpoints({ name, fields }: Layer, transport: Layer | undefined): string {
  const { sourcePort, destinationPort } = transport?.fields ?? {};
  if (sourcePort === undefined) return `${fields.source} > ${fields.destination}`;
  const written = (address: string | number | undefined) => (name === 'ipv6' ? `[${address}]` : address);
  return `${written(fields.source)}:${sourcePort} > ${written(fields.destination)}:${destinationPort}`;
}
