/** What a MUX passes and what it drops, each edge from both sides. `forward` rows stand beside the drop they border on. */

import { type DropReason, Mux, type Verdict } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../support/bytes.js';
import type { Link } from '../support/checksum.js';
import type { Ipv4Fields, TcpFields } from '../support/layers.js';
import { ACK, bare, eth, ipv4, type Packet, SYN } from '../support/packet.js';
import { muxProgram, VIP, VIP_WITHOUT_SERVICE } from '../support/programs.js';

const CLIENT = '192.0.2.7';
const LONGEST = 65_600;

/** A frame that is not what any packet begins with, or only the first bytes of one. */
interface Raw {
  readonly link: Link;
  bytes(): Uint8Array;
}

function first(length: number, packet: Packet): Raw {
  return { link: packet.link, bytes: () => packet.bytes().slice(0, length) };
}

const https = (fields: Ipv4Fields = {}, tcp: TcpFields = {}) =>
  eth().ipv4(CLIENT, VIP, fields).tcp(40000, 443, SYN, tcp);
/** An IP packet to the VIP with so many bytes behind its header. */
const carrying = (protocol: number, length: number) =>
  eth().ipv4(CLIENT, VIP, { protocol }).payload(new Uint8Array(length));
const dns = (udpLength: number, payload: string) => eth().ipv4(CLIENT, VIP).udp(40000, 53, { udpLength, payload });
/** A TCP packet to the VIP of exactly so many bytes. */
const long = (totalLength: number) => https({}, { payload: new Uint8Array(totalLength - 40) });
/** The same header checksum, wrong by one. */
const wrongByOne = () => {
  const bytes = https().bytes();
  bytes[25] ^= 1;
  return bytes;
};

type Row = [name: string, frame: Packet | Raw, verdict: Verdict, reason?: DropReason];

const links: Row[] = [
  ['nothing at all', first(0, https()), 'drop', 'ethernet-truncated'],
  ['13 bytes of Ethernet header', first(13, eth({ type: 0x0806 })), 'drop', 'ethernet-truncated'],
  ['14 bytes of ARP', first(14, eth({ type: 0x0806 })), 'pass'],
  ['a tag cut short by a byte', first(17, eth().vlan(1, { type: 0x0806 })), 'drop', 'ethernet-truncated'],
  ['a whole tag in front of ARP', first(18, eth().vlan(1, { type: 0x0806 })), 'pass'],
  ['a service tag cut short', first(17, eth().vlan(1, { tpid: 0x88a8 })), 'drop', 'ethernet-truncated'],
  ['IPv4 announced, nothing there', first(14, https()), 'drop', 'ipv4-truncated'],
  ['IPv6 to nobody of ours', eth({ type: 0x86dd }).payload(new Uint8Array(40).fill(0x60)), 'pass'],
  ['the type next to IPv4', eth({ type: 0x0801 }).ipv4(CLIENT, VIP).tcp(1, 443, SYN), 'pass'],
  ['an IEEE 802.3 length', eth({ type: 0x0040 }).payload(new Uint8Array(64)), 'pass'],
  ['two VLAN tags', eth().vlan(7, { tpid: 0x88a8 }).vlan(100).ipv4(CLIENT, VIP).tcp(1, 443, SYN), 'forward'],
  ['three VLAN tags', eth().vlan(7).vlan(8).vlan(9).ipv4(CLIENT, VIP).tcp(1, 443, SYN), 'pass'],
  [
    'the second tag cut short by a byte',
    first(21, eth().vlan(1).vlan(2, { type: 0x0806 })),
    'drop',
    'ethernet-truncated',
  ],
  ['two whole tags in front of ARP', first(22, eth().vlan(1).vlan(2, { type: 0x0806 })), 'pass'],
  ['bare: nothing at all', first(0, bare()), 'drop', 'ipv4-truncated'],
  ['bare: one byte of IPv4', { link: 'bare', bytes: () => fromHex('45') }, 'drop', 'ipv4-truncated'],
  ['bare: one byte of IPv6', { link: 'bare', bytes: () => fromHex('60') }, 'drop', 'ipv6-truncated'],
];

