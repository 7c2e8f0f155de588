/** AS_PATH in two and four octets, and AS4_PATH merged into it: RFC 6793 section 4.2.3. */
import { describe, expect, it } from 'vitest';
import type { Agreement } from '../../../sdk/bgp/wire/index.js';
import { u8 } from './raw.js';
import {
  attribute,
  EXTERNAL,
  INTERNAL,
  LOCAL_PREF,
  linesOf,
  NEXT_HOP,
  ORIGIN,
  rawUpdate,
  TWO_OCTET,
} from './raw-update.js';

/** Two-octet numbers of no peer of ours, from inside our autonomous system: confederations may stand there. */
const TWO_OCTET_INTERNAL: Agreement = { ...INTERNAL, fourOctetAs: false };
const AS_TRANS = 23456;
const SEGMENT_TYPES = { set: 1, sequence: 2, 'confed sequence': 3, 'confed set': 4 } as const;

type Segment = readonly [type: keyof typeof SEGMENT_TYPES, ...as: number[]];

function path(digitsPerAs: 4 | 8, segments: readonly Segment[]): string {
  const asText = (as: number) => as.toString(16).padStart(digitsPerAs, '0');
  return segments.map(([type, ...as]) => u8(SEGMENT_TYPES[type]) + u8(as.length) + as.map(asText).join('')).join('');
}

/** The path that is read of these attributes, or the lines of a message that is not whole. */
function pathOf(attributes: readonly string[], peer: Agreement): string {
  const all = [ORIGIN, ...attributes, NEXT_HOP, ...(peer.isExternal ? [] : [LOCAL_PREF])];
  const [line, ...faults] = linesOf(rawUpdate({ attributes: all, nlri: '18 c63364' }), peer);
  return [/path ([\d ]+)/.exec(line!)?.[1] ?? 'empty', ...faults].join('; ');
}

describe('AS_PATH', () => {
  const ROWS: readonly (readonly [name: string, segments: readonly Segment[], reads: string])[] = [
    ['none', [], 'empty'],
    ['a sequence', [['sequence', 1, 2, 3]], '1 2 3'],
    [
      'a sequence and a set',
      [
        ['sequence', 1, 2],
        ['set', 3, 4],
      ],
      '1 2 3 4',
    ],
    [
      'two sequences',
      [
        ['sequence', 1],
        ['sequence', 2],
      ],
      '1 2',
    ],
    ['the largest of two octets', [['sequence', 65535]], '65535'],
    ['255 in one segment', [['sequence', ...new Array<number>(255).fill(7)]], new Array(255).fill(7).join(' ')],
  ];
  it.each(ROWS)('of %s', (_name, segments, reads) => {
    expect(pathOf([attribute('50', 2, path(8, segments))], EXTERNAL)).toBe(reads);
    expect(pathOf([attribute('50', 2, path(4, segments))], TWO_OCTET)).toBe(reads);
  });

  it('of four-octet numbers', () => {
    expect(pathOf([attribute('40', 2, path(8, [['sequence', 65536, 4294967295]]))], EXTERNAL)).toBe('65536 4294967295');
  });
});

