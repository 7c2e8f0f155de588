/** UPDATE as a whole: its fields, its lists, and faults that are not those of one attribute. Rows: name, message, lines. */
import { describe, expect, it } from 'vitest';
import type { Agreement } from '../../../sdk/bgp/wire/index.js';
import { fromHex } from '../../support/bytes.js';
import { u8 } from './raw.js';
import {
  AS_PATH,
  AS_PATH_TWO_OCTET,
  attribute,
  EXTERNAL,
  INTERNAL,
  IPV4_ONLY,
  LOCAL_PREF,
  linesOf,
  MP_REACH,
  MP_UNREACH,
  NEXT_HOP,
  ORIGIN,
  rawUpdate,
  TWO_OCTET,
} from './raw-update.js';

const PATH = [ORIGIN, AS_PATH, NEXT_HOP];
/** 198.51.100.0/24. */
const NLRI = '18 c63364';
/** 203.0.113.0/24. */
const GONE = '18 cb0071';
const BAD_ORIGIN = attribute('40', 1, '03');
const BAD_ATOMIC_AGGREGATE = attribute('40', 6, '00');
const EMPTY_REACH = attribute('80', 14, `0002 01 10 20010db8${'00'.repeat(11)}01 00`);
const EMPTY_UNREACH = attribute('80', 15, '0002 01');

const ANNOUNCED = 'announce 198.51.100.0/24 via 192.0.2.1: igp, path 65001';
const ANNOUNCED_IPV6 = 'announce 2001:db8:1::/48 via 2001:db8::1: igp, path 65001';
const BAD_ORIGIN_TEXT = 'treat-as-withdraw: ORIGIN is 3, not 0..2';
const ATOMIC_TEXT = 'attribute-discard: ATOMIC_AGGREGATE has 1 bytes, not 0';

type Row = readonly [name: string, message: Parameters<typeof rawUpdate>[0], lines: string[], peer?: Agreement];

function table(title: string, rows: readonly Row[]): void {
  for (const [name, message, lines, peer = EXTERNAL] of rows) {
    it(`${title}: ${name}`, () => expect(linesOf(rawUpdate(message), peer)).toEqual(lines));
  }
}

describe('the fields of an UPDATE', () => {
  table('one at a time and together', [
    ['withdrawn', { withdrawn: GONE }, ['withdraw 203.0.113.0/24']],
    ['announced', { attributes: PATH, nlri: NLRI }, [ANNOUNCED]],
    ['both', { withdrawn: GONE, attributes: PATH, nlri: NLRI }, [ANNOUNCED, 'withdraw 203.0.113.0/24']],
    [
      'the same prefix in both',
      { withdrawn: NLRI, attributes: PATH, nlri: NLRI },
      [ANNOUNCED, 'withdraw 198.51.100.0/24'],
    ],
    ['MP_REACH_NLRI', { attributes: [MP_REACH, ORIGIN, AS_PATH] }, [ANNOUNCED_IPV6]],
    ['MP_REACH_NLRI behind the others', { attributes: [ORIGIN, AS_PATH, MP_REACH] }, [ANNOUNCED_IPV6]],
    ['MP_UNREACH_NLRI', { attributes: [MP_UNREACH] }, ['withdraw 2001:db8:2::/48']],
    [
      'all four',
      { withdrawn: GONE, attributes: [MP_REACH, MP_UNREACH, ...PATH], nlri: NLRI },
      [ANNOUNCED, ANNOUNCED_IPV6, 'withdraw 203.0.113.0/24 2001:db8:2::/48'],
    ],
    [
      'all four at fault',
      { withdrawn: GONE, attributes: [MP_REACH, MP_UNREACH, BAD_ORIGIN, AS_PATH, NEXT_HOP], nlri: NLRI },
      ['withdraw 203.0.113.0/24 2001:db8:2::/48 198.51.100.0/24 2001:db8:1::/48', BAD_ORIGIN_TEXT],
    ],
    ['attributes and no routes', { attributes: PATH }, []],
  ]);

  table('every attribute that is kept', [
    [
      'external',
      {
        attributes: [
          ...PATH,
          attribute('80', 4, '00000005'),
          attribute('c0', 8, 'fde80064 ffffff01'),
          attribute('c0', 32, 'fa56ea00 00000001 00000002'),
        ],
        nlri: NLRI,
      },
      [`${ANNOUNCED}, med 5, 65000:100, no-export, 4200000000:1:2`],
    ],
    ['internal', { attributes: [...PATH, LOCAL_PREF], nlri: NLRI }, [`${ANNOUNCED}, pref 100`], INTERNAL],
    [
      'a large community twice',
      { attributes: [...PATH, attribute('c0', 32, `${'00000001'.repeat(3)} ${'00000001'.repeat(3)}`)], nlri: NLRI },
      [`${ANNOUNCED}, 1:1:1`],
    ],
  ]);

  table('lengths', [
    ['no attribute length', { withdrawn: GONE, lengths: { withdrawn: 6 } }, ['reset 3/1']],
    ['withdrawn routes exceed the message', { withdrawn: GONE, lengths: { withdrawn: 7 } }, ['reset 3/1']],
    ['… by far', { withdrawn: GONE, lengths: { withdrawn: 65535 } }, ['reset 3/1']],
    ['attributes exceed the message', { attributes: PATH, lengths: { attributes: 21 } }, ['reset 3/1']],
    ['… by far', { attributes: PATH, lengths: { attributes: 65535 } }, ['reset 3/1']],
  ]);

  it.each([0, 1, 2, 3])('a body of %i bytes is none', (byteCount) => {
    expect(linesOf(new Uint8Array(byteCount))).toEqual(['reset 3/1']);
  });
});

