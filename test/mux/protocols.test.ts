/** Protocols without ports: which rule takes them, by what they are balanced, and that their flows are remembered. */

import type { MuxProgram } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { entropyPort, flowHash, ringSlot } from '../model/flow-hash.js';
import { bothFamilies, CLIENT, CLIENT6, KEY, muxWith, service, VIP6, WEB4, WEB6 } from '../support/both-families.js';
import { be16 } from '../support/bytes.js';
import { eth, type Packet, SYN } from '../support/packet.js';
import { VIP } from '../support/programs.js';

const TCP = 6;
const UDP = 17;
const GRE = 47;
const ESP = 50;
const SCTP = 132;
const OUTER_SOURCE_PORT = 14 + 20;

/** An IP packet with a protocol that is nothing but a number, from a client to a VIP of its family. */
function carrying(protocol: number, vip: string, content: string | Uint8Array = 'anything', client?: string): Packet {
  const isIpv6 = vip.includes(':');
  const start = isIpv6
    ? eth().ipv6(client ?? CLIENT6, vip, { nextHeader: protocol })
    : eth().ipv4(client ?? CLIENT, vip, { protocol });
  return start.payload(content);
}

describe.each([VIP, VIP6])('MUX: protocols without ports, %s', (vip) => {
  const syn = (vip === VIP ? eth().ipv4(CLIENT, VIP) : eth().ipv6(CLIENT6, VIP6)).tcp(40000, 47, SYN);
  const gre = service(vip, GRE, 0, { backend: WEB4 });
  const esp = service(vip, ESP, 0, { backend: WEB4 });
  const any = service(vip, 0, 0, { backend: WEB6 });
  const tcp = service(vip, TCP, 0, { backend: WEB4 });
  const rows = [
    { name: 'GRE to a rule for GRE', services: [gre], in: carrying(GRE, vip), out: gre.key },
    { name: 'ESP to a rule for ESP', services: [esp], in: carrying(ESP, vip), out: esp.key },
    { name: 'the protocol before any', services: [any, gre], in: carrying(GRE, vip), out: gre.key },
    { name: 'any protocol for GRE', services: [any, esp], in: carrying(GRE, vip), out: any.key },
    { name: 'any protocol for SCTP', services: [any, tcp], in: carrying(SCTP, vip), out: any.key },
    { name: 'any protocol for one without a byte', services: [any], in: carrying(ESP, vip, ''), out: any.key },
    { name: 'any protocol for "no next header"', services: [any], in: carrying(59, vip), out: any.key },
    { name: 'any protocol for 255', services: [any, tcp], in: carrying(255, vip), out: any.key },
    { name: 'protocol 255 has no rule by itself', services: [tcp], in: carrying(255, vip), out: 'protocol' },
    { name: 'no rule for TCP takes it', services: [tcp], in: carrying(SCTP, vip), out: 'protocol' },
    { name: 'no rule at all', services: [], in: carrying(GRE, vip), out: 'protocol' },
    { name: 'no rule for GRE takes TCP, whatever its port', services: [gre], in: syn, out: 'no-rule' },
    {
      name: 'the first bytes are no ports',
      services: [gre],
      in: carrying(GRE, vip, Uint8Array.of(0, 0, 1, 187)),
      out: gre.key,
    },
    {
      name: 'ICMP of the other family is another protocol',
      services: [any],
      in: carrying(vip === VIP ? 58 : 1, vip),
      out: any.key,
    },
  ];
  it.each(rows)('$name', async ({ services, in: packet, out }) => {
    const mux = await muxWith({ services });
    const { verdict, reason } = mux.process(packet.bytes(), 0);
    expect(verdict === 'forward' ? mux.explain(packet.bytes(), 0).fields.service?.key : reason).toBe(out);
  });
});

describe('MUX: addresses that are no VIPs', () => {
  it.each([VIP, VIP6])('a rule and a lease do not make %s one', async (vip) => {
    const mux = await muxWith({
      vips: ['80.80.80.99', '2001:db8::99'],
      services: [service(vip, TCP, 443, { backend: WEB4 }), service(vip, 0, 0, { backend: WEB4 })],
      snatRanges: [{ vip, firstPort: 1024, portCount: 8, backend: WEB4 }],
    });
    const start = vip === VIP ? eth().ipv4(CLIENT, VIP) : eth().ipv6(CLIENT6, VIP6);
    for (const packet of [start.tcp(40000, 443, SYN), start.udp(53, 1024), carrying(GRE, vip)]) {
      expect(mux.process(packet.bytes(), 0).verdict).toBe('pass');
    }
  });
});

describe('MUX: any protocol of IPv4', () => {
  it('takes protocol 0 too, which in IPv6 is an extension header', async () => {
    const mux = await muxWith({ services: [service(VIP, 0, 0, { backend: WEB4 })] });
    expect(mux.process(carrying(0, VIP).bytes(), 0).verdict).toBe('forward');
  });
});

