/**
 * A packet as a plan: what a random generator decides, field by field, before the packet builder makes bytes of it.
 * A plan can be changed, and a tunnel plan holds the plan of its inner frame, so one list of lies serves both levels.
 */

import type { Link } from './checksum.js';
import type {
  EthernetFields,
  IcmpFields,
  Ipv4Fields,
  TcpFields,
  UdpFields,
  VlanFields,
  VxlanFields,
} from './layers.js';
import { bare, eth, type Packet } from './packet.js';

export interface PacketPlan {
  ethernet: EthernetFields;
  tags: { id: number; fields: VlanFields }[];
  source: string;
  destination: string;
  ip: Ipv4Fields;
  /** `raw`: the payload directly behind the IP header, with the protocol that `ip` says. */
  transport: 'tcp' | 'udp' | 'icmp' | 'raw';
  sourcePort: number;
  destinationPort: number;
  tcpFlags: number;
  tcp: TcpFields;
  udp: UdpFields;
  icmp: { type: number; code: number; fields: IcmpFields };
  payload: Uint8Array;
  tunnel?: TunnelPlan;
}

/** VXLAN inside UDP; takes the place of the payload. */
export interface TunnelPlan {
  vni: number;
  fields: VxlanFields;
  inner: PacketPlan;
}

export function plan(
  transport: 'tcp' | 'udp',
  source: readonly [address: string, port: number],
  destination: readonly [address: string, port: number],
): PacketPlan {
  return {
    ethernet: {},
    tags: [],
    source: source[0],
    destination: destination[0],
    ip: {},
    transport,
    sourcePort: source[1],
    destinationPort: destination[1],
    tcpFlags: 0,
    tcp: {},
    udp: {},
    icmp: { type: 8, code: 0, fields: {} },
    payload: new Uint8Array(0),
  };
}

export function packetOf(plan: PacketPlan, link: Link): Packet {
  return appendPlan(link === 'ethernet' ? eth(plan.ethernet) : bare(), plan);
}

function appendPlan(start: Packet, plan: PacketPlan): Packet {
  let packet = start;
  for (const { id, fields } of plan.tags) {
    packet = packet.vlan(id, fields);
  }
  packet = packet.ipv4(plan.source, plan.destination, plan.ip);
  if (plan.transport === 'tcp') {
    packet = packet.tcp(plan.sourcePort, plan.destinationPort, plan.tcpFlags, plan.tcp);
  } else if (plan.transport === 'udp') {
    packet = packet.udp(plan.sourcePort, plan.destinationPort, plan.udp);
  } else if (plan.transport === 'icmp') {
    packet = packet.icmp(plan.icmp.type, plan.icmp.code, plan.icmp.fields);
  }
  if (plan.tunnel !== undefined && plan.transport === 'udp') {
    const { vni, fields, inner } = plan.tunnel;
    return appendPlan(packet.vxlan(vni, fields).eth(inner.ethernet), inner);
  }
  return packet.payload(plan.payload);
}
