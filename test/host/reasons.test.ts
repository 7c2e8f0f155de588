/** What a host agent passes and what it drops of the underlay, outer header by outer header, each edge from both sides. */

import { type DropReason, HostAgent, type Verdict } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import type { Link } from '../support/checksum.js';
import type { EthernetFields, Ipv4Fields, TcpFields, UdpFields } from '../support/layers.js';
import { bare, eth, ipv4, type Packet, SYN } from '../support/packet.js';
import { HOST_A, HOST_B, hostProgram, MUX, VIP, VNI, WEB_A, WEB_A_MAC, WEB_B, WEB_B_MAC } from '../support/programs.js';

const CLIENT = '192.0.2.7';

interface Raw {
  readonly link: Link;
  bytes(): Uint8Array;
}

type Row = [name: string, frame: Packet | Raw, verdict: Verdict, reason?: DropReason];

function first(length: number, packet: Packet): Raw {
  return { link: packet.link, bytes: () => packet.bytes().slice(0, length) };
}

const toVxlan = (fields: Ipv4Fields = {}, udp: UdpFields = {}) => eth().ipv4(MUX, HOST_A, fields).udp(50000, 4789, udp);
const inner = (ethernet: EthernetFields = {}) =>
  toVxlan()
    .vxlan(VNI)
    .eth({ dst: WEB_A_MAC, ...ethernet });
/** A whole tunnel to web-a, with something wrong in front. */
const outerWith = (fields: Ipv4Fields, udp: UdpFields = {}) =>
  toVxlan(fields, udp).vxlan(VNI).eth({ dst: WEB_A_MAC }).ipv4(CLIENT, VIP).tcp(40000, 443, SYN);
/** A whole tunnel to web-a, with something wrong inside. */
const innerWith = (fields: Ipv4Fields = {}, tcp: TcpFields = {}) =>
  inner().ipv4(CLIENT, VIP, fields).tcp(40000, 443, SYN, tcp);
const innerUdp = (udp: UdpFields) =>
  inner()
    .ipv4(CLIENT, VIP)
    .udp(40000, 53, { payload: 'question', ...udp });
/** 36 bytes of outer headers, the inner Ethernet header and so many bytes of the inner packet. */
const innerCut = (length: number) =>
  toVxlan().payload(
    innerWith()
      .bytes()
      .slice(42, 42 + 22 + length),
  );

const links: Row[] = [
  ['nothing at all', first(0, innerWith()), 'drop', 'ethernet-truncated'],
  ['13 bytes', first(13, innerWith()), 'drop', 'ethernet-truncated'],
  ['a tag cut short', first(17, eth().vlan(1).ipv4(MUX, HOST_A).udp(1, 4789)), 'drop', 'ethernet-truncated'],
  ['ARP', eth({ type: 0x0806 }).payload(new Uint8Array(28)), 'pass'],
  ['three VLAN tags', eth().vlan(1).vlan(2).vlan(3).ipv4(MUX, HOST_A).udp(1, 4789), 'pass'],
  ['bare: nothing at all', first(0, bare()), 'drop', 'ipv4-truncated'],
  ['bare: IPv6', { link: 'bare', bytes: () => new Uint8Array(40).fill(0x60) }, 'pass'],
  [
    'bare: a tunnel',
    ipv4(MUX, HOST_A).udp(1, 4789).vxlan(VNI).eth({ dst: WEB_A_MAC }).ipv4(CLIENT, VIP).tcp(1, 443, SYN),
    'deliver',
  ],
];

const outerHeaders: Row[] = [
  ['a sound tunnel', outerWith({}), 'deliver'],
  ['19 bytes of outer IP header', first(33, innerWith()), 'drop', 'ipv4-truncated'],
  ['version 5', outerWith({ version: 5 }), 'drop', 'ipv4-version'],
  ['IHL 4', outerWith({ ihl: 4 }), 'drop', 'ipv4-header-length'],
  ['total length 19', outerWith({ totalLength: 19 }), 'drop', 'ipv4-total-length'],
  ['total length of the header alone', outerWith({ totalLength: 20 }), 'drop', 'udp-truncated'],
  ['total length past the frame', outerWith({ totalLength: 91 }), 'drop', 'ipv4-truncated'],
  ['a wrong header checksum', outerWith({ checksum: 0 }), 'drop', 'ipv4-checksum'],
  ['malformed, to another host', eth().ipv4(MUX, HOST_B, { checksum: 0 }).udp(1, 4789), 'pass'],
  ['a tunnel to another host', eth().ipv4(MUX, HOST_B).udp(1, 4789).vxlan(VNI), 'pass'],
  ['TCP to the host', eth().ipv4(MUX, HOST_A).tcp(1, 4789, SYN), 'pass'],
  ['malformed TCP to the host', eth().ipv4(MUX, HOST_A, { checksum: 0 }).tcp(1, 4789, SYN), 'pass'],
  ['ICMP to the host', eth().ipv4(MUX, HOST_A).icmp(), 'pass'],
  ['the port below VXLAN', eth().ipv4(MUX, HOST_A).udp(1, 4788), 'pass'],
  ['the port above VXLAN', eth().ipv4(MUX, HOST_A).udp(1, 4790), 'pass'],
  ['from port 4789 to another', eth().ipv4(MUX, HOST_A).udp(4789, 50000), 'pass'],
  ['a lying length on another port', eth().ipv4(MUX, HOST_A).udp(1, 53, { udpLength: 7 }), 'pass'],
];