describe('prefixes', () => {
  const announced = (prefixes: string) => [ANNOUNCED.replace('198.51.100.0/24', prefixes)];
  table('NLRI', [
    ['the default route', { attributes: PATH, nlri: '00' }, announced('0.0.0.0/0')],
    ['a host', { attributes: PATH, nlri: '20 c6336401' }, announced('198.51.100.1/32')],
    ['an odd length', { attributes: PATH, nlri: '13 c633e0' }, announced('198.51.224.0/19')],
    ['host bits set', { attributes: PATH, nlri: '13 c633ff' }, announced('198.51.224.0/19')],
    ['host bits of one', { attributes: PATH, nlri: '01 ff' }, announced('128.0.0.0/1')],
    ['several', { attributes: PATH, nlri: '18 c63364 00 08 0a' }, announced('198.51.100.0/24 0.0.0.0/0 10.0.0.0/8')],
    ['of 33 bits', { attributes: PATH, nlri: '21 c633640100' }, ['reset 3/10']],
    ['of 255 bits', { attributes: PATH, nlri: `ff ${'00'.repeat(32)}` }, ['reset 3/10']],
    ['cut', { attributes: PATH, nlri: '18 c633' }, ['reset 3/10']],
    ['cut behind a sound one', { attributes: PATH, nlri: '18 c63364 20' }, ['reset 3/10']],
  ]);
  table('WITHDRAWN ROUTES', [
    ['host bits set', { withdrawn: '13 c633ff' }, ['withdraw 198.51.224.0/19']],
    ['of 33 bits', { withdrawn: '21 c633640100' }, ['reset 3/10']],
    ['cut', { withdrawn: '18 c633' }, ['reset 3/10']],
  ]);
});

