/** Fragments that come before the first one of their datagram: how many are kept, for how long, and how they go on. */
import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import { datagramOf } from '../support/datagram.js';
import { FAMILIES, fragment, tcpBytes } from '../support/families.js';
import { MuxRun, tunnelOf, withRings } from '../support/mux-run.js';
import { ACK, bare, eth } from '../support/packet.js';

const TICK_MS = 1024;
const TCP = 6;
const UDP = 17;
const CLIENT_PORT = 40000;
const toA = withRings(['web-a']);

describe.each(FAMILIES)('a fragment that comes too early is kept, IPv$family', (kit) => {
  const { family, vip, client } = kit;
  const { part, first, startOf, whole } = datagramOf(kit);

  it('until the first one is here, and then goes on behind the batch', async () => {
    const run = await MuxRun.of(toA);
    const [early, earlier] = [part(1), part(2)];
    expect(run.said([early, earlier])).toEqual(['hold', 'hold']);
    const sent = run.batch([first(), part(3)]);
    expect(sent.map(({ said }) => said)).toEqual(Array(4).fill('forward web-a'));
    expect(sent.slice(2).map((each) => toHex(tunnelOf(each).inner))).toEqual(
      [early, earlier].map((each) => toHex(each.bytes().slice(14))),
    );
    expect(run.batch([])).toEqual([]);
  });

  it('in the same batch: it is in it twice', async () => {
    const run = await MuxRun.of(toA);
    expect(run.said([part(1), first()])).toEqual(['hold', 'forward web-a', 'forward web-a']);
  });

  it('process() hands it out with the one that set it free', async () => {
    const { mux } = await MuxRun.of(toA);
    expect(mux.process(part(1).bytes(), 0)).toEqual({
      verdict: 'hold',
      reason: undefined,
      bytes: undefined,
      produced: [],
    });
    const { verdict, produced } = mux.process(first().bytes(), 0);
    expect(verdict).toBe('forward');
    expect(produced).toMatchObject([{ verdict: 'forward', reason: undefined, produced: [] }]);
    expect(toHex(produced[0]!.bytes!.slice(-8))).toBe('0101010101010101');
  });

  it('on its own link, with its own tags and padding', async () => {
    const run = await MuxRun.of(toA);
    const payload = new Uint8Array(8);
    const tagged = fragment(kit, [client, vip], { offset: 1, more: true }, UDP, payload, eth().vlan(7)).pad(120);
    const lone = fragment(kit, [client, vip], { offset: 2, more: true }, UDP, payload, bare());
    run.batch([tagged, lone]);
    const [, ofTagged, ofLone] = run.batch([first()]);
    expect(toHex(ofTagged!.bytes.slice(12, 16))).toBe('81000007');
    expect(ofTagged!.bytes.length).toBe(4 + 14 + 50 + (family === 6 ? 56 : 28));
    expect(toHex(tunnelOf(ofLone!, 'bare').inner)).toBe(toHex(lone.bytes()));
  });

  it('datagrams do not mix', async () => {
    const run = await MuxRun.of(toA);
    run.batch([part(1, { id: 1 }), part(1, { id: 2 }), part(2, { id: 1 })]);
    expect(run.said([first({ id: 1 })])).toHaveLength(3);
    expect(run.said([first({ id: 2 })])).toHaveLength(2);
  });

  it.each([
    ['no rule', startOf(TCP, tcpBytes(CLIENT_PORT, 444, ACK, 24)), TCP, 'drop no-rule'],
    ['a UDP length that lies', first({ udpLength: 7 }), UDP, 'drop udp-length'],
    ['no backend', first({ port: 9 }), UDP, 'drop no-backend'],
  ])('for nothing when the first one is dropped: %s', async (_, packet, protocol, said) => {
    const run = await MuxRun.of(toA);
    run.one(part(3, { protocol }));
    expect(run.said([packet])).toEqual([said]);
    expect(run.said([part(4, { protocol })])).toEqual(['hold']);
    expect(run.batch([], 30 * TICK_MS)).toEqual([]);
    expect(run.mux.counters().dropped['fragment-expired']).toBe(2);
  });

  it.each([
    [29, 2, 0],
    [30, 1, 1],
  ])(
    'for %i ticks, when something comes then: %i frames leave with its first one, %i was given up',
    async (ticks, count, expired) => {
      const run = await MuxRun.of(toA);
      run.one(part(1));
      run.one(whole(), ticks * TICK_MS);
      expect(run.batch([first()], ticks * TICK_MS)).toHaveLength(count);
      const { verdicts, dropped } = run.mux.counters();
      expect(dropped['fragment-expired'] ?? 0).toBe(expired);
      expect(verdicts).toMatchObject({ hold: 1, drop: 0 });
    },
  );

  it('for longer, when its first one is what comes next', async () => {
    const run = await MuxRun.of(toA);
    run.one(part(1));
    expect(run.said([first()], 40 * TICK_MS)).toEqual(['forward web-a', 'forward web-a']);
  });

  it('is given up when nothing else comes', async () => {
    const run = await MuxRun.of(toA);
    run.one(part(1));
    run.batch([], 30 * TICK_MS);
    expect(run.mux.counters().dropped).toEqual({ 'fragment-expired': 1 });
    expect(run.batch([first()], 30 * TICK_MS)).toHaveLength(1);
  });

  it('64 of them, of all datagrams together', async () => {
    const run = await MuxRun.of(toA);
    const said = run.said(Array.from({ length: 66 }, (_, index) => part(1, { id: index })));
    expect(said).toEqual([...Array(64).fill('hold'), ...Array(2).fill('drop fragment-limit')]);
    expect(run.batch([first({ id: 5 })])).toHaveLength(2);
    expect(run.said([part(1, { id: 65 }), part(1, { id: 66 })])).toEqual(['hold', 'drop fragment-limit']);
  });

  it('in order of arrival, wherever there was room', async () => {
    const run = await MuxRun.of(toA);
    run.said(Array.from({ length: 64 }, (_, index) => part(1, { id: index })));
    for (const id of [3, 60, 0]) run.batch([first({ id })]);
    run.batch([part(9, { id: 100 }), part(7, { id: 100 }), part(8, { id: 100 })]);
    const released = run.batch([first({ id: 100 })]).slice(1);
    expect(released.map((each) => tunnelOf(each).inner.at(-1))).toEqual([9, 7, 8]);
  });

  it.each([
    [2048, 'hold'],
    [2049, 'drop fragment-limit'],
  ])('of %i bytes with their Ethernet header: %s', async (length, said) => {
    const run = await MuxRun.of(toA);
    const payloadBytes = 1200;
    const packet = part(1, { length: payloadBytes }).pad(length);
    expect(packet.bytes()).toHaveLength(length);
    expect(run.one(packet).said).toBe(said);
  });

  it('as long as there is no slot for it', async () => {
    const run = await MuxRun.of(toA, { batchFrameCountMax: 2 });
    run.batch([part(1), part(2)]);
    run.one(part(3));
    expect(run.said([first()])).toEqual(['forward web-a', 'forward web-a']);
    expect(run.said([])).toEqual(['forward web-a', 'forward web-a']);
    expect(run.said([])).toEqual([]);
  });

  it('even past its time, as its datagram is known', async () => {
    const run = await MuxRun.of(toA, { batchFrameCountMax: 1 });
    run.one(part(1));
    run.one(first(), 29 * TICK_MS);
    expect(run.said([], 31 * TICK_MS)).toEqual(['forward web-a']);
  });

  it('but not past that of its datagram', async () => {
    const run = await MuxRun.of(toA, { batchFrameCountMax: 1 });
    run.one(part(1));
    run.one(first(), 29 * TICK_MS);
    expect(run.said([], 59 * TICK_MS)).toEqual([]);
    expect(run.mux.counters().dropped).toEqual({ 'fragment-expired': 1 });
  });

  it('passes when its VIP is none any more', async () => {
    const run = await MuxRun.of(toA, { batchFrameCountMax: 1 });
    run.one(part(1));
    run.one(first());
    const vips = toA.vips.filter((each) => each !== vip);
    const services = toA.services.filter((service) => service.vip !== vip);
    const snatRanges = toA.snatRanges!.filter((range) => range.vip !== vip);
    run.mux.program({ ...toA, vips, services, snatRanges });
    const [sent] = run.batch([]);
    expect([sent!.said, toHex(sent!.bytes)]).toEqual(['pass', toHex(part(1).bytes())]);
  });

  it('counters: released ones are counted, and once more by their verdict', async () => {
    const run = await MuxRun.of(toA);
    run.said([part(1), part(2)]);
    run.said([first()]);
    expect(run.mux.counters()).toMatchObject({ verdicts: { hold: 2, forward: 3 }, fragments: { released: 2 } });
  });
});
