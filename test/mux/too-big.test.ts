/** Packets that do not fit the provider network once encapsulated: who is told, what, and how often. */
import type { MuxProgram } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { be16, toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { FAMILIES, fragment, IPV4, IPV6, icmp, ip, tcpBytes } from '../support/families.js';
import { type Frame, MuxRun, tunnelOf, withRings } from '../support/mux-run.js';
import { ACK, bare, eth, type Packet, SYN } from '../support/packet.js';
import { MUX_MAC } from '../support/programs.js';

const MTU = 1500;
/** web-a is on a host with an IPv4 provider address, web-d on one with IPv6. */
const OVERHEAD = { 'web-a': 20 + 8 + 8 + 14, 'web-d': 40 + 8 + 8 + 14 };
const NVGRE_OVERHEAD = { 'web-a': 20 + 8 + 14, 'web-d': 40 + 8 + 14 };
const ROUTER_MAC = '02:00:00:00:00:01';
const TCP = 6;

const toA = withRings(['web-a'], { mtuBytes: MTU });
const toD = withRings(['web-d'], { mtuBytes: MTU });
const start = eth({ src: ROUTER_MAC, dst: MUX_MAC });

describe.each(FAMILIES)('too big, IPv$family', (kit) => {
  const { family, vip, client, instance, ipHeaderBytes } = kit;
  /** A TCP packet of so many bytes from its IP header on, which nobody may fragment. */
  const packet = (length: number, { to = vip, port = 443, flags = ACK, begin = start } = {}) => {
    const payload = new Uint8Array(length - ipHeaderBytes - 20).fill(0x78);
    const from = family === 6 ? begin.ipv6(client, to) : begin.ipv4(client, to);
    return from.tcp(40000, port, flags, { payload });
  };
  /** What the sender of a packet is told. */
  const told = (
    about: Packet,
    mtuBytes: number,
    begin = eth({ src: MUX_MAC, dst: ROUTER_MAC }),
    link = 14,
    from = vip,
  ) => {
    const original = about.bytes().slice(link);
    if (family === 6) {
      const headers = begin.ipv6(from, client, { trafficClass: 0xc0, hopLimit: 64 });
      return headers.icmpv6(2, 0, { rest: mtuBytes }).payload(original.slice(0, 1280 - 48));
    }
    const headers = begin.ipv4(from, client, { tos: 0xc0, id: 0, df: false, ttl: 64 });
    return headers.icmp(3, 4, { rest: mtuBytes }).payload(original.slice(0, 576 - 28));
  };

  describe('how long a packet may be', () => {
    const nvgre = (program: MuxProgram): MuxProgram => ({ ...program, encapsulation: 'nvgre' });
    const rows: [string, MuxProgram, number, string][] = [
      ['VXLAN over IPv4', toA, MTU - OVERHEAD['web-a'], 'web-a'],
      ['VXLAN over IPv6', toD, MTU - OVERHEAD['web-d'], 'web-d'],
      ['NVGRE over IPv4', nvgre(toA), MTU - NVGRE_OVERHEAD['web-a'], 'web-a'],
      ['NVGRE over IPv6', nvgre(toD), MTU - NVGRE_OVERHEAD['web-d'], 'web-d'],
    ];
    it.each(rows)('%s', async (_, program, fitting, backend) => {
      const run = await MuxRun.of(program);
      const [fits, doesNot] = run.batch([packet(fitting), packet(fitting + 1)]);
      expect(fits!.said).toBe(`forward ${backend}`);
      expect(fits!.bytes).toHaveLength(14 + MTU);
      expect(doesNot!.said).toBe(`reply ${backend}`);
      expect(toHex(doesNot!.bytes)).toBe(toHex(told(packet(fitting + 1), fitting).bytes()));
    });

    it('as long as it likes where nobody has said an MTU', async () => {
      const run = await MuxRun.of(withRings(['web-a']), { frameBytesMax: 65_600 });
      expect(run.one(packet(65_485)).said).toBe('forward web-a');
    });

    it('a packet whose outer header could not say its length is oversize, and nobody is told', async () => {
      const run = await MuxRun.of(toA, { frameBytesMax: 65_600 });
      expect(run.said([packet(65_485), packet(65_486)])).toEqual(['reply web-a', 'drop oversize']);
    });

    it('what an outer IPv6 header can say is a little more', async () => {
      const run = await MuxRun.of(withRings(['web-d']), { frameBytesMax: 65_600 });
      const longest = 65_535 - OVERHEAD['web-d'] + 40;
      expect(run.said([packet(longest), packet(longest + 1)])).toEqual(['forward web-d', 'drop oversize']);
    });
  });

  describe('what the sender is told', () => {
    it('a sound message, from the VIP, out the way the packet came', async () => {
      const run = await MuxRun.of(toA);
      const { bytes } = run.one(packet(1480));
      expect(verifyFrame(bytes, 'ethernet')).toEqual([]);
      expect(bytes).toHaveLength(14 + (family === 6 ? 1280 : 576));
    });

    it('in the VLANs it came from, without padding, on a bare link', async () => {
      const run = await MuxRun.of(toA);
      const answer = (begin: Packet) => begin.vlan(7, { tpid: 0x88a8 }).vlan(9);
      const tagged = packet(1480, { begin: answer(start) });
      const inVlans = answer(eth({ src: MUX_MAC, dst: ROUTER_MAC }));
      expect(toHex(run.one(tagged).bytes)).toBe(toHex(told(tagged, 1450, inVlans, 22).bytes()));
      const padded = run.one(packet(1480).pad(1600));
      expect(toHex(padded.bytes)).toBe(toHex(told(packet(1480), 1450).bytes()));
      const lone = packet(1480, { begin: bare() });
      expect(toHex(run.one(lone).bytes)).toBe(toHex(told(lone, 1450, bare(), 0).bytes()));
    });

    it('in the VLAN of the provider network where there is one', async () => {
      const run = await MuxRun.of({ ...toA, attachment: { ...toA.attachment, vlanId: 42 } });
      const inVlan = eth({ src: MUX_MAC, dst: ROUTER_MAC }).vlan(42);
      expect(toHex(run.one(packet(1480)).bytes)).toBe(toHex(told(packet(1480), 1450, inVlan).bytes()));
    });

    it('service and backend are reported, no traffic is counted, the flow is remembered', async () => {
      const run = await MuxRun.of(toA);
      expect(run.one(packet(1480))).toMatchObject({ said: 'reply web-a', service: `${vip}|443/6` });
      expect(run.mux.counters()).toMatchObject({ tooBigTold: 1, verdicts: { reply: 1 }, flows: { inserts: 1 } });
      expect(run.mux.backendTraffic('web-a').packets).toBe(0);
      expect(run.mux.serviceTraffic(`${vip}|443/6`).packets).toBe(0);
      run.mux.program(toD);
      expect(run.one(packet(1000)).said).toBe('forward web-a');
    });
  });

  describe('who is told', () => {
    const filler = new Uint8Array(1450);
    const echoReply = (to: string) => icmp(kit, begin(to), kit.echoReply, 0, { rest: 1030 * 65536 }).payload(filler);
    const begin = (to: string) => (family === 6 ? start.ipv6(client, to) : start.ipv4(client, to));
    const error = (to: string) => icmp(kit, begin(to), kit.unreachable, 1).payload(quoteOf(to));
    const quoteOf = (to: string) =>
      (family === 6 ? bare().ipv6(to, client) : bare().ipv4(to, client)).tcp(443, 1, ACK, { payload: filler }).bytes();
    const part = (offset: number, protocol: number, payload: Uint8Array, to = vip) => {
      const frame = fragment(kit, [client, to], { offset, more: true }, protocol, payload, start).bytes();
      // IPv4: Don't Fragment.
      return raw(family === 6 ? frame : withIpv4Flag(frame, 0x40));
    };
    const rows: [string, Frame, string][] = [
      ['who sends TCP', packet(1480), 'reply web-a'],
      ['who opens a connection', packet(1480, { flags: SYN }), 'reply web-a'],
      ['who sends to one backend', packet(1480, { port: 2201 }), 'reply web-b'],
      ['who answers an outbound connection', packet(1480, { port: 1024 }), 'reply web-a'],
      ['who answers a ping', echoReply(vip), 'reply web-a'],
      ['not who sends an ICMP error', error(vip), 'drop mtu'],
      ['who sends a first fragment', part(0, TCP, tcpBytes(40000, 443, ACK, 1464)), 'reply web-a'],
      ['who sends to an instance-level address', packet(1480, { to: instance }), `reply ${kit.instanceBackend}`],
      ['who pings one', icmp(kit, begin(instance), kit.echoRequest).payload(filler), `reply ${kit.instanceBackend}`],
      ['not who sends an ICMP error to one', error(instance), 'drop mtu'],
      ['not who redirects one', icmp(kit, begin(instance), family === 6 ? 100 : 5).payload(filler), 'drop mtu'],
      [
        'who sends it a first fragment',
        part(0, TCP, tcpBytes(1, 2, ACK, 1464), instance),
        `reply ${kit.instanceBackend}`,
      ],
      ['not who sends it a later one', part(1, TCP, new Uint8Array(1464), instance), 'drop mtu'],
      ['not who sends it the start of an error', part(0, kit.icmp, errorStart(kit.unreachable), instance), 'drop mtu'],
    ];
    it.each(rows)('%s', async (_, frame, said) => {
      expect((await MuxRun.of(toA)).one(frame).said).toBe(said);
    });

    it('not who sends a later fragment, whose first one was short enough', async () => {
      const run = await MuxRun.of(toA);
      const first = part(0, TCP, tcpBytes(40000, 443, ACK, 24));
      expect(run.said([first, part(3, TCP, new Uint8Array(1464)), part(200, TCP, new Uint8Array(8))])).toEqual([
        'forward web-a',
        'drop mtu',
        'forward web-a',
      ]);
    });

    it('a first fragment that was too big has its datagram pinned all the same', async () => {
      const run = await MuxRun.of(toA);
      run.one(part(0, TCP, tcpBytes(40000, 443, ACK, 1464)));
      expect(run.one(part(183, TCP, new Uint8Array(8))).said).toBe('forward web-a');
    });
  });

  describe('how often', () => {
    const said = (run: MuxRun, count: number, nowMs: number) => {
      const all = Array.from({ length: count }, () => run.one(packet(1480), nowMs).said);
      return [all.filter((each) => each === 'reply web-a').length, all.filter((each) => each === 'drop mtu').length];
    };

    it('100 times at once', async () => {
      const run = await MuxRun.of(toA);
      expect(said(run, 103, 5000)).toEqual([100, 3]);
      expect(run.mux.counters()).toMatchObject({ tooBigTold: 100, dropped: { mtu: 3 } });
    });

    it('and then once every 10 ms', async () => {
      const run = await MuxRun.of(toA);
      said(run, 100, 5000);
      const rows = [
        [5009, 0],
        [5010, 1],
        [5014, 0],
        [5019, 0],
        [5020, 1],
        [5055, 3],
        [5059, 0],
        [5060, 1],
      ] as const;
      expect(rows.map(([nowMs]) => [nowMs, said(run, 5, nowMs)[0]])).toEqual(rows.map((row) => [...row]));
    });

    it('never more than 100 however long nothing came', async () => {
      const run = await MuxRun.of(toA);
      said(run, 100, 0);
      expect(said(run, 101, 999)[0]).toBe(99);
      expect(said(run, 150, 1_000_000)[0]).toBe(100);
    });

    it('across the wrap of the milliseconds', async () => {
      const run = await MuxRun.of(toA);
      said(run, 100, 2 ** 32 - 5);
      expect([said(run, 2, 2 ** 32 + 4)[0], said(run, 2, 2 ** 32 + 5)[0]]).toEqual([0, 1]);
    });

    it('what fits needs no token', async () => {
      const run = await MuxRun.of(toA);
      said(run, 101, 0);
      expect(run.one(packet(1400)).said).toBe('forward web-a');
    });
  });

  describe('explain', () => {
    it('says what is told, and tells nobody', async () => {
      const { mux } = await MuxRun.of(toA);
      for (let count = 0; count < 200; count++) mux.explain(packet(1480).bytes(), 0);
      const { fields, text } = mux.explain(packet(1480).bytes(), 0);
      expect(fields).toMatchObject({
        verdict: 'reply',
        reason: undefined,
        toldMtuBytes: 1450,
        backend: { key: 'web-a' },
      });
      expect(text).toMatch(
        /on host-A, VXLAN 5005 to 10\.0\.0\.21 → reply: too big, the sender is told an MTU of 1450$/,
      );
      expect(mux.counters()).toMatchObject({ tooBigTold: 0, verdicts: { reply: 0 } });
    });

    it('says when nobody would be told', async () => {
      const run = await MuxRun.of(toA);
      for (let count = 0; count < 100; count++) run.one(packet(1480));
      expect(run.mux.explain(packet(1480).bytes(), 0).fields).toMatchObject({ verdict: 'drop', reason: 'mtu' });
      expect(run.mux.explain(packet(1480).bytes(), 10).fields.verdict).toBe('reply');
    });
  });

  it('packets of every length do no harm', async () => {
    const run = await MuxRun.of(toD, { frameBytesMax: 1700, batchFrameCountMax: 1 });
    for (let length = ipHeaderBytes + 20; length <= 1680; length += 11) {
      const { said, bytes } = run.one(packet(length), length * 1000);
      expect(said).toBe(length <= MTU - OVERHEAD['web-d'] ? 'forward web-d' : 'reply web-d');
      expect(verifyFrame(bytes, 'ethernet')).toEqual([]);
    }
  });
});

function raw(bytes: Uint8Array): Frame {
  return { link: 'ethernet', bytes: () => bytes };
}

/** Sets a flag of the first byte of flags and offset; the header checksum follows. */
function withIpv4Flag(frame: Uint8Array, flag: number): Uint8Array {
  const bytes = frame.slice();
  bytes[20]! |= flag;
  // RFC 1624: the checksum loses what the header gains.
  const sum = be16(bytes, 24) - flag * 256;
  const folded = sum < 0 ? sum + 0xffff : sum;
  bytes[24] = folded >> 8;
  bytes[25] = folded & 0xff;
  return bytes;
}

/** An ICMP error as far as a first fragment has it. */
function errorStart(type: number): Uint8Array {
  const message = new Uint8Array(1464);
  message[0] = type;
  return message;
}

describe('too big, IPv4 alone: what may be fragmented', () => {
  const { vip, client } = IPV4;
  const divisible = (length: number) =>
    start.ipv4(client, vip, { df: false }).tcp(40000, 443, ACK, { payload: new Uint8Array(length - 40) });

  it('goes on in an outer header that allows it too', async () => {
    const run = await MuxRun.of(toA);
    const [short, long] = run.batch([divisible(1450), divisible(1451)]);
    expect([short!.said, long!.said]).toEqual(['forward web-a', 'forward web-a']);
    expect([tunnelOf(short!).dontFragment, tunnelOf(long!).dontFragment]).toEqual([true, false]);
    expect(verifyFrame(long!.bytes, 'ethernet')).toEqual([]);
    expect(toHex(tunnelOf(long!).inner)).toBe(toHex(divisible(1451).bytes().slice(14)));
    expect(run.mux.backendTraffic('web-a')).toEqual({ packets: 2, bytes: 1450 + 1451 });
  });

  it('over IPv6 as it is, as no router fragments there', async () => {
    const run = await MuxRun.of(toD);
    const sent = run.one(divisible(1480));
    expect(sent.said).toBe('forward web-d');
    expect(verifyFrame(sent.bytes, 'ethernet')).toEqual([]);
  });

  it('in NVGRE, in a VLAN, on a bare link', async () => {
    const nvgre = await MuxRun.of({ ...toA, encapsulation: 'nvgre', attachment: { ...toA.attachment, vlanId: 42 } });
    const { bytes } = nvgre.one(divisible(1480));
    expect([be16(bytes, 18 + 6), verifyFrame(bytes, 'ethernet')]).toEqual([0, []]);
    const lone = bare()
      .ipv4(client, vip, { df: false })
      .tcp(1, 443, ACK, { payload: new Uint8Array(1480) });
    const sent = (await MuxRun.of(toA)).one(lone);
    expect([tunnelOf(sent, 'bare').dontFragment, verifyFrame(sent.bytes, 'bare')]).toEqual([false, []]);
  });

  it('errors and later fragments too', async () => {
    const run = await MuxRun.of(toA);
    const error = icmp(IPV4, ip(IPV4, client, vip, start), 3, 1).payload(
      bare()
        .ipv4(vip, client)
        .tcp(443, 1, ACK, { payload: new Uint8Array(1450) })
        .bytes(),
    );
    const parts = [tcpBytes(1, 443, ACK, 1464), new Uint8Array(1464)].map((payload, at) =>
      fragment(IPV4, [client, vip], { offset: at * 183, more: true }, TCP, payload, start),
    );
    expect(run.said([error, ...parts])).toEqual(Array(3).fill('forward web-a'));
  });
});

describe('too big, IPv6 alone', () => {
  it('nobody is told less than 1,280', async () => {
    const run = await MuxRun.of(withRings(['web-d'], { mtuBytes: 1300 }));
    const packet = start.ipv6(IPV6.client, IPV6.vip).tcp(1, 443, ACK, { payload: new Uint8Array(1200) });
    const { said, bytes } = run.one(packet);
    expect([said, toHex(bytes.slice(14 + 40, 14 + 48).slice(4))]).toEqual(['reply web-d', '00000500']);
    expect(run.mux.explain(packet.bytes(), 0).fields.toldMtuBytes).toBe(1280);
  });

  it('the quote has its extension headers', async () => {
    const run = await MuxRun.of(toA);
    const packet = start
      .ipv6(IPV6.client, IPV6.vip)
      .hopByHop()
      .destinationOptions()
      .tcp(1, 443, ACK, { payload: new Uint8Array(1450) });
    const { said, bytes } = run.one(packet);
    expect(said).toBe('reply web-a');
    expect(toHex(bytes.slice(14 + 48))).toBe(toHex(packet.bytes().slice(14, 14 + 1232)));
  });
});
