/** Datagrams in fragments: they follow the first one, wait for it, and end when two of them overlap (RFC 5722). */
import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import { datagramOf } from '../support/datagram.js';
import { FAMILIES, fragment, IPV4, IPV6, ip, tcpBytes, udpBytes } from '../support/families.js';
import { type Frame, MuxRun, tunnelOf, withRings } from '../support/mux-run.js';
import { ACK, bare, eth, type Packet, SYN } from '../support/packet.js';

const TICK_MS = 1024;
const TCP = 6;
const UDP = 17;
const GRE = 47;
const CLIENT_PORT = 40000;
const toA = withRings(['web-a']);
const toB = withRings(['web-b']);

describe.each(FAMILIES)('fragments, IPv$family', (kit) => {
  const { vip, anyVip, instance, client } = kit;
  const { part, first, startOf, whole } = datagramOf(kit);

  describe('one that cannot be', () => {
    const rows: [string, Frame, string][] = [
      ['a first one without payload', part(0, { length: 0 }), 'drop fragment'],
      ['a middle one without payload', part(1, { length: 0 }), 'drop fragment'],
      ['a last one without payload', part(1, { length: 0, more: false }), 'drop fragment'],
      ['a middle one of 7 bytes', part(1, { length: 7 }), 'drop fragment'],
      ['a middle one of 9 bytes', part(1, { length: 9 }), 'drop fragment'],
      ['a first one of 15 bytes', first({ length: 15 }), 'drop fragment'],
      ['a middle one of 16 bytes', part(1, { length: 16 }), 'hold'],
      ['a last one of 7 bytes', part(1, { length: 7, more: false }), 'hold'],
      ['a last one of 1 byte', part(1, { length: 1, more: false }), 'hold'],
      ['one that ends at 65,535', part(8191, { length: 7, more: false }), 'hold'],
      ['one that ends at 65,536', part(8191, { length: 8, more: false }), 'drop fragment'],
      ['one that ends far behind', part(8191, { length: 800, more: false }), 'drop fragment'],
      ['the first one of a ping', startOf(kit.icmp, udpBytes(0x0800, 0, 64)), 'drop fragment'],
      ['a later one of a ping', part(1, { protocol: kit.icmp }), 'drop fragment'],
      ['the same where a rule takes every protocol', part(1, { protocol: kit.icmp, to: anyVip }), 'drop fragment'],
      ['one for nobody of ours', part(1, { to: client, from: vip }), 'pass'],
    ];
    it.each(rows)('%s', async (_, packet, said) => {
      expect((await MuxRun.of(toA)).one(packet).said).toBe(said);
    });
  });

  describe('the first one is treated as a whole packet', () => {
    const tcp = (length: number, dataOffset = 5, port = 443) => {
      const segment = tcpBytes(CLIENT_PORT, port, SYN, length);
      segment[12] = dataOffset << 4;
      return startOf(TCP, segment);
    };
    const rows: [string, Frame, string][] = [
      ['UDP of 8 bytes', first(), 'forward web-a'],
      ['UDP that is longer than the fragment, as the datagram is', first({ udpLength: 65_535 }), 'forward web-a'],
      ['UDP of its own length', first({ udpLength: 8 }), 'forward web-a'],
      ['UDP of length 7', first({ udpLength: 7 }), 'drop udp-length'],
      ['TCP of 16 bytes', tcp(16), 'drop tcp-truncated'],
      ['TCP of 24 bytes', tcp(24), 'forward web-a'],
      ['TCP whose header ends with the fragment', tcp(24, 6), 'forward web-a'],
      ['TCP whose header does not', tcp(24, 7), 'drop tcp-header-length'],
      ['TCP whose header is too short', tcp(24, 4), 'drop tcp-header-length'],
      ['a protocol without ports', startOf(GRE, new Uint8Array(8)), 'forward web-a'],
      ['a protocol without a rule', startOf(51, new Uint8Array(8)), 'drop protocol'],
      ['a rule for one backend', tcp(24, 5, 2201), 'forward web-b'],
      ['a rule without backends', first({ port: 9 }), 'drop no-backend'],
      ['a rule for every port', first({ port: 1234 }), 'forward web-a'],
      ['a rule for every protocol', first({ to: anyVip }), 'forward web-a'],
      ['a leased port', tcp(24, 5, 1088), 'forward web-c'],
      ['a port without a rule', tcp(24, 5, 444), 'drop no-rule'],
    ];
    it.each(rows)('%s', async (_, packet, said) => {
      expect((await MuxRun.of(toA)).one(packet).said).toBe(said);
    });

    it('it begins a flow, which a whole packet finds', async () => {
      const run = await MuxRun.of(toA);
      run.one(first());
      expect(run.mux.counters().flows).toMatchObject({ misses: 1, inserts: 1 });
      run.mux.program(toB);
      expect(run.one(whole()).said).toBe('forward web-a');
    });

    it('it follows the flow of whole packets, in the same batch too', async () => {
      const run = await MuxRun.of(toA);
      run.one(whole());
      run.mux.program(toB);
      expect(run.said([first(), part(1)])).toEqual(['forward web-a', 'forward web-a']);
    });

    it('a SYN is a SYN', async () => {
      const run = await MuxRun.of(toA);
      run.batch([ip(kit, client, vip).tcp(CLIENT_PORT, 443, SYN), ip(kit, client, vip).tcp(CLIENT_PORT, 443, ACK)]);
      run.mux.program(toB);
      expect(run.one(startOf(TCP, tcpBytes(CLIENT_PORT, 443, ACK, 24))).said).toBe('forward web-a');
      expect(run.one(startOf(TCP, tcpBytes(CLIENT_PORT, 443, SYN, 24), { id: 2 })).said).toBe('forward web-b');
    });
  });

  describe('the others follow it', () => {
    it('to its backend, for its service, with its outer source port, as they came', async () => {
      const run = await MuxRun.of(withRings(['web-a', 'web-b', 'web-c', 'web-d']));
      for (let id = 1; id <= 20; id++) {
        const from = client.replace(/7$/, String(id));
        const parts = [first({ id, from }), part(1, { id, from }), part(2, { id, from, more: false, length: 3 })];
        const sent = run.batch(parts);
        expect(new Set(sent.map(({ said }) => said)).size).toBe(1);
        expect(new Set(sent.map(({ service }) => service))).toEqual(new Set([`${vip}|53/17`]));
        const tunnels = sent.map((each) => tunnelOf(each));
        const [ofWhole] = run.batch([ip(kit, from, vip).udp(CLIENT_PORT, 53)]);
        expect(new Set(tunnels.map(({ sourcePort }) => sourcePort))).toEqual(new Set([tunnelOf(ofWhole!).sourcePort]));
        expect(tunnels.map(({ inner }) => toHex(inner))).toEqual(parts.map((each) => toHex(each.bytes().slice(14))));
      }
    });

    it('and are traffic of both, but no business of the flow table', async () => {
      const run = await MuxRun.of(toA);
      const parts = [first(), part(1), part(2, { more: false })];
      run.batch(parts);
      const traffic = { packets: 3, bytes: parts.reduce((sum, each) => sum + each.bytes().length - 14, 0) };
      expect(run.mux.serviceTraffic(`${vip}|53/17`)).toEqual(traffic);
      expect(run.mux.backendTraffic('web-a')).toEqual(traffic);
      expect(run.mux.counters().flows).toMatchObject({ hits: 0, misses: 1, inserts: 1 });
    });

    it('in other batches, and when the ring has changed', async () => {
      const run = await MuxRun.of(toA);
      run.one(first());
      run.mux.program(toB);
      expect(run.one(part(1)).said).toBe('forward web-a');
    });

    it('on another link, in another VLAN', async () => {
      const run = await MuxRun.of(toA);
      const payload = new Uint8Array(8);
      run.one(first({ start: bare() }));
      const tagged = fragment(kit, [client, vip], { offset: 1, more: true }, UDP, payload, eth().vlan(7));
      expect(run.one(tagged).said).toBe('forward web-a');
    });

    it('of a leased port, without a service', async () => {
      const run = await MuxRun.of(toA);
      const sent = run.batch([
        startOf(TCP, tcpBytes(443, 1088, ACK, 24)),
        fragment(kit, [client, vip], { offset: 3, more: false }, TCP, new Uint8Array(5)),
      ]);
      expect(sent).toMatchObject([
        { said: 'forward web-c', service: undefined },
        { said: 'forward web-c', service: undefined },
      ]);
    });

    it('not to a backend that is another machine now', async () => {
      const run = await MuxRun.of(toA);
      run.one(first());
      const backends = toA.backends.map((backend) => (backend.key === 'web-a' ? { ...backend, vni: 77 } : backend));
      run.mux.program({ ...toA, backends });
      expect(run.one(part(1)).said).toBe('drop no-backend');
    });

    it('not for a service that has taken the place of theirs', async () => {
      const run = await MuxRun.of(toA);
      const without = { ...toA, services: toA.services.filter(({ key }) => key !== `${vip}|53/17`) };
      const added = { ...toA.services[0]!, key: 'new', port: 4443 };
      run.one(first());
      run.mux.program(without);
      expect(run.one(part(1)).said).toBe('forward web-a');
      run.mux.program({ ...without, services: [...without.services, added] });
      run.one(part(2));
      expect(run.mux.serviceTraffic('new')).toEqual({ packets: 0, bytes: 0 });
    });
  });

  describe('a datagram is known by its addresses, protocol and identification', () => {
    const rows: [string, Frame, string][] = [
      ['all the same', part(1), 'forward web-a'],
      ['another identification', part(1, { id: 2 }), 'hold'],
      ['another source', part(1, { from: client.replace(/7$/, '8') }), 'hold'],
      ['another VIP', part(1, { to: anyVip }), 'hold'],
      ['another protocol', part(1, { protocol: TCP }), 'hold'],
    ];
    it.each(rows)('%s', async (_, packet, said) => {
      const run = await MuxRun.of(toA);
      expect(run.said([first(), packet])).toEqual(['forward web-a', said]);
    });
  });

  describe('how long it is known', () => {
    it.each([
      [29, 'forward web-a'],
      [30, 'hold'],
    ])('%i ticks after its first fragment: %s', async (ticks, said) => {
      const run = await MuxRun.of(toA);
      run.one(first(), 5 * TICK_MS);
      expect(run.one(part(1), (5 + ticks) * TICK_MS + 1023).said).toBe(said);
    });

    it('fragments that come do not make it longer', async () => {
      const run = await MuxRun.of(toA);
      run.one(first());
      expect([10, 20, 29].map((tick) => run.one(part(tick), tick * TICK_MS).said)).toEqual(
        Array(3).fill('forward web-a'),
      );
      expect(run.one(part(30), 30 * TICK_MS).said).toBe('hold');
    });

    it('then it may begin anew', async () => {
      const run = await MuxRun.of(toA);
      run.one(first());
      expect(run.said([first(), part(1)], 30 * TICK_MS)).toEqual(['forward web-a', 'forward web-a']);
    });

    it('across the wrap of the milliseconds', async () => {
      const run = await MuxRun.of(toA);
      run.one(first(), 2 ** 32 - TICK_MS);
      expect([run.one(part(1), 2 ** 32 + 28 * TICK_MS).said, run.one(part(2), 2 ** 32 + 29 * TICK_MS).said]).toEqual([
        'forward web-a',
        'hold',
      ]);
    });
  });

  it('a set that is full forgets its oldest datagram, never its newest', async () => {
    const run = await MuxRun.of(toA, { datagramCountMax: 1 });
    // Room for one means eight places, in two sets.
    for (let id = 1; id <= 200; id++) {
      run.one(first({ id }), id * 100);
      expect(run.one(part(1, { id }), id * 100).said).toBe('forward web-a');
    }
    const known = Array.from(
      { length: 200 },
      (_, index) => run.mux.explain(part(2, { id: index + 1 }).bytes()).fields.verdict,
    );
    expect(known.filter((verdict) => verdict === 'forward')).toHaveLength(8);
    expect(known.slice(-4)).toEqual(Array(4).fill('forward'));
  });

  describe('an instance-level address: its backend puts them together', () => {
    const rows: [string, Frame][] = [
      ['a first one', first({ to: instance })],
      ['a later one', part(1, { to: instance })],
      ['one of a ping', part(1, { to: instance, protocol: kit.icmp })],
      ['one without payload', part(1, { to: instance, length: 0 })],
      ['one that overlaps', part(0, { to: instance })],
    ];
    it.each(rows)('%s', async (_, packet) => {
      const run = await MuxRun.of(toA);
      expect(run.said([first({ to: instance }), packet])).toEqual(Array(2).fill(`forward ${kit.instanceBackend}`));
    });

    it('all of them have one outer source port', async () => {
      const run = await MuxRun.of(toA);
      const sent = run.batch([first({ to: instance }), part(1, { to: instance })]);
      expect(new Set(sent.map((each) => tunnelOf(each).sourcePort)).size).toBe(1);
    });
  });

  describe('explain', () => {
    it.each([
      [
        'the first one',
        [],
        first(),
        /^VIP .*53\/17 → ring\[\d+\] → DIP 192\.168\.1\.4:53 on host-A, VXLAN 5005 to 10\.0\.0\.21$/,
      ],
      ['one that would be kept', [], part(1), /^hold: the first fragment of this datagram is not here yet$/],
      [
        'one whose datagram is pinned',
        [first()],
        part(1),
        /^VIP .*53\/17 → fragment of a known datagram → DIP 192\.168\.1\.4 on host-A, /,
      ],
      ['one of a poisoned datagram', [first(), part(0)], part(1), /→ drop: fragment-overlap$/],
      ['one for which there is no room', Array(64).fill(part(1)), part(2), /→ drop: fragment-limit$/],
    ])('%s', async (_, before, packet, text) => {
      const run = await MuxRun.of(toA);
      run.batch(before);
      expect(run.mux.explain(packet.bytes(), 0).text).toMatch(text);
    });

    it('says what then happens, and keeps, pins and poisons nothing', async () => {
      const run = await MuxRun.of(toA);
      const steps: [Frame, string][] = [
        [part(1), 'hold'],
        [first(), 'forward'],
        [part(2), 'forward'],
        [part(2), 'drop'],
        [part(3), 'drop'],
      ];
      for (const [packet, verdict] of steps) {
        for (const other of [part(1), part(0), first({ id: 9 }), packet]) run.mux.explain(other.bytes(), 0, other.link);
        expect(run.mux.explain(packet.bytes(), 0).fields.verdict).toBe(verdict);
        expect(run.batch([packet])[0]!.said.split(' ')[0]).toBe(verdict);
      }
      expect(run.mux.counters().verdicts).toMatchObject({ hold: 1, forward: 3, drop: 2 });
    });
  });

  it('fragments of every offset and length do no harm', async () => {
    const run = await MuxRun.of(toA, { frameBytesMax: 200, batchFrameCountMax: 64 });
    for (let offset = 0; offset < 8192; offset += offset < 40 || offset > 8160 ? 1 : 97) {
      const parts = [0, 1, 7, 8, 9, 16].flatMap((length) => [
        part(offset, { length, id: offset }),
        part(offset, { length, id: offset, more: false }),
      ]);
      const words = run
        .said([...parts, startOf(TCP, new Uint8Array(16), { id: offset })])
        .map((said) => said.split(' ')[0]);
      expect(words.every((word) => ['drop', 'hold', 'forward', 'pass'].includes(word!))).toBe(true);
    }
  });
});

