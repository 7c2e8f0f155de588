/** Fragments that overlap end their datagram (RFC 5722); what is told apart for that, and how much of it. */
import { describe, expect, it } from 'vitest';
import { datagramOf } from '../support/datagram.js';
import { FAMILIES } from '../support/families.js';
import { MuxRun, withRings } from '../support/mux-run.js';

const TICK_MS = 1024;
const toA = withRings(['web-a']);

describe.each(FAMILIES)('overlap ends a datagram, IPv$family', (kit) => {
  const { part, first } = datagramOf(kit);

  /** The first fragment covers units 0 to 3; each row says what follows, as [first unit, bytes, said]. */
  type Step = readonly [offset: number, length: number, said: string];
  const rows: [string, Step[]][] = [
    [
      'in order',
      [
        [4, 32, 'forward web-a'],
        [8, 32, 'forward web-a'],
      ],
    ],
    [
      'the same once more',
      [
        [4, 32, 'forward web-a'],
        [4, 32, 'drop fragment-overlap'],
      ],
    ],
    ['into the first one', [[3, 16, 'drop fragment-overlap']]],
    ['inside the first one', [[1, 8, 'drop fragment-overlap']]],
    ['the first one again', [[0, 32, 'drop fragment-overlap']]],
    ['another first one', [[0, 8, 'drop fragment-overlap']]],
    [
      'around one',
      [
        [6, 16, 'forward web-a'],
        [5, 32, 'drop fragment-overlap'],
      ],
    ],
    [
      'into the front of one',
      [
        [6, 16, 'forward web-a'],
        [5, 16, 'drop fragment-overlap'],
      ],
    ],
    [
      'into the end of one',
      [
        [6, 16, 'forward web-a'],
        [7, 16, 'drop fragment-overlap'],
      ],
    ],
    [
      'up to one',
      [
        [6, 16, 'forward web-a'],
        [4, 16, 'forward web-a'],
        [8, 8, 'forward web-a'],
      ],
    ],
    [
      'nothing goes on any more',
      [
        [3, 16, 'drop fragment-overlap'],
        [20, 8, 'drop fragment-overlap'],
      ],
    ],
  ];
  it.each(rows)('%s', async (_, steps) => {
    const run = await MuxRun.of(toA);
    const parts = steps.map(([offset, length]) => part(offset, { length }));
    expect(run.said([first({ length: 32 }), ...parts])).toEqual(['forward web-a', ...steps.map(([, , said]) => said)]);
  });

  it('the end of the last fragment is rounded up', async () => {
    const run = await MuxRun.of(toA);
    const said = run.said([first(), part(4, { length: 1, more: false }), part(4, { length: 8 })]);
    expect(said).toEqual(['forward web-a', 'forward web-a', 'drop fragment-overlap']);
  });

  it('until the datagram is forgotten', async () => {
    const run = await MuxRun.of(toA);
    run.said([first(), part(0)]);
    expect([run.one(part(9), 29 * TICK_MS).said, run.one(part(9), 30 * TICK_MS).said]).toEqual([
      'drop fragment-overlap',
      'hold',
    ]);
  });

  it('no other datagram', async () => {
    const run = await MuxRun.of(toA);
    run.said([first(), part(0), first({ id: 2 })]);
    expect(run.one(part(1, { id: 2 })).said).toBe('forward web-a');
  });

  it('of kept ones when they are released: the first one goes on', async () => {
    const run = await MuxRun.of(toA);
    run.batch([part(1, { length: 16 }), part(2), part(5)]);
    expect(run.said([first()])).toEqual([
      'forward web-a',
      'forward web-a',
      'drop fragment-overlap',
      'drop fragment-overlap',
    ]);
    expect(run.mux.counters().dropped).toEqual({ 'fragment-overlap': 2 });
  });

  it('a fragment that was dropped has covered nothing', async () => {
    const run = await MuxRun.of(toA);
    expect(run.said([part(1, { length: 9 }), first(), part(1), part(2)])).toEqual([
      'drop fragment',
      ...Array(3).fill('forward web-a'),
    ]);
  });

  it('eight ranges are told apart, a ninth is not remembered', async () => {
    const run = await MuxRun.of(toA);
    const odd = [2, 4, 6, 8, 10, 12, 14].map((offset) => part(offset));
    expect(run.said([first(), ...odd])).toEqual(Array(8).fill('forward web-a'));
    expect(run.one(part(16)).said).toBe('drop fragment-limit');
    // It has not been covered, and the datagram is as it was: one that touches another range still has room.
    expect(run.said([part(1), part(16), part(16)])).toEqual([
      'forward web-a',
      'forward web-a',
      'drop fragment-overlap',
    ]);
  });

  it('a datagram of 64 KiB in any order, released as far as there are ranges', async () => {
    const run = await MuxRun.of(toA, { batchFrameCountMax: 100 });
    const parts = Array.from({ length: 44 }, (_, index) => part((index + 1) * 181, { length: 1448 }));
    expect(run.said([first({ length: 1448 }), ...parts])).toEqual(Array(45).fill('forward web-a'));
    const backwards = [
      first({ id: 2, length: 1448 }),
      ...parts.map((_, at) => part((44 - at) * 181, { id: 2, length: 1448 })),
    ];
    expect(run.said(backwards)).toEqual(Array(45).fill('forward web-a'));
  });
});
