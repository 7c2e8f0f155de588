/** ICMP and ICMPv6 for a VIP: errors go to the connection they are about, answers to pings to whoever pinged. */
import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import {
  FAMILIES,
  type FamilyKit,
  fragment,
  IPV4,
  IPV6,
  icmp,
  ip,
  ipBytes,
  tcpBytes,
  udpBytes,
} from '../support/families.js';
import type { IcmpFields } from '../support/layers.js';
import { type Frame, MuxRun, tunnelOf, withRings } from '../support/mux-run.js';
import { ACK, bare, eth, FIN, ipv4, type Packet, RST, SYN } from '../support/packet.js';

/** All rings lead to web-a; web-b keeps what it has. */
const toA = withRings(['web-a']);
const toB = withRings(['web-b']);
const CLIENT_PORT = 40000;
const TICK_MS = 1024;

type Types = Readonly<Record<4 | 6, [name: string, type: number, code: number][]>>;

const ERRORS: Types = {
  4: [
    ['network unreachable', 3, 0],
    ['port unreachable', 3, 3],
    ['fragmentation needed', 3, 4],
    ['a code of unreachable nobody uses', 3, 255],
    ['time to live exceeded', 11, 0],
    ['reassembly time exceeded', 11, 1],
    ['parameter problem', 12, 0],
    ['required option missing', 12, 1],
  ],
  6: [
    ['no route', 1, 0],
    ['port unreachable', 1, 4],
    ['packet too big', 2, 0],
    ['packet too big with a code', 2, 9],
    ['hop limit exceeded', 3, 0],
    ['parameter problem', 4, 1],
  ],
};

const NO_ERRORS: Types = {
  4: [
    ['echo request with a code', 8, 1],
    ['echo reply with a code', 0, 1],
    ['source quench', 4, 0],
    ['redirect', 5, 1],
    ['router advertisement', 9, 0],
    ['timestamp', 13, 0],
    ['type 1', 1, 0],
    ['type 2', 2, 0],
  ],
  6: [
    ['echo request with a code', 128, 1],
    ['echo reply with a code', 129, 1],
    ['type 0', 0, 0],
    ['type 5', 5, 0],
    ['private experimentation', 100, 0],
    ['multicast listener query', 130, 0],
    ['neighbor solicitation', 135, 0],
    ['neighbor advertisement', 136, 0],
    ['redirect', 137, 0],
  ],
};

/** From a router to a VIP, with a packet in it. */
function errorAbout(kit: FamilyKit, quoted: Uint8Array, to = kit.vip): Packet {
  return message(kit, kit.unreachable, 1, quoted, to);
}

function message(
  kit: FamilyKit,
  type: number,
  code: number,
  quoted: Uint8Array,
  to = kit.vip,
  fields: IcmpFields = {},
  start = eth(),
): Packet {
  return icmp(kit, ip(kit, kit.router, to, start), type, code, fields).payload(quoted);
}