describe('the list of attributes', () => {
  const CUT = 'treat-as-withdraw: the path attributes end inside';
  const withdrawn = (where: string) => ['withdraw 198.51.100.0/24', `${CUT} ${where}`];
  table('cut off', [
    ['behind one byte', { attributes: [...PATH, 'c0'], nlri: NLRI }, withdrawn('the header of an attribute')],
    ['behind the type', { attributes: [...PATH, 'c0 08'], nlri: NLRI }, withdrawn('COMMUNITIES')],
    ['in an extended length', { attributes: [...PATH, 'd0 08 00'], nlri: NLRI }, withdrawn('COMMUNITIES')],
    ['in the value', { attributes: [...PATH, 'c0 08 04 0000'], nlri: NLRI }, withdrawn('COMMUNITIES')],
    ['in the value of an unknown one', { attributes: [...PATH, 'c0 63 ff 00'], nlri: NLRI }, withdrawn('attribute 99')],
    [
      'in a needed one',
      { attributes: [ORIGIN, AS_PATH, '40 03 05 c0000201'], nlri: NLRI },
      ['withdraw 198.51.100.0/24', `${CUT} NEXT_HOP`, 'treat-as-withdraw: NEXT_HOP is missing'],
    ],
    ['in MP_REACH_NLRI', { attributes: [...PATH, '80 0e 09 0002'], nlri: NLRI }, ['reset 3/1']],
    ['behind the type of MP_REACH_NLRI', { attributes: [...PATH, '80 0e'], nlri: NLRI }, ['reset 3/1']],
    ['in MP_UNREACH_NLRI', { attributes: [...PATH, '80 0f 09 0002'], nlri: NLRI }, ['reset 3/1']],
    [
      'with routes in MP_REACH_NLRI',
      { attributes: [MP_REACH, ORIGIN, AS_PATH, 'c0'] },
      ['withdraw 2001:db8:1::/48', `${CUT} the header of an attribute`],
    ],
    ['without routes', { withdrawn: GONE, attributes: ['c0'] }, ['reset 3/1']],
    ['behind MP_UNREACH_NLRI', { attributes: [MP_UNREACH, 'c0 08'] }, ['reset 3/1']],
  ]);

  /** Every attribute of the table, sound; its second occurrence is discarded, even a better or worse one. */
  const TWICE: readonly (readonly [name: string, attribute: string, peer?: Agreement])[] = [
    ['ORIGIN', ORIGIN],
    ['AS_PATH', AS_PATH],
    ['NEXT_HOP', NEXT_HOP],
    ['MULTI_EXIT_DISC', attribute('80', 4, '00000005')],
    ['LOCAL_PREF', LOCAL_PREF, INTERNAL],
    ['ATOMIC_AGGREGATE', attribute('40', 6, '')],
    ['AGGREGATOR', attribute('c0', 7, '0000fde9 c0000201')],
    ['COMMUNITIES', attribute('c0', 8, 'fde80064')],
    ['ORIGINATOR_ID', attribute('80', 9, 'c0000201'), INTERNAL],
    ['CLUSTER_LIST', attribute('80', 10, 'c0000201'), INTERNAL],
    ['EXTENDED_COMMUNITIES', attribute('c0', 16, '01'.repeat(8))],
    ['AS4_PATH', attribute('c0', 17, '0201 0000fde9'), TWO_OCTET],
    ['AS4_AGGREGATOR', attribute('c0', 18, '0000fde9 c0000201'), TWO_OCTET],
    ['TRAFFIC_ENGINEERING', attribute('80', 24, '01'.repeat(36))],
    ['IPV6_EXTENDED_COMMUNITIES', attribute('c0', 25, '01'.repeat(20))],
    ['LARGE_COMMUNITY', attribute('c0', 32, '01'.repeat(12))],
    ['ATTR_SET', attribute('c0', 128, '0000fde9')],
    ['attribute 99', attribute('c0', 99, '00')],
  ];
  for (const [name, twice, peer = EXTERNAL] of TWICE) {
    it(`${name} twice: the first counts`, () => {
      const others = [ORIGIN, peer.fourOctetAs ? AS_PATH : AS_PATH_TWO_OCTET, NEXT_HOP];
      if (!peer.isExternal) others.push(LOCAL_PREF);
      const attributes = [twice, ...others.filter((other) => other !== twice)];
      const once = linesOf(rawUpdate({ attributes, nlri: NLRI }), peer);
      expect(once).toEqual([expect.stringMatching('^announce ')]);
      const [flags, type] = fromHex(twice);
      const bad = attribute(u8(flags!), type!, 'ffff');
      for (const second of [twice, bad]) {
        const lines = linesOf(rawUpdate({ attributes: [...attributes, second], nlri: NLRI }), peer);
        expect(lines).toEqual([...once, `attribute-discard: ${name} is there twice`]);
      }
    });
  }

  table('a multiprotocol attribute twice', [
    ['MP_REACH_NLRI', { attributes: [MP_REACH, ORIGIN, AS_PATH, MP_REACH] }, ['reset 3/1']],
    ['MP_UNREACH_NLRI', { attributes: [MP_UNREACH, MP_UNREACH] }, ['reset 3/1']],
    ['MP_UNREACH_NLRI without prefixes', { attributes: [EMPTY_UNREACH, EMPTY_UNREACH] }, ['reset 3/1']],
    ['of a family not agreed on', { attributes: [MP_UNREACH, MP_UNREACH] }, ['reset 3/1'], IPV4_ONLY],
  ]);

  const missing = (...names: string[]) => names.map((name) => `treat-as-withdraw: ${name} is missing`);
  table('needed and missing', [
    ['ORIGIN', { attributes: [AS_PATH, NEXT_HOP], nlri: NLRI }, ['withdraw 198.51.100.0/24', ...missing('ORIGIN')]],
    ['AS_PATH', { attributes: [ORIGIN, NEXT_HOP], nlri: NLRI }, ['withdraw 198.51.100.0/24', ...missing('AS_PATH')]],
    ['NEXT_HOP', { attributes: [ORIGIN, AS_PATH], nlri: NLRI }, ['withdraw 198.51.100.0/24', ...missing('NEXT_HOP')]],
    ['LOCAL_PREF', { attributes: PATH, nlri: NLRI }, ['withdraw 198.51.100.0/24', ...missing('LOCAL_PREF')], INTERNAL],
    ['all', { nlri: NLRI }, ['withdraw 198.51.100.0/24', ...missing('ORIGIN', 'AS_PATH', 'NEXT_HOP')]],
    [
      'ORIGIN with MP_REACH_NLRI',
      { attributes: [MP_REACH, AS_PATH] },
      ['withdraw 2001:db8:1::/48', ...missing('ORIGIN')],
    ],
    ['NEXT_HOP with MP_REACH_NLRI', { attributes: [MP_REACH, ORIGIN, AS_PATH] }, [ANNOUNCED_IPV6]],
    [
      'NEXT_HOP with MP_REACH_NLRI and NLRI',
      { attributes: [MP_REACH, ORIGIN, AS_PATH], nlri: NLRI },
      ['withdraw 198.51.100.0/24 2001:db8:1::/48', ...missing('NEXT_HOP')],
    ],
    [
      'all, and nothing announced',
      { withdrawn: GONE, attributes: [MP_UNREACH] },
      ['withdraw 203.0.113.0/24 2001:db8:2::/48'],
    ],
  ]);
});

