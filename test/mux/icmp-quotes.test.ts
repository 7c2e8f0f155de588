/** What an ICMP error quotes: how much of a packet it must be, and of which packets. */
import { describe, expect, it } from 'vitest';
import { concat, fromHex } from '../support/bytes.js';
import { FAMILIES, fragment, IPV4, IPV6, icmp, ipBytes, tcpBytes, udpBytes } from '../support/families.js';
import { errorsOf } from '../support/icmp-errors.js';
import { type Frame, MuxRun, withRings } from '../support/mux-run.js';
import { ACK, bare, eth, ipv4, type Packet } from '../support/packet.js';

/** All rings lead to web-a. */
const toA = withRings(['web-a']);
const CLIENT_PORT = 40000;
const { unreachable: unreachable4 } = errorsOf(IPV4);
const { unreachable: unreachable6 } = errorsOf(IPV6);

describe.each(FAMILIES)('quotes, IPv$family', (kit) => {
  const { family, vip, anyVip, client, router, ipHeaderBytes } = kit;
  const { quote, https, ofProtocol, ping, unreachable } = errorsOf(kit);

  describe('how much of the packet must be quoted', () => {
    const start = ipHeaderBytes;
    const cut = (whole: Uint8Array, length: number) => unreachable(whole.slice(0, length));
    const echo = ping(1024);
    const rows: [string, Frame, string][] = [
      ['one byte less than its IP header', cut(https(), start - 1), 'drop icmp-quote'],
      ['its IP header and no port', cut(https(), start), 'drop icmp-quote'],
      ['all but one byte of its ports', cut(https(), start + 3), 'drop icmp-quote'],
      ['its ports', cut(https(), start + 4), 'forward web-a'],
      ['8 bytes, as RFC 792 wants', cut(https(), start + 8), 'forward web-a'],
      ['all of it', unreachable(https()), 'forward web-a'],
      ['more than all of it', unreachable(concat(https(), new Uint8Array(50))), 'forward web-a'],
      ['7 bytes of a ping', cut(echo, start + 7), 'drop icmp-quote'],
      ['8 bytes of a ping', cut(echo, start + 8), 'forward web-a'],
      ['no byte of a protocol without ports', unreachable(ofProtocol(47)), 'forward web-a'],
    ];
    it.each(rows)('%s', async (_, packet, said) => {
      expect((await MuxRun.of(toA)).one(packet).said).toBe(said);
    });
  });

  describe('which packets may be quoted', () => {
    const changed = (at: number, ...bytes: number[]) => {
      const packet = https();
      packet.set(bytes, at);
      return unreachable(packet);
    };
    const ofType = (type: number, code = 0) =>
      unreachable(quote((packet) => icmp(kit, packet, type, code).payload('12345678')));
    const rows: [string, Frame, string][] = [
      [
        'of another VIP of ours',
        unreachable(quote((packet) => packet.tcp(443, CLIENT_PORT, ACK), anyVip)),
        'drop icmp-quote',
      ],
      [
        'of nobody of ours',
        unreachable(ipBytes(kit, [router, client], (packet) => packet.tcp(443, 1, ACK))),
        'drop icmp-quote',
      ],
      [
        'of the client itself',
        unreachable(ipBytes(kit, [client, vip], (packet) => packet.tcp(1, 443, ACK))),
        'drop icmp-quote',
      ],
      ['of version 0', changed(0, 0x05), 'drop icmp-quote'],
      ['of the other version', changed(0, family === 4 ? 0x65 : 0x40), 'drop icmp-quote'],
      ['an echo reply', ofType(kit.echoReply), 'drop icmp-quote'],
      ['an echo request with a code', ofType(kit.echoRequest, 1), 'drop icmp-quote'],
      ['an ICMP error', ofType(kit.unreachable), 'drop icmp-quote'],
    ];
    it.each(rows)('%s', async (_, packet, said) => {
      expect((await MuxRun.of(toA)).one(packet).said).toBe(said);
    });
  });

  describe('a fragment is quoted', () => {
    const part = (offset: number, protocol: number, payload: Uint8Array, from = vip) =>
      fragment(kit, [from, client], { offset, more: true }, protocol, payload, bare()).bytes();
    const first = part(0, 17, udpBytes(1234, CLIENT_PORT, 64));
    const later = (protocol: number, from = vip) => part(1, protocol, tcpBytes(443, 1, ACK, 64), from);
    const rows: [string, Frame, string][] = [
      ['the first one is like a whole packet', unreachable(first), 'forward web-a'],
      ['a later one of a protocol with a rule for every port', unreachable(later(17)), 'forward web-a'],
      ['a later one of a protocol without: the ports are unknown', unreachable(later(6)), 'drop icmp-quote'],
      ['of a protocol without ports', unreachable(later(47)), 'forward web-a'],
      ['of a protocol without a rule', unreachable(later(51)), 'drop icmp-quote'],
      ['of a VIP with a rule for every protocol', unreachable(later(51, anyVip), anyVip), 'forward web-a'],
      ['of ICMP, though there is such a rule', unreachable(later(kit.icmp, anyVip), anyVip), 'drop icmp-quote'],
    ];
    it.each(rows)('%s', async (_, packet, said) => {
      expect((await MuxRun.of(toA)).one(packet).said).toBe(said);
    });
  });

  it('quotes of every length, sound and random, do no harm', async () => {
    const run = await MuxRun.of(toA, { frameBytesMax: 400, batchFrameCountMax: 2 });
    const whole = https();
    for (let length = 0; length <= whole.length; length++) {
      expect(run.one(unreachable(whole.slice(0, length))).said).toBe(
        length < ipHeaderBytes + 4 ? 'drop icmp-quote' : 'forward web-a',
      );
      const noise = Uint8Array.from({ length }, (_, at) => (at * 131 + length * 29) & 0xff);
      expect(run.one(unreachable(noise)).said).toBe('drop icmp-quote');
    }
  });
});