const outerUdp: Row[] = [
  ['the first fragment of a tunnel', outerWith({ mf: true }), 'drop', 'fragment'],
  ['the first fragment of another datagram', eth().ipv4(MUX, HOST_A, { mf: true }).udp(1, 53), 'pass'],
  [
    'a first fragment without whole ports',
    eth().ipv4(MUX, HOST_A, { mf: true, protocol: 17 }).payload('1234567'),
    'pass',
  ],
  ['a later fragment', outerWith({ fragmentOffset: 1 }), 'pass'],
  ['a middle fragment', outerWith({ fragmentOffset: 1, mf: true }), 'pass'],
  ['7 bytes of UDP', eth().ipv4(MUX, HOST_A, { protocol: 17 }).payload('1234567'), 'drop', 'udp-truncated'],
  ['UDP length 7', outerWith({}, { udpLength: 7 }), 'drop', 'udp-length'],
  ['UDP length one more than the segment', outerWith({}, { udpLength: 71 }), 'drop', 'udp-length'],
  ['UDP length of the whole segment', outerWith({}, { udpLength: 70 }), 'deliver'],
  [
    'UDP length one less: the inner packet is short of a byte',
    outerWith({}, { udpLength: 69 }),
    'drop',
    'ipv4-truncated',
  ],
  ['UDP length 8', outerWith({}, { udpLength: 8 }), 'drop', 'vxlan-truncated'],
  ['UDP length 15', outerWith({}, { udpLength: 15 }), 'drop', 'vxlan-truncated'],
  ['UDP length 16', outerWith({}, { udpLength: 16 }), 'drop', 'inner-truncated'],
];

const tunnels: Row[] = [
  ['no I flag', toVxlan().vxlan(VNI, { flags: 0xf7 }).eth({ dst: WEB_A_MAC }), 'drop', 'vxlan-flags'],
  ['13 bytes of inner frame', toVxlan().vxlan(VNI).payload(new Uint8Array(13)), 'drop', 'inner-truncated'],
  ['14 bytes of inner ARP', inner({ type: 0x0806 }), 'pass'],
  ['14 bytes of inner IPv4', inner(), 'drop', 'ipv4-truncated'],
  ['an inner tag', inner().vlan(5).ipv4(CLIENT, VIP).tcp(1, 443, SYN), 'drop', 'inner-vlan'],
  ['an inner service tag', inner().vlan(5, { tpid: 0x88a8 }), 'drop', 'inner-vlan'],
  ['inner IPv6', inner({ type: 0x86dd }), 'pass'],
  ['inner IPv6 for nobody', inner({ type: 0x86dd, dst: '02:00:00:00:01:99' }), 'pass'],
  ['a MAC nobody has', inner({ dst: '02:00:00:00:01:06' }).ipv4(CLIENT, VIP).tcp(1, 443, SYN), 'drop', 'nic-unknown'],
  ['broadcast', inner({ dst: 'ff:ff:ff:ff:ff:ff' }).ipv4(CLIENT, VIP).tcp(1, 443, SYN), 'drop', 'nic-unknown'],
  ['a MAC of zeros', inner({ dst: '00:00:00:00:00:00' }).ipv4(CLIENT, VIP).tcp(1, 443, SYN), 'drop', 'nic-unknown'],
  [
    'the VNI below',
    toVxlan()
      .vxlan(VNI - 1)
      .eth({ dst: WEB_A_MAC })
      .ipv4(CLIENT, VIP)
      .tcp(1, 443, SYN),
    'drop',
    'vni-mismatch',
  ],
  [
    'the VNI above',
    toVxlan()
      .vxlan(VNI + 1)
      .eth({ dst: WEB_A_MAC })
      .ipv4(CLIENT, VIP)
      .tcp(1, 443, SYN),
    'drop',
    'vni-mismatch',
  ],
  [
    'the VNI in its low 16 bits only',
    toVxlan()
      .vxlan(VNI + 0x10000)
      .eth({ dst: WEB_A_MAC }),
    'drop',
    'vni-mismatch',
  ],
];