describe('a next hop', () => {
  const NO_ROUTER: readonly (readonly [address: string, hex: string, prefix: string])[] = [
    ['0.0.0.0', '00000000', '0.0.0.0/8'],
    ['127.0.0.1', '7f000001', '127.0.0.0/8'],
    ['224.0.0.1', 'e0000001', '224.0.0.0/4'],
    ['255.255.255.255', 'ffffffff', '255.255.255.255/32'],
  ];
  it.each(NO_ROUTER)('that no router has, %s, withdraws the routes of NLRI', (address, hex, prefix) => {
    const attributes = [ORIGIN, AS_PATH, attribute('40', 3, hex)];
    expect(linesOf(rawUpdate({ attributes, nlri: NLRI }))).toEqual([
      'withdraw 198.51.100.0/24',
      `treat-as-withdraw: NEXT_HOP names the next hop ${address}, and no router has an address in ${prefix}`,
    ]);
    expect(linesOf(rawUpdate({ attributes: [...attributes, MP_REACH] }))).toEqual([ANNOUNCED_IPV6]);
    expect(linesOf(rawUpdate({ attributes }))).toEqual([]);
  });
});

describe('several faults', () => {
  table('the strongest decides', [
    [
      'two that withdraw',
      { attributes: [BAD_ORIGIN, AS_PATH, '40 03 00'], nlri: NLRI },
      ['withdraw 198.51.100.0/24', BAD_ORIGIN_TEXT, 'treat-as-withdraw: NEXT_HOP has 0 bytes, not 4'],
    ],
    [
      'discard, then withdraw',
      { attributes: [BAD_ATOMIC_AGGREGATE, BAD_ORIGIN, AS_PATH, NEXT_HOP], nlri: NLRI },
      ['withdraw 198.51.100.0/24', BAD_ORIGIN_TEXT, ATOMIC_TEXT],
    ],
    [
      'withdraw, then reset by an attribute',
      { attributes: [BAD_ORIGIN, MP_UNREACH, MP_UNREACH], nlri: NLRI },
      ['reset 3/1'],
    ],
    ['withdraw, then reset by a prefix', { attributes: [BAD_ORIGIN, AS_PATH, NEXT_HOP], nlri: '21' }, ['reset 3/10']],
    [
      'withdraw, then reset by an unknown attribute',
      { attributes: [BAD_ORIGIN, '40 63 00'], nlri: NLRI },
      ['reset 3/2 406300'],
    ],
  ]);
  table('without a route', [
    [
      'the first that would withdraw ends the session',
      { attributes: [BAD_ORIGIN, '40 03 00'] },
      ['reset 3/6 40010103'],
    ],
    ['… though it comes last', { attributes: [BAD_ATOMIC_AGGREGATE, '40 03 00'] }, ['reset 3/5 400300']],
    ['… with an MP_UNREACH_NLRI', { attributes: [MP_UNREACH, BAD_ORIGIN] }, ['reset 3/6 40010103']],
    ['… with an MP_REACH_NLRI without prefixes', { attributes: [EMPTY_REACH, BAD_ORIGIN] }, ['reset 3/6 40010103']],
    [
      'one that discards does not',
      { withdrawn: GONE, attributes: [BAD_ATOMIC_AGGREGATE] },
      ['withdraw 203.0.113.0/24', ATOMIC_TEXT],
    ],
  ]);
});