const headers: Row[] = [
  ['19 bytes of IP header', first(19, ipv4(CLIENT, VIP).tcp(1, 443, SYN)), 'drop', 'ipv4-truncated'],
  ['19 bytes behind an Ethernet header', first(33, https()), 'drop', 'ipv4-truncated'],
  ['19 bytes behind a tag', first(37, eth().vlan(1).ipv4(CLIENT, VIP).tcp(1, 443, SYN)), 'drop', 'ipv4-truncated'],
  ['version 5', https({ version: 5 }), 'drop', 'ipv4-version'],
  ['version 6 with the type of IPv4', https({ version: 6 }), 'drop', 'ipv4-version'],
  ['bare: version 5', ipv4(CLIENT, VIP, { version: 5 }).tcp(1, 443, SYN), 'drop', 'ipv4-version'],
  ['IHL 4', https({ ihl: 4 }), 'drop', 'ipv4-header-length'],
  ['IHL 0', https({ ihl: 0 }), 'drop', 'ipv4-header-length'],
  ['IHL 5', https({ ihl: 5 }), 'forward'],
  ['IHL beyond the frame', first(34, https({ ihl: 6, totalLength: 20 })), 'drop', 'ipv4-truncated'],
  ['total length one less than the header', https({ totalLength: 19 }), 'drop', 'ipv4-total-length'],
  ['total length of the header alone', https({ totalLength: 20 }), 'drop', 'tcp-truncated'],
  ['total length 0', https({ totalLength: 0 }), 'drop', 'ipv4-total-length'],
  ['total length inside the options', https({ ihl: 6, totalLength: 23 }), 'drop', 'ipv4-total-length'],
  ['total length one more than the frame', https({ totalLength: 41 }), 'drop', 'ipv4-truncated'],
  ['total length as long as the frame', https({ totalLength: 40 }), 'forward'],
  ['total length 65535 of a short frame', https({ totalLength: 65535 }), 'drop', 'ipv4-truncated'],
  ['header checksum 0', https({ checksum: 0 }), 'drop', 'ipv4-checksum'],
  ['header checksum wrong by one', { link: 'ethernet', bytes: wrongByOne }, 'drop', 'ipv4-checksum'],
];

const fragments: Row[] = [
  ['the first fragment', https({ mf: true }), 'drop', 'fragment'],
  ['a fragment at offset 8', https({ fragmentOffset: 1 }), 'hold'],
  ['a fragment at the largest offset', https({ fragmentOffset: 0x1fff }), 'drop', 'fragment'],
  ['DF clear', https({ df: false }), 'forward'],
  ['the reserved flag', https({ reserved: true }), 'forward'],
  ['a fragment of ICMP', eth().ipv4(CLIENT, VIP, { mf: true }).icmp(), 'drop', 'fragment'],
];

const transports: Row[] = [
  ['ICMP destination unreachable without a quote', eth().ipv4(CLIENT, VIP).icmp(3, 4), 'drop', 'icmp-quote'],
  ['ICMP redirect', eth().ipv4(CLIENT, VIP).icmp(5, 1), 'drop', 'protocol'],
  ['ICMP echo reply', eth().ipv4(CLIENT, VIP).icmp(0, 0), 'drop', 'no-rule'],
  ['ICMP echo request with a code', eth().ipv4(CLIENT, VIP).icmp(8, 1), 'drop', 'protocol'],
  ['7 bytes of ICMP', carrying(1, 7), 'drop', 'icmp-truncated'],
  [
    'ICMP echo request, checksum wrong',
    eth().ipv4(CLIENT, VIP).icmp(8, 0, { checksum: 0x1234 }),
    'drop',
    'icmp-checksum',
  ],
  ['protocol 0', carrying(0, 40), 'drop', 'protocol'],
  ['IPv6 in IPv4', carrying(41, 40), 'drop', 'protocol'],
  ['SCTP', carrying(132, 40), 'drop', 'protocol'],
  ['19 bytes of TCP', carrying(6, 19), 'drop', 'tcp-truncated'],
  ['20 bytes of TCP, data offset 5', https({}, { dataOffset: 5 }), 'forward'],
  ['data offset 4', https({}, { dataOffset: 4 }), 'drop', 'tcp-header-length'],
  ['data offset 0', https({}, { dataOffset: 0 }), 'drop', 'tcp-header-length'],
  ['data offset one word past the segment', https({}, { dataOffset: 6 }), 'drop', 'tcp-header-length'],
  ['data offset at the end of the segment', https({}, { dataOffset: 6, payload: '1234' }), 'forward'],
  [
    'a segment one byte short of its data offset',
    https({}, { dataOffset: 6, payload: '123' }),
    'drop',
    'tcp-header-length',
  ],
  ['data offset 15 of a short segment', https({}, { dataOffset: 15 }), 'drop', 'tcp-header-length'],
  ['7 bytes of UDP', carrying(17, 7), 'drop', 'udp-truncated'],
  ['8 bytes of UDP', dns(8, ''), 'forward'],
  ['UDP length 7', dns(7, 'question'), 'drop', 'udp-length'],
  ['UDP length 0', dns(0, 'question'), 'drop', 'udp-length'],
  ['UDP length 8 of a longer segment', dns(8, 'question'), 'forward'],
  ['UDP length of the whole segment', dns(16, 'question'), 'forward'],
  ['UDP length one more than the segment', dns(17, 'question'), 'drop', 'udp-length'],
  ['UDP length 65535', dns(65535, 'question'), 'drop', 'udp-length'],
];

