/** The arithmetic of the live bench: what becomes of slices and requests. It needs no root; how fast anything was is nobody's assertion. */
import { describe, expect, test } from 'vitest';
import { cpuBetween } from '../bench/live/cpu-time.js';
import { FRAME_SIZES, liveFabric, liveFrame, MUX, VIP } from '../bench/live/fabric.js';
import { LIVE_HEAD, liveLine, REQUEST_HEAD, requestLine } from '../bench/live/report.js';
import { missingPrograms } from '../bench/live/requirements.js';
import { requestRowOf, rowOf, type Slice } from '../bench/live/slices.js';
import { compile, parseFabric } from '../sdk/index.js';

/** A slice of a second in which a thousand frames were sent. */
function slice(forwardedCount: number, threadNs: number, kernelNs = 0, asideNs = 0): Slice {
  return { sentCount: 1000, forwardedCount, threadNs, kernelNs, asideNs, ns: 1e9 };
}

const EDGEMUX = { subject: 'edgemux', port: 'xdp', frameBytes: 64, c: undefined, kernel: undefined };

describe('packets', () => {
  test('a packet costs what the thread and the kernel have used, divided by what was forwarded', () => {
    const row = rowOf({ ...EDGEMUX, slices: [slice(500, 1_000_000, 500_000, 10_000_000)] });
    expect(row).toMatchObject({ threadUs: 2, kernelUs: 1, asideShare: 0.01, lossShare: 0.5, perSecond: 500 });
  });

  test('a core does all of it: thread, kernel, and what stands aside', () => {
    const row = rowOf({ ...EDGEMUX, slices: [slice(1000, 1_000_000, 500_000, 500_000)] });
    expect(row.perCore).toBe(500_000);
  });

  test('a ratio is that of two slices of one round, and the median of all rounds counts', () => {
    // The neighbours were busy in the second round, and worse while edgemux had its slice of the third.
    const c = [slice(1000, 900_000), slice(1000, 2_700_000), slice(1000, 900_000)];
    const slices = [slice(1000, 1_000_000), slice(1000, 3_000_000), slice(1000, 9_000_000)];
    expect(rowOf({ ...EDGEMUX, slices, c }).ratioToC).toBe(0.9);
  });

  test('the stand-in has no thread: a core is compared with a core', () => {
    const kernel = [slice(1000, 0, 2_800_000)];
    const row = rowOf({ ...EDGEMUX, slices: [slice(1000, 1_200_000, 600_000, 200_000)], kernel });
    expect(row.ratioToKernel).toBe(1.4);
  });

  test('without a yardstick there is no ratio', () => {
    expect(rowOf({ ...EDGEMUX, slices: [slice(1000, 1)] })).toMatchObject({ ratioToC: null, ratioToKernel: null });
  });
});

describe('requests', () => {
  const direct = [{ perSecond: 20_000, ns: [10_000, 20_000, 30_000] }];
  const kernel = [
    { perSecond: 10_000, ns: [50_000] },
    { perSecond: 20_000, ns: [50_000] },
    { perSecond: 10_000, ns: [50_000] },
  ];
  const slices = [
    { perSecond: 12_000, ns: [60_000, 61_000] },
    { perSecond: 22_000, ns: [70_000, 72_000] },
    { perSecond: 11_000, ns: [900_000] },
  ];

  test('requests per second are compared within a round, percentiles over all of them', () => {
    expect(requestRowOf({ subject: 'edgemux', port: 'xdp', slices, direct, kernel })).toEqual({
      subject: 'edgemux',
      port: 'xdp',
      perSecond: 12_000,
      ratioToKernel: 1.1,
      p50Us: 70,
      p99Us: 72,
      addedP50Us: 50,
      addedP99Us: 52,
    });
  });
});

describe('processor time', () => {
  test('the thread that has the port is the busiest one', () => {
    const before = new Map([
      ['1', 5_000_000],
      ['2', 100],
    ]);
    const after = new Map([
      ['1', 5_000_200],
      ['2', 900_100],
      ['3', 300],
    ]);
    expect(cpuBetween(before, after)).toEqual({ busiestNs: 900_000, othersNs: 500 });
  });

  test('a stand-in has none', () => {
    expect(cpuBetween(new Map(), new Map())).toEqual({ busiestNs: 0, othersNs: 0 });
  });
});

describe('what is measured', () => {
  test('the fabric has a program for the MUX, with the VIP the frames are for', () => {
    const program = compile(parseFabric(liveFabric())).forMux(MUX);
    expect(program.vips).toContain(VIP);
    expect(program.backends).toHaveLength(100);
  });

  test.each(FRAME_SIZES)('a frame has %i bytes', (frameBytes) => {
    expect(liveFrame(frameBytes)).toHaveLength(frameBytes);
  });
});

describe('the tables', () => {
  test('a line is as long as its head', () => {
    const slices = [slice(1000, 1_200_000, 600_000, 20_000_000)];
    const row = rowOf({ ...EDGEMUX, slices, c: slices, kernel: slices });
    expect(liveLine(row)).toHaveLength(LIVE_HEAD.length);
    const asked = [{ perSecond: 12_345, ns: [60_000] }];
    const request = requestRowOf({ subject: 'edgemux', port: 'packet', slices: asked, direct: asked, kernel: asked });
    expect(requestLine(request)).toHaveLength(REQUEST_HEAD.length);
  });

  test('what is missing is one line that says how to install it', () => {
    const programs = [
      { name: 'emx-no-such-program', package: 'one' },
      { name: 'emx-nor-this', package: 'other' },
    ];
    expect(missingPrograms(programs)).toBe('there is no emx-no-such-program, emx-nor-this: apt-get install one other');
  });
});