describe('End-of-RIB', () => {
  table('is', [
    ['an empty message', {}, ['end of rib ipv4']],
    ['an MP_UNREACH_NLRI of IPv6 without prefixes', { attributes: [EMPTY_UNREACH] }, ['end of rib ipv6']],
    ['… with an extended length', { attributes: [attribute('90', 15, '0002 01')] }, ['end of rib ipv6']],
    [
      'an MP_UNREACH_NLRI of IPv4 without prefixes',
      { attributes: [attribute('80', 15, '0001 01')] },
      ['end of rib ipv4'],
    ],
  ]);
  table('is not', [
    ['a withdrawal', { attributes: [MP_UNREACH] }, ['withdraw 2001:db8:2::/48']],
    ['one with another attribute', { attributes: [EMPTY_UNREACH, ORIGIN] }, []],
    ['one with an unknown attribute', { attributes: [EMPTY_UNREACH, attribute('c0', 99, '')] }, []],
    ['one with a withdrawal of IPv4', { withdrawn: GONE, attributes: [EMPTY_UNREACH] }, ['withdraw 203.0.113.0/24']],
    [
      'of a family not agreed on',
      { attributes: [EMPTY_UNREACH] },
      ['attribute-discard: MP_UNREACH_NLRI of AFI 2, SAFI 1 is ignored: not agreed on'],
      IPV4_ONLY,
    ],
    ['an empty message where IPv4 was not agreed on', {}, [], { ...EXTERNAL, families: new Set(['ipv6']) }],
  ]);
});

describe('a message of 4096 bytes that is all of one kind', () => {
  /** What is left for attributes and prefixes. */
  const ROOM = 4073;

  it('is read when it is prefixes of one byte', () => {
    const [line] = linesOf(rawUpdate({ withdrawn: '00'.repeat(ROOM) }));
    expect(line!.split(' ')).toHaveLength(1 + ROOM);
  });

  it('is read when it is one attribute again and again', () => {
    const count = Math.floor(ROOM / 3);
    const lines = linesOf(rawUpdate({ attributes: new Array<string>(count).fill('c0 63 00') }));
    expect(lines).toEqual(new Array(count - 1).fill('attribute-discard: attribute 99 is there twice'));
  });

  it('is read when it is ATTR_SETs in each other, down to the innermost', () => {
    const nested = (innermost: string) => {
      let set = innermost;
      while (set.length / 2 + 8 <= ROOM) set = attribute('d0', 128, `0000fde9 ${set}`);
      return set;
    };
    expect(linesOf(rawUpdate({ attributes: [nested('')] }))).toEqual([]);
    const bad = nested(attribute('d0', 128, '0000fd'));
    expect(linesOf(rawUpdate({ attributes: [bad] }))).toEqual([`reset 3/9 ${bad}`]);
  });
});