describe.each(FAMILIES)('ICMP errors, IPv$family', (kit) => {
  const { family, vip, anyVip, instance, client, router, ipHeaderBytes } = kit;
  /** What a backend of `from` sent to the client. */
  const quote = (rest: (packet: Packet) => Packet, from = vip, protocol?: number) =>
    ipBytes(kit, [from, client], rest, protocol);
  const https = (flags = ACK) => quote((packet) => packet.tcp(443, CLIENT_PORT, flags, { payload: 'x'.repeat(100) }));
  const ofProtocol = (protocol: number, from = vip) => quote((packet) => packet.payload(''), from, protocol);
  const ping = (identifier: number, from = vip) =>
    quote((packet) => icmp(kit, packet, kit.echoRequest, 0, { rest: identifier * 65536 }).payload('12345678'), from);
  const unreachable = (quoted: Uint8Array, to = vip) => errorAbout(kit, quoted, to);
  const toVip = (flags: number) => ip(kit, client, vip).tcp(CLIENT_PORT, 443, flags);

  describe('which messages', () => {
    it.each(ERRORS[family])('%s is one', async (_, type, code) => {
      const run = await MuxRun.of(toA);
      expect(run.one(message(kit, type, code, https())).said).toBe('forward web-a');
    });

    it.each(NO_ERRORS[family])('%s is none', async (_, type, code) => {
      const run = await MuxRun.of(toA);
      expect(run.one(message(kit, type, code, https())).said).toBe('drop protocol');
    });

    it.each([
      ['no message at all', ip(kit, router, vip, eth(), kit.icmp).payload(''), 'drop icmp-truncated'],
      ['7 bytes of a message', ip(kit, router, vip, eth(), kit.icmp).payload(new Uint8Array(7)), 'drop icmp-truncated'],
      ['8 bytes: no quote', unreachable(new Uint8Array(0)), 'drop icmp-quote'],
      ['a checksum that is wrong', message(kit, 3, 0, https(), vip, { checksum: 0x1234 }), 'drop icmp-checksum'],
      ['a checksum of 0', message(kit, 3, 0, https(), vip, { checksum: 0 }), 'drop icmp-checksum'],
    ])('%s', async (_, packet, said) => {
      expect((await MuxRun.of(toA)).one(packet).said).toBe(said);
    });
  });

  describe('the connection: a live flow first, then the ring', () => {
    const error = unreachable(https());

    it('an unknown one goes where the ring says, as its packets would', async () => {
      const run = await MuxRun.of(withRings(['web-a', 'web-b', 'web-c', 'web-d']));
      for (let port = 40000; port < 40040; port++) {
        const about = quote((packet) => packet.tcp(443, port, ACK));
        const [ofError, ofConnection] = run.batch([unreachable(about), ip(kit, client, vip).tcp(port, 443, SYN)]);
        expect(ofError!.said).toBe(ofConnection!.said);
      }
    });

    it('of a rule by source address too', async () => {
      const run = await MuxRun.of(withRings(['web-a', 'web-b', 'web-c', 'web-d']));
      for (let last = 1; last < 30; last++) {
        const other = client.replace(/7$/, String(last));
        const about = ipBytes(kit, [vip, other], (packet) => packet.tcp(80, CLIENT_PORT, ACK));
        const [ofError, ofConnection] = run.batch([unreachable(about), ip(kit, other, vip).tcp(CLIENT_PORT, 80, SYN)]);
        expect(ofError!.said).toBe(ofConnection!.said);
      }
    });

    it('a known one goes where it went before, in the same batch too', async () => {
      const run = await MuxRun.of(toA);
      expect(run.said([toVip(SYN), toVip(ACK), error])).toEqual(['forward web-a', 'forward web-a', 'forward web-a']);
      run.mux.program(toB);
      expect(run.one(error).said).toBe('forward web-a');
      expect(run.one(unreachable(quote((packet) => packet.tcp(443, CLIENT_PORT + 1, ACK)))).said).toBe('forward web-b');
    });

    it('one that was idle for too long is unknown', async () => {
      const run = await MuxRun.of(toA);
      const dns = ip(kit, client, vip).udp(CLIENT_PORT, 53);
      run.one(dns);
      run.mux.program(toB);
      const about = unreachable(quote((packet) => packet.udp(53, CLIENT_PORT)));
      expect([run.one(about, 10 * TICK_MS).said, run.one(about, 11 * TICK_MS).said]).toEqual([
        'forward web-a',
        'forward web-b',
      ]);
    });

    it('nothing is remembered, nothing refreshed, nothing counted as hit or miss', async () => {
      const run = await MuxRun.of(toA);
      run.one(error);
      expect(run.mux.counters().flows).toMatchObject({ hits: 0, misses: 0, inserts: 0 });
      const dns = ip(kit, client, vip).udp(CLIENT_PORT, 53);
      const about = unreachable(quote((packet) => packet.udp(53, CLIENT_PORT)));
      run.one(dns);
      for (let tick = 1; tick <= 10; tick++) run.one(about, tick * TICK_MS);
      expect(run.mux.counters().flows).toMatchObject({ hits: 0, misses: 1, inserts: 1 });
      run.mux.program(toB);
      expect(run.one(dns, 11 * TICK_MS).said).toBe('forward web-b');
    });

    it('a quoted SYN, FIN or RST is no SYN, FIN or RST of the client', async () => {
      const run = await MuxRun.of(toA);
      run.batch([toVip(SYN), toVip(ACK)]);
      run.mux.program(toB);
      for (const flags of [SYN, SYN | ACK, FIN, RST]) {
        expect(run.one(unreachable(https(flags))).said).toBe('forward web-a');
      }
      expect(run.one(toVip(ACK)).said).toBe('forward web-a');
    });

    it('is counted as traffic of its backend and its service, and reports both', async () => {
      const run = await MuxRun.of(toA);
      const { service } = run.one(error);
      const bytes = error.bytes().length - 14;
      expect(run.mux.backendTraffic('web-a')).toEqual({ packets: 1, bytes });
      expect(run.mux.serviceTraffic(service!)).toEqual({ packets: 1, bytes });
      expect(service).toBe(`${vip}|443/6`);
    });
  });

  describe('how it is sent on', () => {
    it('as it came, with the outer source port of the connection', async () => {
      const run = await MuxRun.of(toA);
      for (let port = 40000; port < 40010; port++) {
        const error = unreachable(quote((packet) => packet.tcp(443, port, ACK)));
        const [ofError, ofConnection] = run.batch([error, ip(kit, client, vip).tcp(port, 443, ACK)]);
        const tunnel = tunnelOf(ofError!);
        expect(tunnel.sourcePort).toBe(tunnelOf(ofConnection!).sourcePort);
        expect(toHex(tunnel.inner)).toBe(toHex(error.bytes().slice(14)));
        expect(verifyFrame(ofError!.bytes, 'ethernet')).toEqual([]);
      }
    });

    it('without padding, in its VLAN, on a bare link', async () => {
      const run = await MuxRun.of(toA);
      const tagged = message(kit, kit.unreachable, 0, https(), vip, {}, eth().vlan(7));
      expect(toHex(run.one(tagged).bytes.slice(12, 16))).toBe('81000007');
      const lone = message(kit, kit.unreachable, 0, https(), vip, {}, bare());
      expect(toHex(tunnelOf(run.one(lone), 'bare').inner)).toBe(toHex(lone.bytes()));
      const padded = tunnelOf(run.one(unreachable(https()).pad(400)));
      expect(toHex(padded.inner)).toBe(toHex(unreachable(https()).bytes().slice(14)));
    });
  });

  describe('what finds the backend', () => {
    const tcp = (port: number) => unreachable(quote((packet) => packet.tcp(port, CLIENT_PORT, ACK)));
    const udp = (port: number) => unreachable(quote((packet) => packet.udp(port, CLIENT_PORT)));
    const protocol = (number: number, from = vip) => unreachable(ofProtocol(number, from), from);
    const echo = (identifier: number) => unreachable(ping(identifier));
    const rows: [string, Packet, string][] = [
      ['a rule of the port', tcp(443), 'forward web-a'],
      ['a rule for one backend', tcp(2201), 'forward web-b'],
      ['a rule without backends', tcp(9), 'drop no-backend'],
      ['a rule for every port', udp(1234), 'forward web-a'],
      ['a leased TCP port', tcp(1024), 'forward web-a'],
      ['the last port of a lease', tcp(1087), 'forward web-a'],
      ['the first port of the next', tcp(1088), 'forward web-c'],
      ['a port nobody has leased', tcp(1096), 'drop no-rule'],
      ['the last port', tcp(65535), 'forward web-b'],
      ['a leased identifier of a ping', echo(2048), 'forward web-d'],
      ['an identifier nobody has leased', echo(443), 'drop no-rule'],
      ['a rule for a protocol without ports', protocol(47), 'forward web-a'],
      ['one for one backend', protocol(50), 'forward web-d'],
      ['a protocol without a rule', protocol(51), 'drop no-rule'],
      ['a rule for every protocol', protocol(51, anyVip), 'forward web-a'],
      ['a ping of a VIP that has one', unreachable(ping(1, anyVip), anyVip), 'drop no-rule'],
      ['no rule for the port', tcp(444), 'drop no-rule'],
    ];
    it.each(rows)('%s', async (_, packet, said) => {
      expect((await MuxRun.of(toA)).one(packet).said).toBe(said);
    });

    it('a leased port leaves no flow, and no service', async () => {
      const run = await MuxRun.of(toA);
      expect(run.one(tcp(1024))).toMatchObject({ said: 'forward web-a', service: undefined });
      expect(run.mux.counters().flows).toMatchObject({ hits: 0, misses: 0, inserts: 0 });
      expect(run.mux.backendTraffic('web-a').packets).toBe(1);
    });
  });

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

  describe('an instance-level address has no quotes to be read: all there is for it goes to its backend', () => {
    const about = quote((packet) => packet.tcp(1, 2, ACK), instance);
    const rows: [string, Frame][] = [
      ['an error about its own packet', unreachable(about, instance)],
      ['an error about somebody else', unreachable(https(), instance)],
      ['an error without a quote', unreachable(new Uint8Array(0), instance)],
      ['an error with a wrong checksum', message(kit, 3, 0, about, instance, { checksum: 1 })],
      ['a ping', icmp(kit, ip(kit, client, instance), kit.echoRequest)],
      ['a message of any other type', message(kit, 5, 0, about, instance)],
    ];
    it.each(rows)('%s', async (_, packet) => {
      expect((await MuxRun.of(toA)).one(packet).said).toBe(`forward ${kit.instanceBackend}`);
    });
  });

  describe('answers to pings', () => {
    const reply = (identifier: number, to = vip) =>
      icmp(kit, ip(kit, client, to), kit.echoReply, 0, { rest: identifier * 65536 + 9 });
    it.each([
      ['to who has leased the identifier', reply(1030), 'forward web-a'],
      ['to somebody else', reply(1088), 'forward web-c'],
      ['to nobody', reply(443), 'drop no-rule'],
      ['where a rule takes every protocol', reply(1030, anyVip), 'drop no-rule'],
    ])('%s', async (_, packet, said) => {
      expect((await MuxRun.of(toA)).one(packet).said).toBe(said);
    });

    it('leave no flow, and go out with the hash of their identifier', async () => {
      const run = await MuxRun.of(toA);
      const [first, again, other] = run.batch([reply(1030), reply(1030), reply(1031)]).map((sent) => tunnelOf(sent));
      expect(first!.sourcePort).toBe(again!.sourcePort);
      expect(first!.sourcePort).not.toBe(other!.sourcePort);
      expect(run.mux.counters().flows).toMatchObject({ hits: 0, misses: 0, inserts: 0 });
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

describe('ICMP errors, IPv4 alone', () => {
  const { vip, client } = IPV4;
  const quoted = (fields: Parameters<Packet['ipv4']>[2], length = 100) =>
    errorAbout(IPV4, ipv4(vip, client, fields).tcp(443, CLIENT_PORT, ACK).bytes().slice(0, length));
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

describe('ICMPv6 errors alone', () => {
  const { vip, client } = IPV6;
  const chain = (extend: (packet: Packet) => Packet, length = 1000) =>
    errorAbout(IPV6, extend(bare().ipv6(vip, client)).tcp(443, CLIENT_PORT, ACK).bytes().slice(0, length));
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
    ['payload length 0', errorAbout(IPV6, quotedWith({ payloadLength: 0 })), 'forward web-a'],
    ['hop limit 0', errorAbout(IPV6, quotedWith({ hopLimit: 0 })), 'forward web-a'],
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
