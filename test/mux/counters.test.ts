/** What a MUX counts, and that a batch is nothing but its frames one after the other. */

import { Mux } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import { ACK, bare, eth, ipv4, RST, SYN } from '../support/packet.js';
import { muxProgram, VIP } from '../support/programs.js';
import { Random } from '../support/random.js';
import { RandomPackets } from '../support/random-packets.js';

const CLIENT = '192.0.2.7';

async function muxWith(capacities = {}): Promise<Mux> {
  const mux = await Mux.load(muxModule, capacities);
  mux.program(muxProgram);
  return mux;
}

describe('MUX: counters', () => {
  it('are all zero at first', async () => {
    const mux = await muxWith();
    expect(mux.counters()).toEqual({
      verdicts: { pass: 0, drop: 0, forward: 0, deliver: 0, reply: 0, hold: 0, consume: 0 },
      dropped: {},
      flows: {
        hits: 0,
        misses: 0,
        inserts: 0,
        expired: 0,
        evicted: 0,
        refused: 0,
        trusted: 0,
        untrusted: 0,
        promoted: 0,
        promotionRefused: 0,
      },
      fragments: { released: 0 },
      tooBigTold: 0,
      unrouted: 0,
      natFlows: { inserts: 0, expired: 0, evicted: 0 },
      snat: { allocated: 0, exhausted: 0, overShare: 0 },
      tcp: { resetsSent: 0, sizesClamped: 0 },
      fastpath: { redirectsSent: 0, redirectsObeyed: 0, packets: 0 },
    });
  });

  it('count every frame under its verdict and every drop under its reason', async () => {
    const mux = await muxWith();
    const frames = [
      eth({ type: 0x0806 }),
      eth().ipv4(CLIENT, VIP).tcp(40000, 443, SYN),
      eth().ipv4(CLIENT, VIP).tcp(40000, 443, ACK),
      eth().ipv4(CLIENT, VIP).tcp(40000, 2201, SYN),
      eth().ipv4(CLIENT, VIP).tcp(40000, 444, SYN),
      eth().ipv4(CLIENT, VIP).tcp(40000, 445, SYN),
      eth().ipv4(CLIENT, VIP, { mf: true }).tcp(40000, 443, SYN),
    ];
    for (const frame of frames) mux.process(frame.bytes(), 0);
    const { verdicts, dropped, flows } = mux.counters();
    expect(verdicts).toEqual({ pass: 1, drop: 3, forward: 3, deliver: 0, reply: 0, hold: 0, consume: 0 });
    expect(dropped).toEqual({ 'no-rule': 2, fragment: 1 });
    expect(flows).toMatchObject({ hits: 1, misses: 1, inserts: 1 });
  });

  it('count the bytes of the IP packet, without Ethernet, padding and tunnel, per service and backend', async () => {
    const mux = await muxWith();
    mux.process(eth().ipv4(CLIENT, VIP).tcp(40000, 2201, SYN).pad(60).bytes(), 0);
    mux.process(bare().ipv4(CLIENT, VIP).tcp(40001, 2201, ACK, { payload: '12345' }).bytes(), 0, 'bare');
    expect(mux.serviceTraffic('80.80.80.80:2201/tcp')).toEqual({ packets: 2, bytes: 40 + 45 });
    expect(mux.backendTraffic('web-b')).toEqual({ packets: 2, bytes: 40 + 45 });
    expect(mux.serviceTraffic('80.80.80.80:443/tcp')).toEqual({ packets: 0, bytes: 0 });
    expect(mux.backendTraffic('web-a')).toEqual({ packets: 0, bytes: 0 });
  });

  it('do not count a packet for a service or backend that it never reached', async () => {
    const mux = await muxWith({ frameBytesMax: 65_600 });
    const oversize = ipv4(CLIENT, VIP).tcp(40000, 2201, ACK, { payload: new Uint8Array(65_486 - 40) });
    expect(mux.process(oversize.bytes(), 0, 'bare').reason).toBe('oversize');
    expect(mux.process(ipv4(CLIENT, VIP).udp(40000, 9).bytes(), 0, 'bare').reason).toBe('no-backend');
    expect(mux.serviceTraffic('80.80.80.80:2201/tcp').packets).toBe(0);
    expect(mux.serviceTraffic('80.80.80.80:9/udp').packets).toBe(0);
    expect(mux.backendTraffic('web-b').packets).toBe(0);
  });

  it('of who is not there are zero', async () => {
    const mux = await muxWith();
    expect(mux.serviceTraffic('192.0.2.1:1/tcp')).toEqual({ packets: 0, bytes: 0 });
    expect(mux.backendTraffic('nobody')).toEqual({ packets: 0, bytes: 0 });
  });

  it('stay when the same policy is programmed again', async () => {
    const mux = await muxWith();
    mux.process(ipv4(CLIENT, VIP).tcp(40000, 2201, SYN).bytes(), 0, 'bare');
    mux.program(muxProgram);
    expect(mux.backendTraffic('web-b').packets).toBe(1);
    expect(mux.serviceTraffic('80.80.80.80:2201/tcp').packets).toBe(1);
    expect(mux.counters().verdicts.forward).toBe(1);
  });

  it('start at zero for a service and a backend that come back', async () => {
    const mux = await muxWith({ serviceCountMax: muxProgram.services.length, backendCountMax: 3 });
    mux.process(ipv4(CLIENT, VIP).tcp(40000, 2201, SYN).bytes(), 0, 'bare');
    mux.program({ ...muxProgram, services: [], rings: [], backends: [] });
    mux.program(muxProgram);
    expect(mux.backendTraffic('web-b').packets).toBe(0);
    expect(mux.serviceTraffic('80.80.80.80:2201/tcp').packets).toBe(0);
  });

  it('add up over random traffic', async () => {
    const mux = await muxWith({ frameBytesMax: 65_600, batchFrameCountMax: 1 });
    const packets = new RandomPackets(muxProgram, new Random(7));
    for (let count = 0; count < 3000; count++) {
      const { frame, link } = packets.next();
      mux.process(frame, 0, link);
    }
    const { verdicts, dropped, flows } = mux.counters();
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    expect(sum(Object.values(verdicts))).toBe(3000);
    expect(sum(Object.values(dropped))).toBe(verdicts.drop);
    expect(sum(muxProgram.services.map(({ key }) => mux.serviceTraffic(key).packets))).toBe(verdicts.forward);
    expect(sum(muxProgram.backends.map(({ key }) => mux.backendTraffic(key).packets))).toBe(verdicts.forward);
    const bytes = (of: { key: string }[], read: (key: string) => { bytes: number }) =>
      sum(of.map(({ key }) => read(key).bytes));
    expect(bytes([...muxProgram.services], (key) => mux.serviceTraffic(key))).toBe(
      bytes([...muxProgram.backends], (key) => mux.backendTraffic(key)),
    );
    expect(flows.inserts + flows.refused).toBeLessThanOrEqual(flows.misses);
    expect(flows.hits).toBeGreaterThan(0);
  });
});