const lookups: Row[] = [
  ['a port with a rule', https(), 'forward'],
  ['a port without a rule', eth().ipv4(CLIENT, VIP).tcp(40000, 444, SYN), 'drop', 'no-rule'],
  ['TCP to a port with a rule for UDP', eth().ipv4(CLIENT, VIP).tcp(40000, 53, SYN), 'drop', 'no-rule'],
  ['a VIP without rules', eth().ipv4(CLIENT, VIP_WITHOUT_SERVICE).tcp(40000, 443, SYN), 'drop', 'no-rule'],
  ['a ring without members', eth().ipv4(CLIENT, VIP).udp(40000, 9), 'drop', 'no-backend'],
  ['the address below the VIP', eth().ipv4(CLIENT, '80.80.80.79').tcp(40000, 443, SYN), 'pass'],
  ['the address above the VIPs', eth().ipv4(CLIENT, '80.80.80.82').tcp(40000, 443, SYN), 'pass'],
  ['from the VIP to a client', eth().ipv4(VIP, CLIENT).tcp(443, 40000, ACK), 'pass'],
  ['malformed, to nobody of ours', eth().ipv4(CLIENT, '80.80.80.82', { ihl: 4, checksum: 0 }).tcp(1, 2, SYN), 'pass'],
  ['a truncated packet to nobody of ours', eth().ipv4(CLIENT, '80.80.80.82', { totalLength: 999 }).udp(1, 2), 'pass'],
];

const lengths: Row[] = [
  ['65,485 bytes', long(65_485), 'forward'],
  ['65,486 bytes', long(65_486), 'drop', 'oversize'],
  ['65,535 bytes', long(65_535), 'drop', 'oversize'],
];

describe.each([
  { about: 'link layer', rows: links },
  { about: 'IPv4 header', rows: headers },
  { about: 'fragments', rows: fragments },
  { about: 'TCP, UDP and the rest', rows: transports },
  { about: 'rules', rows: lookups },
  { about: 'longest packet that can be encapsulated', rows: lengths },
])('MUX: $about', ({ rows }) => {
  it.each(rows)('%s', async (_name, frame, verdict, reason) => {
    const mux = await Mux.load(muxModule, { frameBytesMax: LONGEST, batchFrameCountMax: 1 });
    mux.program(muxProgram);
    const processed = mux.process(frame.bytes(), 0, frame.link);
    expect([processed.verdict, processed.reason]).toEqual([verdict, reason]);
    if (verdict === 'pass') expect(processed.bytes).toEqual(frame.bytes());
    if (verdict === 'drop') expect(processed.bytes).toBeUndefined();
  });
});

describe('MUX: frames and slots', () => {
  it.each([
    { name: 'as long as a slot', length: 200, verdict: 'forward', reason: undefined },
    { name: 'one byte longer', length: 201, verdict: 'drop', reason: 'oversize' },
  ])('a frame $name: $verdict', async ({ length, verdict, reason }) => {
    const mux = await Mux.load(muxModule, { frameBytesMax: 200, batchFrameCountMax: 1 });
    mux.program(muxProgram);
    expect(mux.process(long(length - 14).bytes(), 0)).toMatchObject({ verdict, reason });
  });

  it.each(['ethernet', 'bare'] as const)('a frame longer than a slot is dropped unread (%s)', async (link) => {
    const mux = await Mux.load(muxModule, { frameBytesMax: 200, batchFrameCountMax: 1 });
    mux.program(muxProgram);
    expect(mux.process(new Uint8Array(201).fill(0x60), 0, link)).toMatchObject({ verdict: 'drop', reason: 'oversize' });
  });

  it('passes everything before it is programmed', async () => {
    const mux = await Mux.load(muxModule);
    expect(mux.current).toBeUndefined();
    expect(mux.process(https().bytes(), 0)).toEqual({
      verdict: 'pass',
      reason: undefined,
      bytes: https().bytes(),
      produced: [],
    });
  });
});
