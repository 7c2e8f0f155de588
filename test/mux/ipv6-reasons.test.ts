/** What a MUX passes and what it drops of IPv6, each edge from both sides; and the sender checks of both families. */

import type { DropReason, Verdict } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { CLIENT, CLIENT6, muxWith, VIP6 } from '../support/both-families.js';
import { fromHex } from '../support/bytes.js';
import type { Ipv6Fields } from '../support/layers.js';
import { ACK, bare, eth, ipv6, type Packet, SYN } from '../support/packet.js';
import { VIP } from '../support/programs.js';

const NOBODY = '2001:db8::81';

/** The first bytes of a frame. */
function first(length: number, packet: Packet): Uint8Array {
  return packet.bytes().slice(0, length);
}

const start = (fields: Ipv6Fields = {}) => eth().ipv6(CLIENT6, VIP6, fields);
const https = (fields: Ipv6Fields = {}) => start(fields).tcp(40000, 443, SYN);
/** A packet to the VIP with so many bytes behind its header. */
const carrying = (nextHeader: number, length: number) => start({ nextHeader }).payload(new Uint8Array(length));
const from = (source: string) => eth().ipv6(source, VIP6).tcp(40000, 443, SYN);
const from4 = (source: string) => eth().ipv4(source, VIP).tcp(40000, 443, SYN);
const chain = (count: number) =>
  Array.from({ length: count }).reduce<Packet>((packet) => packet.destinationOptions(), start());

type Row = [name: string, frame: Packet | Uint8Array, verdict: Verdict, reason?: DropReason];

const headers: Row[] = [
  ['a SYN', https(), 'forward'],
  ['39 bytes of header', first(14 + 39, https()), 'drop', 'ipv6-truncated'],
  ['nothing behind the Ethernet header', first(14, https()), 'drop', 'ipv6-truncated'],
  ['39 bytes for somebody else', first(14 + 39, eth().ipv6(CLIENT6, NOBODY)), 'drop', 'ipv6-truncated'],
  ['39 bytes behind two tags', first(22 + 39, eth().vlan(7).vlan(8).ipv6(CLIENT6, VIP6)), 'drop', 'ipv6-truncated'],
  ['version 4', https({ version: 4 }), 'drop', 'ipv6-version'],
  ['version 7', https({ version: 7 }), 'drop', 'ipv6-version'],
  ['version 15 for somebody else', eth().ipv6(CLIENT6, NOBODY, { version: 15 }), 'drop', 'ipv6-version'],
  ['IPv6 with the type of IPv4', eth({ type: 0x0800 }).ipv6(CLIENT6, VIP6).tcp(1, 443, SYN), 'drop', 'ipv4-version'],
  ['IPv4 with the type of IPv6', eth({ type: 0x86dd }).payload(carryingIpv4()), 'drop', 'ipv6-version'],
  ['one VLAN tag', eth().vlan(7).ipv6(CLIENT6, VIP6).tcp(1, 443, SYN), 'forward'],
  ['two VLAN tags', eth().vlan(7, { tpid: 0x88a8 }).vlan(8).ipv6(CLIENT6, VIP6).tcp(1, 443, SYN), 'forward'],
  ['payload length one more than the frame', https({ payloadLength: 21 }), 'drop', 'ipv6-truncated'],
  ['payload length as long as the frame', https({ payloadLength: 20 }), 'forward'],
  ['payload length one less, and TCP needs it', https({ payloadLength: 19 }), 'drop', 'tcp-truncated'],
  ['payload length 0', https({ payloadLength: 0 }), 'drop', 'tcp-truncated'],
  ['payload length 65535 of a short frame', https({ payloadLength: 65535 }), 'drop', 'ipv6-truncated'],
  ['to nobody of ours', eth().ipv6(CLIENT6, NOBODY).tcp(1, 443, SYN), 'pass'],
  ['truncated, to nobody of ours', eth().ipv6(CLIENT6, NOBODY, { payloadLength: 999 }), 'pass'],
  ['hop limit 0, to nobody of ours', eth().ipv6(CLIENT6, NOBODY, { hopLimit: 0 }).udp(1, 2), 'pass'],
  ['from the VIP to a client', eth().ipv6(VIP6, CLIENT6).tcp(443, 40000, ACK), 'pass'],
  ['the VIP with its last bit flipped', eth().ipv6(CLIENT6, '2001:db8::81').tcp(1, 443, SYN), 'pass'],
  ['the VIP with its first bit flipped', eth().ipv6(CLIENT6, 'a001:db8::80').tcp(1, 443, SYN), 'pass'],
  ['a port without a rule', start().tcp(40000, 445, SYN), 'drop', 'no-rule'],
  ['UDP to a port with a rule for TCP', start().udp(40000, 443), 'drop', 'no-rule'],
];

/** An IPv4 packet to the VIP of its family, padded to the length of an IPv6 header. */
function carryingIpv4(): Uint8Array {
  return bare()
    .ipv4(CLIENT, VIP)
    .tcp(1, 443, SYN, { payload: 'x'.repeat(20) })
    .bytes();
}