describe('MUX: batches', () => {
  // 200 frames are three whole stages of 64 and a part of a fourth; the clients are few, so flows repeat among them.
  it.each([1, 63, 64, 65, 128, 200])('%i frames give what the same frames give one by one', async (count) => {
    const packets = new RandomPackets(muxProgram, new Random(count), 2000);
    // Kept fragments go on when a batch ends, and so their order depends on where it does.
    const frames = Array.from({ length: 2 * count }, () => packets.next())
      .filter(({ about }) => !about.startsWith('fragment'))
      .slice(0, count);
    const single = await muxWith();
    const batched = await muxWith();
    for (const { frame, link } of frames) batched.batch.add(frame, link);
    batched.processBatch(0);
    frames.forEach(({ frame, link, about }, index) => {
      const { verdict, reason, bytes } = single.process(frame, 0, link);
      const inBatch = batched.batch.processed(index);
      expect([inBatch.verdict, inBatch.reason, inBatch.bytes && toHex(inBatch.bytes)], about).toEqual([
        verdict,
        reason,
        bytes && toHex(bytes),
      ]);
    });
    expect(batched.counters()).toEqual(single.counters());
  });

  it('a SYN and the segments behind it in one batch are one flow', async () => {
    const mux = await muxWith();
    for (const flags of [SYN, ACK, ACK, RST]) mux.batch.add(ipv4(CLIENT, VIP).tcp(40000, 443, flags).bytes(), 'bare');
    mux.processBatch(0);
    expect(mux.counters().flows).toMatchObject({ misses: 1, inserts: 1, hits: 3 });
  });

  it('a full batch takes no more', async () => {
    const mux = await muxWith({ batchFrameCountMax: 2 });
    const frame = ipv4(CLIENT, VIP).tcp(40000, 443, SYN).bytes();
    expect([mux.batch.add(frame), mux.batch.isFull, mux.batch.add(frame), mux.batch.isFull]).toEqual([
      0,
      false,
      1,
      true,
    ]);
    expect(() => mux.batch.add(frame)).toThrow(RangeError);
    mux.batch.clear();
    expect([mux.batch.count, mux.batch.isFull]).toEqual([0, false]);
  });

  it('an empty batch does nothing', async () => {
    const mux = await muxWith();
    mux.processBatch(0);
    expect(mux.counters().verdicts).toEqual({
      pass: 0,
      drop: 0,
      forward: 0,
      deliver: 0,
      reply: 0,
      hold: 0,
      consume: 0,
    });
  });
});