const innerHeaders: Row[] = [
  ['19 bytes of inner IP header', innerCut(19), 'drop', 'ipv4-truncated'],
  ['39 of 40 bytes', innerCut(39), 'drop', 'ipv4-truncated'],
  ['40 of 40 bytes', innerCut(40), 'deliver'],
  ['version 6', innerWith({ version: 6 }), 'drop', 'ipv4-version'],
  ['IHL 4', innerWith({ ihl: 4 }), 'drop', 'ipv4-header-length'],
  ['total length 19', innerWith({ totalLength: 19 }), 'drop', 'ipv4-total-length'],
  ['total length one too many', innerWith({ totalLength: 41 }), 'drop', 'ipv4-truncated'],
  ['a wrong header checksum', innerWith({ checksum: 0 }), 'drop', 'ipv4-checksum'],
  ['an inner first fragment', innerWith({ mf: true }), 'drop', 'fragment'],
  ['an inner later fragment', innerWith({ fragmentOffset: 100 }), 'drop', 'fragment'],
  ['ICMP to the VIP', inner().ipv4(CLIENT, VIP).icmp(), 'drop', 'protocol'],
  ['19 bytes of TCP', inner().ipv4(CLIENT, VIP, { protocol: 6 }).payload(new Uint8Array(19)), 'drop', 'tcp-truncated'],
  ['data offset 4', innerWith({}, { dataOffset: 4 }), 'drop', 'tcp-header-length'],
  ['data offset 6 of 20 bytes', innerWith({}, { dataOffset: 6 }), 'drop', 'tcp-header-length'],
  ['data offset 6 of 24 bytes', innerWith({}, { dataOffset: 6, payload: '1234' }), 'deliver'],
  ['7 bytes of UDP', inner().ipv4(CLIENT, VIP, { protocol: 17 }).payload(new Uint8Array(7)), 'drop', 'udp-truncated'],
  ['UDP length 7', innerUdp({ udpLength: 7 }), 'drop', 'udp-length'],
  ['UDP length 8', innerUdp({ udpLength: 8 }), 'deliver'],
  ['UDP length one too many', innerUdp({ udpLength: 17 }), 'drop', 'udp-length'],
  [
    'a port without a rule',
    toVxlan().vxlan(VNI).eth({ dst: WEB_B_MAC }).ipv4(CLIENT, VIP).tcp(1, 444, SYN),
    'drop',
    'no-rule',
  ],
  ['one VM to another', inner().ipv4(WEB_B, WEB_A).tcp(1, 443, SYN), 'pass'],
  ['malformed, one VM to another', inner().ipv4(WEB_B, WEB_A, { checksum: 0 }).tcp(1, 443, SYN), 'pass'],
  ['ICMP, one VM to another', inner().ipv4(WEB_B, WEB_A).icmp(), 'pass'],
];

describe.each([
  { about: 'link layer', rows: links },
  { about: 'outer IPv4 header', rows: outerHeaders },
  { about: 'outer UDP header', rows: outerUdp },
  { about: 'VXLAN and inner Ethernet', rows: tunnels },
  { about: 'inner packet', rows: innerHeaders },
])('host agent: $about', ({ rows }) => {
  it.each(rows)('%s', async (_name, frame, verdict, reason) => {
    const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1 });
    host.apply(hostProgram);
    const processed = host.process(frame.bytes(), 0, { link: frame.link });
    expect([processed.verdict, processed.reason]).toEqual([verdict, reason]);
    if (verdict === 'pass') expect(processed.bytes).toEqual(frame.bytes());
    if (verdict === 'drop') expect(processed.bytes).toBeUndefined();
  });
});

describe('host agent: frames and slots', () => {
  const ports = ['underlay', 'vm', 'shared'] as const;
  const places = ports.flatMap((port) => (['ethernet', 'bare'] as const).map((link) => ({ port, link })));
  it.each(places)('a frame longer than a slot is dropped unread ($link, $port)', async ({ link, port }) => {
    const host = await HostAgent.load(muxModule, { frameBytesMax: 200, batchFrameCountMax: 1 });
    host.apply(hostProgram);
    const { verdict, reason, bytes } = host.process(new Uint8Array(201).fill(0x60), 0, { link, port });
    expect({ verdict, reason, length: bytes?.length }).toEqual({
      verdict: 'drop',
      reason: 'oversize',
      length: undefined,
    });
  });

  it('passes everything before a program is applied', async () => {
    const host = await HostAgent.load(muxModule);
    expect(host.current).toBeUndefined();
    const frame = innerWith().bytes();
    expect(host.process(frame, 0)).toEqual({ verdict: 'pass', reason: undefined, bytes: frame, produced: [] });
    expect(host.process(frame, 0, { port: 'vm' }).verdict).toBe('pass');
  });
});