describe('AS_PATH with AS4_PATH', () => {
  interface Row {
    readonly name: string;
    readonly asPath: readonly Segment[];
    readonly as4Path: readonly Segment[];
    readonly reads: string;
    /** Where confederations are to be seen. */
    readonly internal?: true;
  }
  const ROWS: readonly Row[] = [
    {
      name: 'of the same length',
      asPath: [['sequence', AS_TRANS, AS_TRANS]],
      as4Path: [['sequence', 70000, 70001]],
      reads: '70000 70001',
    },
    {
      name: 'to which an old speaker prepended itself',
      asPath: [['sequence', 64500, AS_TRANS, 64501]],
      as4Path: [['sequence', 70000, 64501]],
      reads: '64500 70000 64501',
    },
    {
      name: 'of which a whole segment leads',
      asPath: [
        ['sequence', 64500, 64501],
        ['sequence', AS_TRANS],
      ],
      as4Path: [['sequence', 70000]],
      reads: '64500 64501 70000',
    },
    {
      name: 'in which a set counts as one',
      asPath: [
        ['sequence', 64500, AS_TRANS],
        ['set', 1, 2, 3],
      ],
      as4Path: [
        ['sequence', 70000],
        ['set', 1, 2, 3],
      ],
      reads: '64500 70000 1 2 3',
    },
    {
      name: 'with a set in front',
      asPath: [
        ['set', 64500, 64501],
        ['sequence', AS_TRANS],
      ],
      as4Path: [['sequence', 70000]],
      reads: '64500 64501 70000',
    },
    {
      name: 'that is longer is not believed',
      asPath: [['sequence', AS_TRANS]],
      as4Path: [['sequence', 70000, 70001]],
      reads: `${AS_TRANS}`,
    },
    {
      name: 'and an empty AS_PATH',
      asPath: [],
      as4Path: [['sequence', 70000]],
      reads: 'empty',
    },
    {
      name: 'that has nothing but a confederation says nothing',
      asPath: [['sequence', AS_TRANS]],
      as4Path: [['confed sequence', 70000]],
      reads: `${AS_TRANS}`,
    },
    {
      name: 'whose confederation is read over',
      asPath: [['sequence', AS_TRANS]],
      as4Path: [
        ['confed set', 65000],
        ['sequence', 70000],
      ],
      reads: '70000',
    },
    {
      name: 'keeps a confederation that leads',
      asPath: [
        ['confed sequence', 65000],
        ['sequence', AS_TRANS],
      ],
      as4Path: [['sequence', 70000]],
      reads: '65000 70000',
      internal: true,
    },
    {
      name: 'keeps a confederation behind a segment that is kept',
      asPath: [
        ['sequence', 64500],
        ['confed set', 65000],
        ['sequence', AS_TRANS],
      ],
      as4Path: [['sequence', 70000]],
      reads: '64500 65000 70000',
      internal: true,
    },
    {
      name: 'keeps no confederation behind a segment that is cut',
      asPath: [
        ['sequence', 64500, AS_TRANS],
        ['confed set', 65000],
      ],
      as4Path: [['sequence', 70000]],
      reads: '64500 70000',
      internal: true,
    },
  ];
  it.each(ROWS)('$name', ({ asPath, as4Path, reads, internal }) => {
    const attributes = [attribute('40', 2, path(4, asPath)), attribute('c0', 17, path(8, as4Path))];
    expect(pathOf(attributes, internal ? TWO_OCTET_INTERNAL : TWO_OCTET)).toBe(reads);
  });

  const AGGREGATORS: readonly (readonly [name: string, attributes: readonly string[], reads: string])[] = [
    ['AGGREGATOR alone', [attribute('c0', 7, 'fc00 c0000201')], '70000'],
    ['AS4_AGGREGATOR alone', [attribute('c0', 18, '00011170 c0000201')], '70000'],
    ['both, one as 23456', [attribute('c0', 7, '5ba0 c0000201'), attribute('c0', 18, '00011170 c0000201')], '70000'],
    [
      'both, one by its own AS',
      [attribute('c0', 7, 'fc00 c0000201'), attribute('c0', 18, '00011170 c0000201')],
      '23456',
    ],
    [
      'both the other way round',
      [attribute('c0', 18, '00011170 c0000201'), attribute('c0', 7, 'fc00 c0000201')],
      '23456',
    ],
    [
      'both, one of them bad',
      [attribute('c0', 7, 'fc00'), attribute('c0', 18, '00011170 c0000201')],
      '70000; attribute-discard: AGGREGATOR has 2 bytes, not 6',
    ],
  ];
  it.each(AGGREGATORS)('with %s', (_name, aggregators, reads) => {
    const attributes = [attribute('40', 2, '0201 5ba0'), attribute('c0', 17, '0201 00011170'), ...aggregators];
    expect(pathOf(attributes, TWO_OCTET)).toBe(reads);
  });

  it('of a speaker with four-octet numbers is discarded', () => {
    const attributes = [attribute('40', 2, '0201 00005ba0'), attribute('c0', 17, '0201 00011170')];
    expect(pathOf(attributes, EXTERNAL)).toMatch(/^23456; attribute-discard: AS4_PATH of a peer with four-octet/);
  });
});
