/** ICMP and ICMPv6 for a VIP: errors go to the connection they are about, answers to pings to whoever pinged. */
import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { FAMILIES, icmp, ip, ipBytes } from '../support/families.js';
import { errorsOf } from '../support/icmp-errors.js';
import { type Frame, MuxRun, tunnelOf, withRings } from '../support/mux-run.js';
import { ACK, bare, eth, FIN, type Packet, RST, SYN } from '../support/packet.js';

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

describe.each(FAMILIES)('ICMP errors, IPv$family', (kit) => {
  const { family, vip, anyVip, instance, client, router } = kit;
  const { quote, https, ofProtocol, ping, message, unreachable } = errorsOf(kit);
  const toVip = (flags: number) => ip(kit, client, vip).tcp(CLIENT_PORT, 443, flags);

  describe('which messages', () => {
    it.each(ERRORS[family])('%s is one', async (_, type, code) => {
      const run = await MuxRun.of(toA);
      expect(run.one(message(type, code, https())).said).toBe('forward web-a');
    });

    it.each(NO_ERRORS[family])('%s is none', async (_, type, code) => {
      const run = await MuxRun.of(toA);
      expect(run.one(message(type, code, https())).said).toBe('drop protocol');
    });

    it.each([
      ['no message at all', ip(kit, router, vip, eth(), kit.icmp).payload(''), 'drop icmp-truncated'],
      ['7 bytes of a message', ip(kit, router, vip, eth(), kit.icmp).payload(new Uint8Array(7)), 'drop icmp-truncated'],
      ['8 bytes: no quote', unreachable(new Uint8Array(0)), 'drop icmp-quote'],
      ['a checksum that is wrong', message(3, 0, https(), vip, { checksum: 0x1234 }), 'drop icmp-checksum'],
      ['a checksum of 0', message(3, 0, https(), vip, { checksum: 0 }), 'drop icmp-checksum'],
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
      const tagged = message(kit.unreachable, 0, https(), vip, {}, eth().vlan(7));
      expect(toHex(run.one(tagged).bytes.slice(12, 16))).toBe('81000007');
      const lone = message(kit.unreachable, 0, https(), vip, {}, bare());
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

  describe('an instance-level address has no quotes to be read: all there is for it goes to its backend', () => {
    const about = quote((packet) => packet.tcp(1, 2, ACK), instance);
    const rows: [string, Frame][] = [
      ['an error about its own packet', unreachable(about, instance)],
      ['an error about somebody else', unreachable(https(), instance)],
      ['an error without a quote', unreachable(new Uint8Array(0), instance)],
      ['an error with a wrong checksum', message(3, 0, about, instance, { checksum: 1 })],
      ['a ping', icmp(kit, ip(kit, client, instance), kit.echoRequest)],
      ['a message of any other type', message(5, 0, about, instance)],
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

  describe('explain', () => {
    const host = (address: string) => (family === 6 ? `[${address}]` : address);
    const of = (port: number | undefined) => `${host(client)}:${CLIENT_PORT} > ${port ? `${host(vip)}:${port}` : vip}`;
    const rows: [string, Packet, string][] = [
      ['by the ring', unreachable(https()), `error about tcp ${of(443)} → VIP ${vip}|443/6 → ring[`],
      [
        'a rule for one backend',
        unreachable(quote((packet) => packet.tcp(2201, CLIENT_PORT, ACK))),
        `error about tcp ${of(2201)} → VIP ${vip}|2201/6 → inbound NAT rule `,
      ],
      [
        'a leased port',
        unreachable(quote((packet) => packet.tcp(1088, CLIENT_PORT, ACK))),
        `error about tcp ${of(1088)} → leased port ${host(vip)}:1088 → DIP `,
      ],
      [
        'no rule',
        unreachable(quote((packet) => packet.tcp(444, CLIENT_PORT, ACK))),
        `> ${vip} → error about tcp ${of(444)} → drop: no-rule`,
      ],
      ['a quote that says nothing', unreachable(https().slice(0, 20)), `> ${vip} → drop: icmp-quote`],
      ['no ports', unreachable(ofProtocol(47)), `error about gre ${client} > ${vip} → VIP ${vip}|0/47 → ring[`],
    ];
    it.each(rows)('%s', async (_, packet, text) => {
      const { mux } = await MuxRun.of(toA);
      expect(mux.explain(packet.bytes(), 0).text).toContain(text);
    });

    it('a known flow, and of that nothing is left behind', async () => {
      const run = await MuxRun.of(toA);
      run.one(toVip(SYN));
      run.mux.program(toB);
      const explained = run.mux.explain(unreachable(https()).bytes(), 0);
      expect(explained.text).toContain(`VIP ${vip}|443/6 → known flow → DIP 192.168.1.4`);
      expect(explained.fields).toMatchObject({ backendSource: 'quoted-flow', backend: { key: 'web-a' } });
      expect(run.mux.explain(toVip(ACK).bytes(), 0).fields.about).toBeUndefined();
      expect(run.mux.counters().flows.hits).toBe(0);
    });
  });
});
