/**
 * Ways in which a packet is not quite what a pipeline hopes for: each changes one thing of a plan. Some are lies (a
 * length that is not true), some only rare truths (IP options, a UDP datagram without checksum).
 */

import { ipv4Bytes } from './bytes.js';
import { type PacketPlan, packetOf } from './packet-plan.js';
import type { Random } from './random.js';

export interface Lie {
  readonly name: string;
  tell(plan: PacketPlan, random: Random): void;
}

/** A value near the truth or near an end of its range: where comparisons go wrong. */
function length(random: Random, truth: number): number {
  const near = truth + random.between(-9, 9);
  const value = random.pick([near, near, random.between(0, 40), random.below(65536), 65535]);
  return Math.min(Math.max(value, 0), 65535);
}

function ipBytes(plan: PacketPlan): number {
  return packetOf(plan, 'bare').bytes().length;
}

function neighbour(address: string, random: Random): string {
  const bytes = ipv4Bytes(address);
  bytes[3] = bytes[3]! + random.pick([-1, 1]);
  return bytes.join('.');
}

function tellTransport(plan: PacketPlan, checksum: number): void {
  plan.tcp.checksum = checksum;
  plan.udp.checksum = checksum;
}

/** A sound ICMP message with data of any length; all zeros now and then, which checksums have a corner for. */
function tellIcmp(plan: PacketPlan, random: Random, type = 8, code = 0): void {
  plan.transport = 'icmp';
  const isZero = random.oneIn(4);
  plan.icmp = { type, code, fields: { rest: isZero ? 0 : random.uint32() } };
  plan.payload = isZero ? new Uint8Array(random.below(8)) : random.bytes(random.below(64));
}

/** For the IPv4 packet of any frame, outer or inner. */
export const ipv4Lies: readonly Lie[] = [
  { name: 'IP version', tell: (plan, random) => (plan.ip.version = random.pick([0, 5, 6, 15])) },
  { name: 'IHL', tell: (plan, random) => (plan.ip.ihl = random.below(16)) },
  { name: 'IP total length', tell: (plan, random) => (plan.ip.totalLength = length(random, ipBytes(plan))) },
  { name: 'IP checksum', tell: (plan, random) => (plan.ip.checksum = random.below(65536)) },
  { name: 'more fragments', tell: (plan) => (plan.ip.mf = true) },
  { name: 'fragment offset', tell: (plan, random) => (plan.ip.fragmentOffset = random.between(1, 0x1fff)) },
  { name: 'reserved flag', tell: (plan) => (plan.ip.reserved = true) },
  { name: 'DF clear', tell: (plan) => (plan.ip.df = false) },
  { name: 'TOS', tell: (plan, random) => (plan.ip.tos = random.below(256)) },
  { name: 'IP options', tell: (plan, random) => (plan.ip.options = random.bytes(random.between(1, 40))) },
  { name: 'ICMP echo request', tell: tellIcmp },
  {
    name: 'ICMP of another kind',
    tell: (plan, random) => tellIcmp(plan, random, random.pick([0, 3, 5, 8, 11, 13]), random.below(4)),
  },
  {
    name: 'ICMP checksum',
    tell(plan, random) {
      tellIcmp(plan, random);
      plan.icmp.fields.checksum = random.below(65536);
    },
  },
  {
    name: 'ICMP that ends in its header',
    tell(plan, random) {
      plan.transport = 'raw';
      plan.ip.protocol = 1;
      plan.payload = random.bytes(random.below(12));
    },
  },
  {
    name: 'another protocol',
    tell(plan, random) {
      plan.transport = 'raw';
      plan.ip.protocol = random.pick([0, 2, 4, 41, 47, 50, 132, 255]);
      plan.payload = random.bytes(random.below(64));
    },
  },
  {
    name: 'segment that ends in its header',
    tell(plan, random) {
      plan.ip.protocol = plan.transport === 'udp' ? 17 : 6;
      plan.transport = 'raw';
      plan.payload = random.bytes(random.below(24));
    },
  },
  { name: 'TCP data offset', tell: (plan, random) => (plan.tcp.dataOffset = random.below(16)) },
  { name: 'TCP options', tell: (plan, random) => (plan.tcp.options = random.bytes(random.between(1, 40))) },
  {
    name: 'UDP length',
    tell: (plan, random) => (plan.udp.udpLength = length(random, ipBytes(plan) - 20)),
  },
  { name: 'UDP without checksum', tell: (plan) => (plan.udp.checksum = 'none') },
  { name: 'transport checksum', tell: (plan, random) => tellTransport(plan, random.below(65536)) },
  {
    name: 'transport checksum at the end of its range',
    tell: (plan, random) => tellTransport(plan, random.pick([0, 1, 0xfffe, 0xffff])),
  },
  { name: 'port', tell: (plan, random) => (plan.destinationPort = random.pick([0, 65535, random.below(65536)])) },
  { name: 'neighbour address', tell: (plan, random) => (plan.destination = neighbour(plan.destination, random)) },
];

/** For the Ethernet header of any frame, outer or inner. */
export const ethernetLies: readonly Lie[] = [
  {
    name: 'VLAN tag',
    tell(plan, random) {
      const tpid = random.pick([0x8100, 0x88a8]);
      plan.tags = [{ id: random.below(4096), fields: { tpid, priority: random.below(8) } }];
    },
  },
  {
    name: 'QinQ',
    tell(plan, random) {
      plan.tags = [
        { id: random.below(4096), fields: { tpid: 0x88a8 } },
        { id: random.below(4096), fields: {} },
      ];
    },
  },
  {
    name: 'EtherType',
    tell: (plan, random) => (plan.ethernet.type = random.pick([0x0806, 0x86dd, 0x8847, 0x0801, random.below(65536)])),
  },
  { name: 'padding', tell: (plan, random) => (plan.ethernet.padTo = random.between(60, 200)) },
];

/** For the frame that carries a VXLAN tunnel. */
export const tunnelLies: readonly Lie[] = [
  { name: 'VXLAN flags', tell: (plan, random) => (plan.tunnel!.fields.flags = random.below(256)) },
  { name: 'VXLAN reserved bits', tell: (plan, random) => (plan.tunnel!.fields.reserved = random.below(0x1000000)) },
  { name: 'VNI', tell: (plan, random) => (plan.tunnel!.vni = random.pick([0, plan.tunnel!.vni ^ 1, 0xffffff])) },
  {
    name: 'unknown inner MAC address',
    tell: (plan, random) =>
      (plan.tunnel!.inner.ethernet.dst = random.pick(['02:00:00:00:ff:ff', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00'])),
  },
  {
    name: 'UDP payload that ends in its VXLAN or inner Ethernet header',
    tell(plan, random) {
      delete plan.tunnel;
      plan.payload = random.bytes(random.below(24));
      if (plan.payload.length > 0) plan.payload[0] = 0x08;
    },
  },
];
