/** The batch: each frame is processed once, and what is not in it cannot be asked for. */
import { Mux } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { expect, it } from 'vitest';
import { ipv4, SYN } from '../support/packet.js';
import { muxProgram, VIP } from '../support/programs.js';

const packet = ipv4('192.0.2.7', VIP).tcp(40000, 443, SYN).bytes();

async function loaded(): Promise<Mux> {
  const mux = await Mux.load(muxModule, { batchFrameCountMax: 2 });
  mux.program(muxProgram);
  return mux;
}

it('processes a frame once, however often it is asked to', async () => {
  const mux = await loaded();
  mux.batch.add(packet, 'bare');
  mux.processBatch(0);
  const bytes = mux.batch.bytes(0).slice();
  mux.processBatch(0);
  expect(mux.batch.bytes(0)).toEqual(bytes);
  expect(mux.counters().verdicts.forward).toBe(1);
});

it('wants to be cleared before it takes frames again', async () => {
  const mux = await loaded();
  mux.batch.add(packet, 'bare');
  mux.processBatch(0);
  expect(() => mux.batch.add(packet, 'bare')).toThrow('the batch has been processed: clear it first');
  mux.batch.clear();
  expect(mux.batch.add(packet, 'bare')).toBe(0);
});

it('leaves nothing of process() and explain() in it', async () => {
  const mux = await loaded();
  mux.process(packet, 0, 'bare');
  mux.explain(packet, 0, 'bare');
  expect(mux.batch.count).toBe(0);
  expect(mux.batch.add(packet, 'bare')).toBe(0);
});

it('knows no frame beyond its count', async () => {
  const mux = await loaded();
  mux.batch.add(packet, 'bare');
  mux.processBatch(0);
  for (const index of [-1, 1, 2, Number.NaN]) {
    expect(() => mux.batch.verdict(index)).toThrow(RangeError);
    expect(() => mux.batch.bytes(index)).toThrow(RangeError);
  }
  expect(() => mux.batch.add(packet)).toThrow(RangeError);
});

it('says which service and backend a frame went to', async () => {
  const mux = await loaded();
  mux.batch.add(packet, 'bare');
  mux.batch.add(ipv4('192.0.2.7', VIP).tcp(40000, 1, SYN).bytes(), 'bare');
  mux.processBatch(0);
  expect(mux.serviceOf(0)?.key).toBe('80.80.80.80:443/tcp');
  expect(muxProgram.backends).toContainEqual(mux.backendOf(0));
  expect([mux.serviceOf(1), mux.backendOf(1)]).toEqual([undefined, undefined]);
});

const fragments = [2, 1, 0].map((fragmentOffset) =>
  ipv4('192.0.2.7', VIP, { protocol: 17, id: 7, df: false, mf: true, fragmentOffset }).payload(
    Uint8Array.of(0x9c, 0x40, 0, 53, 0, 100, 0, 0),
  ),
);

it('grows by the frames that are produced', async () => {
  const mux = await Mux.load(muxModule, { batchFrameCountMax: 6 });
  mux.program(muxProgram);
  for (const fragment of fragments) mux.batch.add(fragment.bytes(), 'bare');
  expect(mux.batch.count).toBe(3);
  mux.processBatch(0);
  const verdicts = Array.from({ length: mux.batch.count }, (_, index) => mux.batch.verdict(index));
  expect(verdicts).toEqual(['hold', 'hold', 'forward', 'forward', 'forward']);
  expect(mux.batch.isFull).toBe(false);
  expect(() => mux.batch.add(packet, 'bare')).toThrow('the batch has been processed: clear it first');
});

it('never by more than it has room for, and the rest comes with an empty one', async () => {
  const mux = await loaded();
  for (const fragment of fragments) mux.process(fragment.bytes(), 0, 'bare');
  const counts = Array.from({ length: 3 }, () => {
    mux.batch.clear();
    mux.processBatch(0);
    return mux.batch.count;
  });
  // The first fragment took one of them with it.
  expect(counts).toEqual([1, 0, 0]);
});

it('is empty for process() again, whatever it produced', async () => {
  const mux = await Mux.load(muxModule);
  mux.program(muxProgram);
  const produced = fragments.map((fragment) => mux.process(fragment.bytes(), 0, 'bare').produced);
  expect(produced.map(({ length }) => length)).toEqual([0, 0, 2]);
  expect(mux.batch.count).toBe(0);
});