const senders: Row[] = [
  ['hop limit 0', https({ hopLimit: 0 }), 'drop', 'ttl'],
  ['hop limit 1', https({ hopLimit: 1 }), 'forward'],
  ['::', from('::'), 'drop', 'source'],
  ['::1', from('::1'), 'drop', 'source'],
  ['::2', from('::2'), 'forward'],
  ['::1:0:0:0:1', from('0:0:0:1::1'), 'forward'],
  ['ff00::', from('ff00::'), 'drop', 'source'],
  ['the last multicast address', from('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'), 'drop', 'source'],
  ['feff::', from('feff::'), 'forward'],
  ['link-local', from('fe80::1'), 'forward'],
  ['the VIP itself', from(VIP6), 'drop', 'source'],
  ['hop limit 0 and no sender either', eth().ipv6('::', VIP6, { hopLimit: 0 }).tcp(1, 443, SYN), 'drop', 'ttl'],
  ['no sender, and malformed extensions', eth().ipv6('::', VIP6, { nextHeader: 0 }), 'drop', 'source'],
  ['IPv4: TTL 0', eth().ipv4(CLIENT, VIP, { ttl: 0 }).tcp(1, 443, SYN), 'drop', 'ttl'],
  ['IPv4: TTL 1', eth().ipv4(CLIENT, VIP, { ttl: 1 }).tcp(1, 443, SYN), 'forward'],
  ['IPv4: TTL 0 and a wrong checksum', eth().ipv4(CLIENT, VIP, { ttl: 0, checksum: 1 }), 'drop', 'ipv4-checksum'],
  ['IPv4: TTL 0 and no sender', eth().ipv4('0.0.0.0', VIP, { ttl: 0 }).tcp(1, 443, SYN), 'drop', 'ttl'],
  ['IPv4: TTL 0, to nobody of ours', eth().ipv4(CLIENT, '80.80.80.90', { ttl: 0 }), 'pass'],
  ['0.0.0.0', from4('0.0.0.0'), 'drop', 'source'],
  ['0.255.255.255', from4('0.255.255.255'), 'drop', 'source'],
  ['1.0.0.0', from4('1.0.0.0'), 'forward'],
  ['126.255.255.255', from4('126.255.255.255'), 'forward'],
  ['127.0.0.1', from4('127.0.0.1'), 'drop', 'source'],
  ['127.255.255.255', from4('127.255.255.255'), 'drop', 'source'],
  ['128.0.0.0', from4('128.0.0.0'), 'forward'],
  ['223.255.255.255', from4('223.255.255.255'), 'forward'],
  ['224.0.0.0', from4('224.0.0.0'), 'drop', 'source'],
  ['255.255.255.255', from4('255.255.255.255'), 'drop', 'source'],
  ['the IPv4 VIP itself', from4(VIP), 'drop', 'source'],
  ['no sender, and a fragment', eth().ipv4('0.0.0.0', VIP, { mf: true }).tcp(1, 443, SYN), 'drop', 'source'],
];

