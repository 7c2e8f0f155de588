/**
 * Ways in which a packet is not quite what a pipeline hopes for: each changes one thing of a plan. Some are lies (a
 * length that is not true), some only rare truths (IP options, a UDP datagram without checksum).
 */

import { ipBytes } from './bytes.js';
import { ipv6Lies } from './ipv6-lies.js';
import { type Lie, nearLength } from './lie.js';
import { ipBytesOf, isIpv6, type PacketPlan } from './packet-plan.js';
import type { Random } from './random.js';

/** Everything that may be said about the packet of a frame, outer or inner. */
export function packetLies(plan: PacketPlan): readonly Lie[] {
  return [...(isIpv6(plan) ? ipv6Lies : ipv4Lies), ...transportLies, ...ethernetLies];
}

function neighbour(address: string, random: Random): string {
  const bytes = ipBytes(address);
  const last = (bytes.at(-1)! + random.pick([-1, 1])) & 0xff;
  return address.includes(':')
    ? address.replace(/[^:]*$/, last.toString(16))
    : address.replace(/[^.]*$/, last.toString());
}

function tellTransport(plan: PacketPlan, checksum: number): void {
  plan.tcp.checksum = checksum;
  plan.udp.checksum = checksum;
}

/** A sound ICMP message with data of any length; all zeros now and then, which checksums have a corner for. */
function tellIcmp(plan: PacketPlan, random: Random, type = isIpv6(plan) ? 128 : 8, code = 0): void {
  plan.transport = 'icmp';
  const isZero = random.oneIn(4);
  plan.icmp = { type, code, fields: { rest: isZero ? 0 : random.uint32() } };
  plan.payload = isZero ? new Uint8Array(random.below(8)) : random.bytes(random.below(64));
}

/** For an IPv4 header. */
const ipv4Lies: readonly Lie[] = [
  { name: 'IP version', tell: (plan, random) => (plan.ip.version = random.pick([0, 5, 6, 15])) },
  { name: 'IHL', tell: (plan, random) => (plan.ip.ihl = random.below(16)) },
  {
    name: 'IP total length',
    tell: (plan, random) => (plan.ip.totalLength = nearLength(random, ipBytesOf(plan).length)),
  },
  { name: 'IP checksum', tell: (plan, random) => (plan.ip.checksum = random.below(65536)) },
  { name: 'more fragments', tell: (plan) => (plan.ip.mf = true) },
  { name: 'fragment offset', tell: (plan, random) => (plan.ip.fragmentOffset = random.between(1, 0x1fff)) },
  { name: 'reserved flag', tell: (plan) => (plan.ip.reserved = true) },
  { name: 'DF turned around', tell: (plan) => (plan.ip.df = plan.ip.df === false) },
  { name: 'TOS', tell: (plan, random) => (plan.ip.tos = random.below(256)) },
  { name: 'IP options', tell: (plan, random) => (plan.ip.options = random.bytes(random.between(1, 40))) },
  { name: 'TTL 0', tell: (plan) => (plan.ip.ttl = 0) },
  {
    name: 'source that no host has',
    tell: (plan, random) =>
      (plan.source = random.pick([
        ...['0.0.0.0', '0.1.2.3', '127.0.0.1', '224.0.0.1', '239.255.255.250', '240.0.0.1', '255.255.255.255'],
        // The neighbours of those, and the destination itself.
        ...['1.0.0.1', '126.255.255.255', '128.0.0.1', '223.255.255.255', plan.destination],
      ])),
  },
];

