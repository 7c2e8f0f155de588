/** Frames that a real kernel has left unfinished: they come out right, whichever way they go. */
import { beforeAll, describe, expect, test } from 'vitest';
import { concat } from '../../support/bytes.js';
import { verifyFrame } from '../../support/checksum.js';
import { KERNEL_FRAMES } from './kernel-frames.js';
import { OffloadBench } from './offload-bench.js';
import { withVirtio } from './virtio.js';

let bench: OffloadBench;

beforeAll(async () => {
  bench = await OffloadBench.open();
});

describe.each(KERNEL_FRAMES.filter(({ header }) => header.gsoType === 0))('$name', ({ header, frame }) => {
  test('is finished, by its header and without it', () => {
    expect(verifyFrame(frame, 'ethernet')).not.toEqual([]);
    const finished = bench.finishMarked(frame, header.checksumStart, header.checksumOffset)!;
    expect(verifyFrame(finished, 'ethernet')).toEqual([]);
    expect(bench.finishUnmarked(frame)).toEqual(finished);
    expect(bench.finishUnmarked(finished)).toBeUndefined();
  });
});

describe.each(KERNEL_FRAMES.filter(({ header }) => header.gsoType !== 0))('$name', ({ header, frame }) => {
  test('is cut', () => {
    const segments = bench.cut(header, frame);
    const payloadBytes = frame.length - header.headerLength;
    expect(segments).toHaveLength(Math.ceil(payloadBytes / header.gsoSize));
    for (const segment of segments) expect(verifyFrame(segment, 'ethernet')).toEqual([]);
    expect(concat(...segments.map((segment) => segment.subarray(header.headerLength)))).toEqual(
      frame.subarray(header.headerLength),
    );
  });
});

describe.each(KERNEL_FRAMES.filter(({ name }) => !/VXLAN|the same/.test(name)))('$name', ({ header, frame }) => {
  test('gets the header it came with when nothing has changed', () => {
    expect(bench.canStayWhole(header, frame)).toBe(true);
    expect(bench.renew(header, frame)).toEqual(withVirtio(header, frame));
  });
});