describe('quotes, IPv4 alone', () => {
  const { vip, client } = IPV4;
  const quoted = (fields: Parameters<Packet['ipv4']>[2], length = 100) =>
    unreachable4(ipv4(vip, client, fields).tcp(443, CLIENT_PORT, ACK).bytes().slice(0, length));
  it.each([
    ['IHL 4', quoted({ ihl: 4 }), 'drop icmp-quote'],
    ['IHL of more than is quoted', quoted({ ihl: 15 }, 59), 'drop icmp-quote'],
    ['options', quoted({ options: new Uint8Array(40) }), 'forward web-a'],
    ['options, and no byte behind them', quoted({ options: new Uint8Array(40) }, 60), 'drop icmp-quote'],
    ['options that are cut off', quoted({ options: new Uint8Array(40) }, 59), 'drop icmp-quote'],
    ['a wrong checksum', quoted({ checksum: 1 }), 'forward web-a'],
    ['total length 0', quoted({ totalLength: 0 }), 'forward web-a'],
    ['TTL 0', quoted({ ttl: 0 }), 'forward web-a'],
  ])('a quoted header with %s', async (_, packet, said) => {
    expect((await MuxRun.of(toA)).one(packet).said).toBe(said);
  });

  it('ICMPv6 over IPv4 is just another protocol', async () => {
    const run = await MuxRun.of(toA);
    const packet = eth().ipv4(client, vip, { protocol: 58 }).payload(fromHex('8000000000000000'));
    expect(run.one(packet).said).toBe('drop protocol');
    expect(run.one(eth().ipv4(client, IPV4.anyVip, { protocol: 58 }).payload('x')).said).toBe('forward web-a');
  });
});

describe('quotes, IPv6 alone', () => {
  const { vip, client } = IPV6;
  const chain = (extend: (packet: Packet) => Packet, length = 1000) =>
    unreachable6(extend(bare().ipv6(vip, client)).tcp(443, CLIENT_PORT, ACK).bytes().slice(0, length));
  const options = (count: number) => (start: Packet) =>
    Array.from({ length: count }).reduce<Packet>((packet) => packet.destinationOptions(), start);
  it.each([
    ['hop-by-hop options', chain((packet) => packet.hopByHop()), 'forward web-a'],
    [
      'all kinds of headers',
      chain((packet) => packet.hopByHop().routing().fragment().destinationOptions()),
      'forward web-a',
    ],
    ['8 of them', chain(options(8)), 'forward web-a'],
    ['9 of them', chain(options(9)), 'drop icmp-quote'],
    ['one that is cut off', chain((packet) => packet.hopByHop(), 47), 'drop icmp-quote'],
    ['one whose length is past the quote', chain((packet) => packet.hopByHop({ length: 9 })), 'drop icmp-quote'],
    ['a route to go on', chain((packet) => packet.routing({ segmentsLeft: 1 })), 'drop icmp-quote'],
    ['two fragment headers', chain((packet) => packet.fragment().fragment()), 'drop icmp-quote'],
    ['an atomic fragment header', chain((packet) => packet.fragment()), 'forward web-a'],
    ['payload length 0', unreachable6(quotedWith({ payloadLength: 0 })), 'forward web-a'],
    ['hop limit 0', unreachable6(quotedWith({ hopLimit: 0 })), 'forward web-a'],
  ])('a quoted packet with %s', async (_, packet, said) => {
    expect((await MuxRun.of(toA)).one(packet).said).toBe(said);
  });

  it('may itself have extension headers', async () => {
    const quoted = bare().ipv6(vip, client).tcp(443, CLIENT_PORT, ACK).bytes();
    const packet = eth().ipv6(IPV6.router, vip).hopByHop().destinationOptions().icmpv6(1, 0).payload(quoted);
    expect((await MuxRun.of(toA)).one(packet).said).toBe('forward web-a');
  });

  it('a checksum without pseudo header, as ICMP has it, is wrong', async () => {
    const quoted = bare().ipv6(vip, client).tcp(443, CLIENT_PORT, ACK).bytes();
    const asIcmp = eth().ipv4('192.0.2.1', '192.0.2.2').icmp(1, 0).payload(quoted).bytes().slice(34);
    const packet = eth().ipv6(IPV6.router, vip, { nextHeader: 58 }).payload(asIcmp);
    expect((await MuxRun.of(toA)).one(packet).said).toBe('drop icmp-checksum');
  });

  it('ICMP over IPv6 is just another protocol', async () => {
    const run = await MuxRun.of(toA);
    expect(run.one(eth().ipv6(client, vip, { nextHeader: 1 }).payload(new Uint8Array(8))).said).toBe('drop protocol');
  });

  function quotedWith(fields: Parameters<Packet['ipv6']>[2]): Uint8Array {
    return bare().ipv6(vip, client, fields).tcp(443, CLIENT_PORT, ACK).bytes();
  }
});