describe.each([
  { vip: VIP, clientAt: (at: number) => `198.51.100.${at}` },
  { vip: VIP6, clientAt: (at: number) => `2001:db8:c::${at}` },
])('MUX: GRE to $vip', ({ vip, clientAt }) => {
  const ringOfTwo: Partial<MuxProgram> = {
    services: [service(vip, GRE, 0, { ring: 0 })],
    rings: [
      {
        slotCount: 251,
        members: [
          { backend: WEB4, weight: 1 },
          { backend: WEB6, weight: 1 },
        ],
      },
    ],
    // Both on one host, so that all tunnels have a UDP source port at the same place.
    backends: bothFamilies.backends.map((backend) => ({ ...backend, hostProviderAddress: '10.0.0.21' })),
  };
  const gre = (at: number, content = 'anything') => carrying(GRE, vip, content, clientAt(at)).bytes();

  it('is balanced by addresses and protocol, whatever is in it', async () => {
    const mux = await muxWith(ringOfTwo);
    for (let at = 1; at < 40; at++) {
      const tuple = { source: clientAt(at), destination: vip, sourcePort: 0, destinationPort: 0, protocol: GRE };
      const hash = flowHash(KEY, tuple, 'Default');
      expect(mux.explain(gre(at)).fields).toMatchObject({
        ringSlot: ringSlot(hash, 251),
        hash: hash.toString(16).padStart(16, '0'),
      });
      const { bytes } = mux.process(gre(at, 'something else'), 0);
      expect(be16(bytes as Uint8Array, OUTER_SOURCE_PORT)).toBe(entropyPort(hash));
    }
  });

  it('stays with its backend when the pool changes', async () => {
    const mux = await muxWith(ringOfTwo);
    const backendOf = (at: number) => mux.explain(gre(at)).fields.backend?.key;
    const clients = Array.from({ length: 40 }, (_, at) => at + 1).filter((at) => backendOf(at) === 'web-6');
    for (const at of clients) mux.process(gre(at), 0);
    const rings = [{ slotCount: 251, members: [{ backend: WEB4, weight: 1 }], drained: [WEB6] }];
    mux.program({ ...bothFamilies, ...ringOfTwo, rings });
    expect(clients.length).toBeGreaterThan(5);
    for (const at of clients) {
      expect(mux.explain(gre(at)).fields).toMatchObject({ backendSource: 'flow', backend: { key: 'web-6' } });
    }
  });
});

describe('MUX: flows of IPv6', () => {
  const ringOfTwo = [
    {
      slotCount: 251,
      members: [
        { backend: WEB4, weight: 1 },
        { backend: WEB6, weight: 1 },
      ],
    },
  ];
  const segment = (port: number, protocol = TCP) =>
    (protocol === TCP
      ? eth().ipv6(CLIENT6, VIP6).tcp(port, 443, 0x10)
      : eth().ipv6(CLIENT6, VIP6).udp(port, 443)
    ).bytes();

  it('stay with their backend when the pool changes, TCP and UDP apart', async () => {
    const services = [service(VIP6, 0, 0, { ring: 0 })];
    const mux = await muxWith({ services, rings: ringOfTwo });
    const explained = (port: number, protocol?: number) => mux.explain(segment(port, protocol)).fields;
    const ports = Array.from({ length: 40 }, (_, at) => 40_000 + at).filter(
      (port) => explained(port).backend?.key === 'web-6',
    );
    for (const port of ports) mux.process(segment(port), 0);
    mux.program({
      ...bothFamilies,
      services,
      rings: [{ slotCount: 251, members: [{ backend: WEB4, weight: 1 }], drained: [WEB6] }],
    });
    expect(ports.length).toBeGreaterThan(5);
    for (const port of ports) {
      expect(explained(port)).toMatchObject({ backendSource: 'flow', backend: { key: 'web-6' } });
      expect(explained(port, UDP)).toMatchObject({ backendSource: 'ring', backend: { key: 'web-4' } });
    }
    expect(mux.counters().flows).toMatchObject({ inserts: ports.length, misses: ports.length, hits: 0 });
  });

  it('are those of one VIP, not of another with the same ports', async () => {
    const other = '2001:db8::81';
    const mux = await muxWith({
      vips: [VIP6, other],
      services: [service(VIP6, TCP, 443, { ring: 0 }), service(other, TCP, 443, { ring: 0 })],
      rings: ringOfTwo,
    });
    mux.process(segment(40000), 0);
    const elsewhere = eth().ipv6(CLIENT6, other).tcp(40000, 443, 0x10).bytes();
    expect(mux.explain(segment(40000)).fields.backendSource).toBe('flow');
    expect(mux.explain(elsewhere).fields.backendSource).toBe('ring');
  });

  it('outlive a program in which VIPs come and go around theirs', async () => {
    const mux = await muxWith({ vips: ['2001:db8::1', VIP6] });
    mux.program({ ...bothFamilies, vips: ['2001:db8::1', VIP, VIP6] });
    const frame = eth().ipv6(CLIENT6, VIP6).tcp(40000, 443, 0x10).bytes();
    mux.process(frame, 0);
    for (const vips of [
      [VIP, VIP6],
      [VIP, VIP6, '2001:db8::2'],
      [VIP6, '2001:db8::2', VIP],
    ]) {
      mux.program({ ...bothFamilies, vips });
      expect(mux.explain(frame).fields).toMatchObject({ backendSource: 'flow' });
    }
    mux.program({ ...bothFamilies, vips: [VIP], services: bothFamilies.services.slice(0, 3) });
    expect(mux.explain(frame).fields.verdict).toBe('pass');
  });
});