const extensions: Row[] = [
  ['hop-by-hop options', start().hopByHop().tcp(40000, 443, SYN), 'forward'],
  ['destination options', start().destinationOptions().tcp(40000, 443, SYN), 'forward'],
  ['a routing header that has been routed', start().routing().tcp(40000, 443, SYN), 'forward'],
  ['an atomic fragment', start().fragment({ id: 7 }).tcp(40000, 443, SYN), 'forward'],
  [
    'the longest options',
    start()
      .hopByHop({ data: new Uint8Array(2046) })
      .tcp(40000, 443, SYN),
    'forward',
  ],
  ['hop-by-hop options behind others', start().destinationOptions().hopByHop().tcp(40000, 443, SYN), 'forward'],
  ['eight extension headers', chain(8).tcp(40000, 443, SYN), 'forward'],
  ['nine extension headers', chain(9).tcp(40000, 443, SYN), 'drop', 'ipv6-extension'],
  ['eight, and the last announces a ninth', chain(7).destinationOptions({ nextHeader: 60 }), 'drop', 'ipv6-extension'],
  ['nothing behind the header that announces one', start({ nextHeader: 0 }), 'drop', 'ipv6-extension'],
  ['7 bytes of extension', carrying(60, 7), 'drop', 'ipv6-extension'],
  ['8 bytes of extension, TCP announced', start({ nextHeader: 60 }).payload(options(6, 0)), 'drop', 'tcp-truncated'],
  ['a length one unit past the packet', start({ nextHeader: 60 }).payload(options(6, 1)), 'drop', 'ipv6-extension'],
  ['a length to the end of the packet', start().hopByHop({ length: 3 }).tcp(40000, 443, SYN), 'drop', 'ipv6-extension'],
  ['a length of 255 units', start().hopByHop({ length: 255 }).tcp(40000, 443, SYN), 'drop', 'ipv6-extension'],
  [
    'options that would only fit into the padding',
    start({ payloadLength: 8, nextHeader: 60 }).payload(concatenated(options(60, 0), options(6, 0))),
    'drop',
    'ipv6-extension',
  ],
  ['7 bytes of fragment header', carrying(44, 7), 'drop', 'ipv6-extension'],
  ['two atomic fragment headers', start().fragment().fragment().tcp(40000, 443, SYN), 'drop', 'ipv6-extension'],
  [
    'a second fragment header behind a first fragment',
    start().fragment({ more: true }).destinationOptions().fragment().tcp(40000, 443, SYN),
    'drop',
    'ipv6-extension',
  ],
  ['a segment left', start().routing({ segmentsLeft: 1 }).tcp(40000, 443, SYN), 'drop', 'ipv6-extension'],
  ['255 segments left', start().routing({ segmentsLeft: 255 }).tcp(40000, 443, SYN), 'drop', 'ipv6-extension'],
  [
    'the fourth byte of options is no count of segments',
    start()
      .hopByHop({ data: fromHex('01ff0000 0000') })
      .tcp(40000, 443, SYN),
    'forward',
  ],
  ['no next header', carrying(59, 0), 'drop', 'protocol'],
  ['an authentication header is a protocol', carrying(51, 40), 'drop', 'protocol'],
  ['so is mobility', carrying(135, 40), 'drop', 'protocol'],
  ['IPv4 in IPv6', carrying(4, 40), 'drop', 'protocol'],
  ['ICMP of IPv4 in IPv6', carrying(1, 8), 'drop', 'protocol'],
  [
    'TCP behind options, cut off',
    start({ payloadLength: 27 }).hopByHop().tcp(40000, 443, SYN),
    'drop',
    'tcp-truncated',
  ],
  ['UDP behind options, cut off', start({ payloadLength: 15 }).hopByHop().udp(40000, 53), 'drop', 'udp-truncated'],
  ['malformed extensions, to nobody of ours', eth().ipv6(CLIENT6, NOBODY, { nextHeader: 0 }), 'pass'],
];

/** Eight bytes of destination options that announce a protocol and a length. */
function options(nextHeader: number, length: number): Uint8Array {
  return Uint8Array.of(nextHeader, length, 0, 0, 0, 0, 0, 0);
}

function concatenated(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const transports: Row[] = [
  ['19 bytes of TCP', carrying(6, 19), 'drop', 'tcp-truncated'],
  ['data offset 4', start().tcp(40000, 443, SYN, { dataOffset: 4 }), 'drop', 'tcp-header-length'],
  ['data offset past the segment', start().tcp(40000, 443, SYN, { dataOffset: 6 }), 'drop', 'tcp-header-length'],
  ['7 bytes of UDP', carrying(17, 7), 'drop', 'udp-truncated'],
  ['8 bytes of UDP', start().udp(40000, 53), 'forward'],
  ['UDP length 7', start().udp(40000, 53, { udpLength: 7 }), 'drop', 'udp-length'],
  ['UDP length past the packet', start().udp(40000, 53, { udpLength: 9 }), 'drop', 'udp-length'],
];

describe.each([
  { about: 'header', rows: headers },
  { about: 'sender', rows: senders },
  { about: 'extension headers', rows: extensions },
  { about: 'TCP and UDP', rows: transports },
])('MUX: IPv6 $about', ({ rows }) => {
  it.each(rows)('%s', async (_name, packet, verdict, reason) => {
    const frame = packet instanceof Uint8Array ? packet : packet.bytes();
    const mux = await muxWith();
    const explained = mux.explain(frame).fields;
    const processed = mux.process(frame, 0);
    expect([processed.verdict, processed.reason]).toEqual([verdict, reason]);
    expect([explained.verdict, explained.reason]).toEqual([verdict, reason]);
    if (verdict === 'pass') expect(processed.bytes).toEqual(frame);
  });
});

describe('MUX: IPv6 on a bare link', () => {
  it.each([
    ['a SYN', ipv6(CLIENT6, VIP6).tcp(40000, 443, SYN).bytes(), 'forward', undefined],
    ['one byte', fromHex('60'), 'drop', 'ipv6-truncated'],
    ['39 bytes', first(39, ipv6(CLIENT6, VIP6).tcp(1, 443, SYN)), 'drop', 'ipv6-truncated'],
    ['to nobody of ours', ipv6(CLIENT6, NOBODY).tcp(1, 443, SYN).bytes(), 'pass', undefined],
    ['version 7 counts as IPv4', first(40, ipv6(CLIENT6, VIP6, { version: 7 })), 'drop', 'ipv4-version'],
  ] as const)('%s', async (_name, frame, verdict, reason) => {
    const mux = await muxWith();
    const processed = mux.process(frame, 0, 'bare');
    expect([processed.verdict, processed.reason]).toEqual([verdict, reason]);
  });
});
