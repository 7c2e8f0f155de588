/**
 * A packet as a plan: what a random generator decides, field by field, before the packet builder makes bytes of it.
 * A plan can be changed, and a tunnel plan holds the plan of its inner frame, so one list of lies serves both levels.
 */

import type { Link } from './checksum.js';
import type {
  EthernetFields,
  ExtensionFields,
  FragmentFields,
  GreFields,
  IcmpFields,
  Ipv4Fields,
  Ipv6Fields,
  TcpFields,
  UdpFields,
  VlanFields,
  VxlanFields,
} from './layers.js';
import { bare, eth, type Packet } from './packet.js';

export interface PacketPlan {
  ethernet: EthernetFields;
  tags: { id: number; fields: VlanFields }[];
  /** Of the family of the destination: both make it an IPv4 or an IPv6 packet. */
  source: string;
  destination: string;
  /** Of an IPv4 packet. */
  ip: Ipv4Fields;
  /** Of an IPv6 packet. */
  ip6: Ipv6Fields;
  /** Of an IPv6 packet. */
  extensions: ExtensionPlan[];
  /** `gre`: what a tunnel of NVGRE is in; `raw`: the payload directly behind the IP layer, announced as `protocol`. */
  transport: 'tcp' | 'udp' | 'icmp' | 'gre' | 'raw';
  protocol: number;
  sourcePort: number;
  destinationPort: number;
  tcpFlags: number;
  tcp: TcpFields;
  udp: UdpFields;
  /** ICMPv6 in an IPv6 packet. */
  icmp: { type: number; code: number; fields: IcmpFields };
  payload: Uint8Array;
  tunnel?: TunnelPlan;
}

export type ExtensionPlan =
  | { kind: 'hopByHop' | 'routing' | 'destinationOptions'; fields: ExtensionFields }
  | { kind: 'fragment'; fields: FragmentFields };

/** VXLAN inside UDP, or NVGRE; takes the place of the payload. */
export interface TunnelPlan {
  vni: number;
  /** Of VXLAN. */
  fields: VxlanFields;
  /** Of NVGRE. */
  gre: GreFields & { flowId?: number };
  inner: PacketPlan;
}

export function plan(
  transport: 'tcp' | 'udp' | 'icmp' | 'gre',
  source: readonly [address: string, port: number],
  destination: readonly [address: string, port: number],
): PacketPlan {
  return {
    ethernet: {},
    tags: [],
    source: source[0],
    destination: destination[0],
    ip: {},
    ip6: {},
    extensions: [],
    transport,
    protocol: 0,
    sourcePort: source[1],
    destinationPort: destination[1],
    tcpFlags: 0,
    tcp: {},
    udp: {},
    icmp: { type: destination[0].includes(':') ? 128 : 8, code: 0, fields: {} },
    payload: new Uint8Array(0),
  };
}

export function isIpv6(plan: PacketPlan): boolean {
  return plan.destination.includes(':');
}

export function packetOf(plan: PacketPlan, link: Link): Packet {
  return appendPlan(link === 'ethernet' ? eth(plan.ethernet) : bare(), plan);
}

/** From the IP header to the end of the packet. */
export function ipBytesOf(plan: PacketPlan): Uint8Array {
  return packetOf({ ...plan, tags: [] }, 'bare').bytes();
}

function appendPlan(start: Packet, plan: PacketPlan): Packet {
  let packet = start;
  for (const { id, fields } of plan.tags) {
    packet = packet.vlan(id, fields);
  }
  packet = isIpv6(plan) ? appendIpv6(packet, plan) : appendIpv4(packet, plan);
  if (plan.transport === 'tcp') {
    packet = packet.tcp(plan.sourcePort, plan.destinationPort, plan.tcpFlags, plan.tcp);
  } else if (plan.transport === 'udp') {
    packet = packet.udp(plan.sourcePort, plan.destinationPort, plan.udp);
  } else if (plan.transport === 'icmp') {
    const { type, code, fields } = plan.icmp;
    packet = isIpv6(plan) ? packet.icmpv6(type, code, fields) : packet.icmp(type, code, fields);
  }
  if (plan.tunnel !== undefined && plan.transport === 'udp') {
    const { vni, fields, inner } = plan.tunnel;
    return appendPlan(packet.vxlan(vni, fields).eth(inner.ethernet), inner);
  }
  if (plan.tunnel !== undefined && plan.transport === 'gre') {
    const { vni, gre, inner } = plan.tunnel;
    return appendPlan(packet.nvgre(vni, gre.flowId, gre).eth(inner.ethernet), inner);
  }
  return packet.payload(plan.payload);
}

function appendIpv4(start: Packet, plan: PacketPlan): Packet {
  const protocol = plan.transport === 'raw' ? { protocol: plan.protocol } : {};
  return start.ipv4(plan.source, plan.destination, { ...protocol, ...plan.ip });
}

function appendIpv6(start: Packet, plan: PacketPlan): Packet {
  // What is raw has no number of its own: the last header in front of it must be told.
  const told = plan.transport === 'raw' ? { nextHeader: plan.protocol } : {};
  const last = plan.extensions.length - 1;
  const packet = start.ipv6(plan.source, plan.destination, { ...(last < 0 ? told : {}), ...plan.ip6 });
  return plan.extensions.reduce((behind, extension, index) => {
    const fields = { ...(index === last ? told : {}), ...extension.fields };
    return extension.kind === 'fragment' ? behind.fragment(fields) : behind[extension.kind](fields);
  }, packet);
}