describe('fragments, IPv4 alone', () => {
  const { vip, client } = IPV4;
  const datagram = (fields: Parameters<Packet['ipv4']>[2]) =>
    eth()
      .ipv4(client, vip, { protocol: UDP, mf: true, id: 1, ...fields })
      .payload(udpBytes(1, 53, 8, 4000));
  it.each([
    ['options count for nothing', datagram({ options: new Uint8Array(40) }), 'forward web-a'],
    ['DF and MF together', datagram({ df: true }), 'forward web-a'],
    ['the reserved flag', datagram({ reserved: true }), 'forward web-a'],
  ])('%s', async (_, packet, said) => {
    expect((await MuxRun.of(toA)).one(packet).said).toBe(said);
  });
});

describe('fragments, IPv6 alone', () => {
  const { vip, client } = IPV6;
  const toVip = () => eth().ipv6(client, vip);
  const later = (id: number, nextHeader: number) =>
    toVip().fragment({ offset: 2, more: false, id, nextHeader }).payload('12345678');

  it('an atomic fragment is none', async () => {
    const run = await MuxRun.of(toA);
    expect(run.one(toVip().fragment({ id: 1 }).udp(1, 53)).said).toBe('forward web-a');
    expect(run.one(later(1, UDP)).said).toBe('hold');
  });

  it('the identification has 32 bits', async () => {
    const run = await MuxRun.of(toA);
    run.one(toVip().fragment({ id: 0x10001, more: true }).udp(1, 53));
    expect([run.one(later(1, UDP)).said, run.one(later(0x10001, UDP)).said]).toEqual(['hold', 'forward web-a']);
  });

  it('headers in front of the fragment header, also other ones', async () => {
    const run = await MuxRun.of(toA);
    run.one(toVip().hopByHop().routing().fragment({ id: 1, more: true }).udp(1, 53));
    expect(run.one(later(1, UDP)).said).toBe('forward web-a');
  });

  it('options behind the fragment header are in the first fragment alone: its next header names the datagram', async () => {
    const run = await MuxRun.of(toA);
    run.one(toVip().fragment({ id: 1, more: true }).destinationOptions().udp(1, 53));
    expect(run.one(later(1, 60)).said).toBe('forward web-a');
  });

  it.each([
    ['UDP cut off by options', UDP, 'drop udp-truncated'],
    ['TCP cut off by options', TCP, 'drop tcp-truncated'],
    ['options that are cut off', undefined, 'drop ipv6-extension'],
  ])('a first fragment with %s', async (_, protocol, said) => {
    const options = protocol === undefined ? { length: 1 } : { nextHeader: protocol };
    const packet = toVip().fragment({ id: 1, more: true }).destinationOptions(options);
    expect((await MuxRun.of(toA)).one(packet).said).toBe(said);
  });

  it('a next header that is walked elsewhere is data in a later fragment', async () => {
    const run = await MuxRun.of(toA);
    const garbage = toVip()
      .fragment({ offset: 1, more: true, id: 1, nextHeader: 43 })
      .payload(new Uint8Array(8).fill(255));
    expect(run.one(garbage).said).toBe('hold');
  });
});
