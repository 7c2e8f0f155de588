/**
 * A VM with addresses of both families as its host agent sees it, and each family's words for the same packets, so that
 * a table is written once and runs twice.
 *
 *   client ── edge router ── MUX ── host A ── web-a, behind VIP 443 → 8443 and others; outbound from leased ports
 *                                          └─ web-b, with an instance-level public IP
 */
import { HostAgent, type HostProgram, type Translation } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import type { SnatRule } from '../../sdk/program/types.js';
import { eth, type Packet } from '../support/packet.js';
import { HOST_A, HOST_A_MAC, hostProgram, MUX, VNI, WEB_A_MAC, WEB_B_MAC } from '../support/programs.js';

/** Addresses of one family, and the headers that differ between the two. */
export interface Family {
  readonly family: 4 | 6;
  readonly client: string;
  /** On the way between client and VIP. */
  readonly router: string;
  readonly dip: string;
  readonly vip: string;
  /** Where connections of web-a leave from, ports 1024..1031. */
  readonly snatVip: string;
  readonly otherDip: string;
  /** Of web-b. */
  readonly publicIp: string;
  /** Bytes of the IP header. */
  readonly ipBytes: number;
  /** IP protocol of its ICMP. */
  readonly icmpProtocol: number;
  ip(before: Packet, source: string, destination: string): Packet;
  /** "Destination unreachable, port unreachable", with a quote. */
  unreachable(before: Packet, quote: Uint8Array, rest?: number): Packet;
  /** Echo request or reply. */
  echo(before: Packet, kind: 'request' | 'reply', identifier: number, payload?: string): Packet;
}

export const IPV4: Family = {
  family: 4,
  client: '192.0.2.7',
  router: '198.51.100.1',
  dip: '192.168.1.4',
  vip: '80.80.80.80',
  snatVip: '80.80.80.81',
  otherDip: '192.168.1.5',
  publicIp: '80.80.80.85',
  ipBytes: 20,
  icmpProtocol: 1,
  ip: (before, source, destination) => before.ipv4(source, destination),
  unreachable: (before, quote, rest = 0) => before.icmp(3, 3, { rest }).payload(quote),
  echo: (before, kind, identifier, payload = 'ping') =>
    before.icmp(kind === 'request' ? 8 : 0, 0, { rest: identifier * 0x10000 + 1 }).payload(payload),
};

export const IPV6: Family = {
  family: 6,
  client: '2001:db8:c::7',
  router: '2001:db8:f::1',
  dip: '2001:db8:1::4',
  vip: '2001:db8:80::80',
  snatVip: '2001:db8:80::81',
  otherDip: '2001:db8:1::5',
  publicIp: '2001:db8:80::85',
  ipBytes: 40,
  icmpProtocol: 58,
  ip: (before, source, destination) => before.ipv6(source, destination),
  unreachable: (before, quote, rest = 0) => before.icmpv6(1, 4, { rest }).payload(quote),
  echo: (before, kind, identifier, payload = 'ping') =>
    before.icmpv6(kind === 'request' ? 128 : 129, 0, { rest: identifier * 0x10000 + 1 }).payload(payload),
};

export const FAMILIES = [IPV4, IPV6] as const;

/** Idle timeout of every rule, in ticks of 1024 ms. */
export const IDLE_TICKS = 235;
export const TICK_MS = 1024;

/** Bytes of the Ethernet header of everything that leaves. */
export const ETHERNET_BYTES = 14;

/** A frame of the MUX to the host, up to the inner Ethernet header. */
export const tunnel = (mac = WEB_A_MAC): Packet =>
  eth().ipv4(MUX, HOST_A).udp(50000, 4789).vxlan(VNI).eth({ dst: mac });
/** A frame of a VM, up to its Ethernet header. */
export const ofVm = (mac = WEB_A_MAC): Packet => eth({ src: mac, dst: '02:00:00:00:00:fe' });
/** A frame the host gives to a VM. */
export const toVm = (mac = WEB_A_MAC): Packet => eth({ src: HOST_A_MAC, dst: mac });
/** A frame the host sends to the gateway. */
export const toGateway = eth({ src: HOST_A_MAC, dst: '02:00:00:00:56:01' });

function translations({ vip, dip, publicIp, otherDip }: Family): Translation[] {
  const https: Translation = {
    nic: 0,
    vip,
    protocol: 6,
    port: 443,
    dip,
    backendPort: 8443,
    floatingIp: false,
    idleTimeoutMs: IDLE_TICKS * TICK_MS,
    rule: '/rules/https',
    tcpReset: true,
  };
  const { tcpReset: _, ...plain } = https;
  return [
    https,
    { ...plain, port: 444, backendPort: 8444, rule: '/rules/without-reset' },
    { ...plain, port: 80, backendPort: 0, floatingIp: true, rule: '/rules/floating' },
    { ...plain, protocol: 17, port: 53, backendPort: 5353, rule: '/rules/dns' },
    { ...plain, protocol: 47, port: 0, backendPort: 0, rule: '/rules/gre' },
    {
      ...plain,
      nic: 1,
      vip: publicIp,
      protocol: 0,
      port: 0,
      dip: otherDip,
      backendPort: 0,
      rule: '/publicIPAddresses/web-b',
      isInstanceAddress: true,
    },
  ];
}

function snatRule({ dip, snatVip }: Family): SnatRule {
  return {
    nic: 0,
    dip,
    vip: snatVip,
    protocol: 0,
    ranges: [{ firstPort: 1024, portCount: 8 }],
    idleTimeoutMs: IDLE_TICKS * TICK_MS,
    tcpReset: true,
    rule: '/outboundNatRules/out',
  };
}

export const program: HostProgram = {
  ...hostProgram,
  nics: [
    { key: 'web-a', macAddress: WEB_A_MAC, vni: VNI },
    { key: 'web-b', macAddress: WEB_B_MAC, vni: VNI },
  ],
  translations: FAMILIES.flatMap(translations),
  snatRules: FAMILIES.map(snatRule),
};

/** An agent that obeys `program`, as changed by `changes`. */
export async function loadHost(changes: Partial<HostProgram> = {}, capacities = {}): Promise<HostAgent> {
  const host = await HostAgent.load(muxModule, { flowCountMax: 256, ...capacities });
  host.apply({ ...program, ...changes });
  return host;
}

/** The same with other ways to the provider network. */
export function attached(changes: Partial<HostProgram['attachment']>): Partial<HostProgram> {
  return { attachment: { ...program.attachment, ...changes } };
}

/** What the agent makes of a frame from the underlay. */
export const arrive = (host: HostAgent, packet: Packet, nowMs = 0) => host.process(packet.bytes(), nowMs);
/** What it makes of a frame of a VM. */
export const leave = (host: HostAgent, packet: Packet, nowMs = 0) =>
  host.process(packet.bytes(), nowMs, { port: 'vm' });