/** For what the IP layer carries. */
const transportLies: readonly Lie[] = [
  { name: 'ICMP echo request', tell: tellIcmp },
  {
    name: 'ICMP of another kind',
    tell: (plan, random) =>
      tellIcmp(
        plan,
        random,
        random.pick(isIpv6(plan) ? [1, 2, 3, 4, 5, 127, 128, 129, 133, 135, 137] : [0, 3, 4, 5, 8, 11, 12, 13]),
        random.below(4),
      ),
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
      plan.protocol = isIpv6(plan) ? 58 : 1;
      plan.payload = random.bytes(random.below(12));
    },
  },
  {
    name: 'ICMP of the other family',
    tell(plan, random) {
      plan.transport = 'raw';
      plan.protocol = isIpv6(plan) ? 1 : 58;
      plan.payload = random.bytes(random.between(8, 40));
    },
  },
  {
    name: 'another protocol',
    tell(plan, random) {
      plan.transport = 'raw';
      plan.protocol = random.pick([0, 2, 4, 33, 41, 43, 44, 47, 50, 51, 59, 60, 132, 135, 136, 254, 255]);
      plan.payload = random.bytes(random.below(64));
    },
  },
  {
    name: 'segment that ends in its header',
    tell(plan, random) {
      plan.protocol = plan.transport === 'udp' ? 17 : 6;
      plan.transport = 'raw';
      plan.payload = random.bytes(random.below(24));
    },
  },
  { name: 'TCP data offset', tell: (plan, random) => (plan.tcp.dataOffset = random.below(16)) },
  { name: 'TCP options', tell: (plan, random) => (plan.tcp.options = random.bytes(random.between(1, 40))) },
  {
    name: 'UDP length',
    tell: (plan, random) =>
      (plan.udp.udpLength = nearLength(random, ipBytesOf(plan).length - (isIpv6(plan) ? 40 : 20))),
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
const ethernetLies: readonly Lie[] = [
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
    tell: (plan, random) =>
      (plan.ethernet.type = random.pick([0x0800, 0x0806, 0x86dd, 0x8847, 0x0801, random.below(65536)])),
  },
  { name: 'padding', tell: (plan, random) => (plan.ethernet.padTo = random.between(60, 200)) },
];

/** For the frame that carries a tunnel; an earlier lie may have taken the tunnel away. */
export function tunnelLies(plan: PacketPlan): readonly Lie[] {
  const lies = [...commonTunnelLies, ...(plan.transport === 'gre' ? nvgreLies : vxlanLies)];
  return lies.map(({ name, tell }) => ({
    name,
    tell(told, random) {
      if (told.tunnel !== undefined) tell(told, random);
    },
  }));
}

const commonTunnelLies: readonly Lie[] = [
  { name: 'VNI', tell: (plan, random) => (plan.tunnel!.vni = random.pick([0, plan.tunnel!.vni ^ 1, 0xffffff])) },
  {
    name: 'unknown inner MAC address',
    tell: (plan, random) =>
      (plan.tunnel!.inner.ethernet.dst = random.pick(['02:00:00:00:ff:ff', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00'])),
  },
  {
    name: 'tunnel that ends in its own or its inner Ethernet header',
    tell(plan, random) {
      delete plan.tunnel;
      plan.payload = random.bytes(random.below(24));
      const start = plan.transport === 'gre' ? [0x20, 0x00, 0x65, 0x58] : [0x08];
      plan.payload.set(start.slice(0, plan.payload.length));
      if (plan.transport === 'gre') Object.assign(plan, { transport: 'raw', protocol: 47 });
    },
  },
];

const vxlanLies: readonly Lie[] = [
  { name: 'VXLAN flags', tell: (plan, random) => (plan.tunnel!.fields.flags = random.below(256)) },
  { name: 'VXLAN reserved bits', tell: (plan, random) => (plan.tunnel!.fields.reserved = random.below(0x1000000)) },
];

const nvgreLies: readonly Lie[] = [
  {
    name: 'GRE flags and version',
    tell: (plan, random) =>
      (plan.tunnel!.gre.flags = random.pick([0, 0x2001, 0x3000, 0xa000, 0x6000, random.below(65536)])),
  },
  {
    name: 'GRE protocol type',
    tell: (plan, random) => (plan.tunnel!.gre.type = random.pick([0x0800, 0x86dd, 0x6559, random.below(65536)])),
  },
  { name: 'flow id', tell: (plan, random) => (plan.tunnel!.gre.flowId = random.below(256)) },
];
