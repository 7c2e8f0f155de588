/** MP_REACH_NLRI and MP_UNREACH_NLRI: next hops of every length, prefixes, families. Rows: name, value, lines. */
import { describe, expect, it } from 'vitest';
import type { Agreement } from '../../../sdk/bgp/wire/index.js';
import { fromHex, toHex } from '../../support/bytes.js';
import {
  AS_PATH,
  attribute,
  EXTENDED_NEXT_HOP,
  EXTERNAL,
  IPV4_ONLY,
  linesOf,
  NEXT_HOP,
  ORIGIN,
  rawUpdate,
} from './raw-update.js';

const IPV6_ONLY: Agreement = { ...EXTERNAL, families: new Set(['ipv6']) };
const GLOBAL = `20010db8${'00'.repeat(11)}01`;
const LINK_LOCAL = `fe80${'00'.repeat(13)}02`;
const UNSPECIFIED = '00'.repeat(16);
/** 2001:db8:1::/48. */
const PREFIX = '30 20010db80001';

type Row = readonly [name: string, value: string, lines: string[], peer?: Agreement];

/** `reset 3/9` carries the attribute, whatever it is. */
function table(title: string, type: number, rows: readonly Row[]): void {
  for (const [name, value, lines, peer = EXTERNAL] of rows) {
    it(`${title}: ${name}`, () => {
      const whole = attribute('80', type, value);
      const expected = lines.map((line) => (line === 'reset 3/9' ? `reset 3/9 ${toHex(fromHex(whole))}` : line));
      expect(linesOf(rawUpdate({ attributes: [whole, ORIGIN, AS_PATH] }), peer)).toEqual(expected);
    });
  }
}

const announced = (prefixes: string, nextHop: string) => [`announce ${prefixes} via ${nextHop}: igp, path 65001`];
const noRouter = (nextHop: string, prefix: string) => [
  'withdraw 2001:db8:1::/48',
  `treat-as-withdraw: MP_REACH_NLRI names the next hop ${nextHop}, and no router has an address in ${prefix}`,
];
const ignored = (afi: number, safi: number) => [
  `attribute-discard: MP_REACH_NLRI of AFI ${afi}, SAFI ${safi} is ignored: not agreed on`,
];

describe('MP_REACH_NLRI', () => {
  table('next hop of IPv6', 14, [
    ['global', `0002 01 10 ${GLOBAL} 00 ${PREFIX}`, announced('2001:db8:1::/48', '2001:db8::1')],
    ['link-local', `0002 01 10 ${LINK_LOCAL} 00 ${PREFIX}`, announced('2001:db8:1::/48', 'fe80::2')],
    ['both', `0002 01 20 ${GLOBAL} ${LINK_LOCAL} 00 ${PREFIX}`, announced('2001:db8:1::/48', '2001:db8::1')],
    [
      ':: and link-local',
      `0002 01 20 ${UNSPECIFIED} ${LINK_LOCAL} 00 ${PREFIX}`,
      announced('2001:db8:1::/48', 'fe80::2'),
    ],
    [
      'link-local twice',
      `0002 01 20 ${LINK_LOCAL} ${LINK_LOCAL} 00 ${PREFIX}`,
      announced('2001:db8:1::/48', 'fe80::2'),
    ],
    ['reserved byte set', `0002 01 10 ${GLOBAL} ff ${PREFIX}`, announced('2001:db8:1::/48', '2001:db8::1')],
    ['::', `0002 01 10 ${UNSPECIFIED} 00 ${PREFIX}`, noRouter('::', '::/128')],
    [':: twice', `0002 01 20 ${UNSPECIFIED} ${UNSPECIFIED} 00 ${PREFIX}`, noRouter('::', '::/128')],
    ['multicast', `0002 01 10 ff02${'00'.repeat(13)}01 00 ${PREFIX}`, noRouter('ff02::1', 'ff00::/8')],
    ['loopback', `0002 01 10 ${'00'.repeat(15)}01 00 ${PREFIX}`, noRouter('::1', '::1/128')],
    ['of 0 bytes', `0002 01 00 00 ${PREFIX}`, ['reset 3/9']],
    ['of 4 bytes', `0002 01 04 c0000201 00 ${PREFIX}`, ['reset 3/9']],
    ['of 15 bytes', `0002 01 0f ${'20'.repeat(15)} 00 ${PREFIX}`, ['reset 3/9']],
    ['of 17 bytes', `0002 01 11 ${'20'.repeat(17)} 00 ${PREFIX}`, ['reset 3/9']],
    ['of 24 bytes', `0002 01 18 ${'20'.repeat(24)} 00 ${PREFIX}`, ['reset 3/9']],
    ['of 48 bytes', `0002 01 30 ${'20'.repeat(48)} 00 ${PREFIX}`, ['reset 3/9']],
    ['cut', `0002 01 10 ${GLOBAL.slice(2)}`, ['reset 3/9']],
    ['without the reserved byte', `0002 01 10 ${GLOBAL}`, ['reset 3/9']],
    ['without prefixes', `0002 01 10 ${GLOBAL} 00`, []],
  ]);

  table('next hop of IPv4', 14, [
    ['IPv4', '0001 01 04 c0000201 00 18 c63364', announced('198.51.100.0/24', '192.0.2.1')],
    ['IPv6, not agreed on', `0001 01 10 ${GLOBAL} 00 18 c63364`, ['reset 3/9']],
    ['two IPv6, not agreed on', `0001 01 20 ${GLOBAL} ${LINK_LOCAL} 00 18 c63364`, ['reset 3/9']],
    ['of 5 bytes', '0001 01 05 c000020100 00 18 c63364', ['reset 3/9'], EXTENDED_NEXT_HOP],
    ['IPv4 still', '0001 01 04 c0000201 00 18 c63364', announced('198.51.100.0/24', '192.0.2.1'), EXTENDED_NEXT_HOP],
    ['IPv6', `0001 01 10 ${GLOBAL} 00 18 c63364`, announced('198.51.100.0/24', '2001:db8::1'), EXTENDED_NEXT_HOP],
    [
      'two IPv6',
      `0001 01 20 ${GLOBAL} ${LINK_LOCAL} 00 18 c63364`,
      announced('198.51.100.0/24', '2001:db8::1'),
      EXTENDED_NEXT_HOP,
    ],
    ['of IPv6 prefixes does not change', `0002 01 04 c0000201 00 ${PREFIX}`, ['reset 3/9'], EXTENDED_NEXT_HOP],
  ]);

  table('prefixes', 14, [
    ['default route', `0002 01 10 ${GLOBAL} 00 00`, announced('::/0', '2001:db8::1')],
    ['host', `0002 01 10 ${GLOBAL} 00 80 ${GLOBAL}`, announced('2001:db8::1/128', '2001:db8::1')],
    ['host bits set', `0002 01 10 ${GLOBAL} 00 2f 20010db80001`, announced('2001:db8::/47', '2001:db8::1')],
    ['of 129 bits', `0002 01 10 ${GLOBAL} 00 81 ${GLOBAL} 00`, ['reset 3/9']],
    ['cut', `0002 01 10 ${GLOBAL} 00 30 20010db800`, ['reset 3/9']],
    ['of 33 bits of IPv4', '0001 01 04 c0000201 00 21 c633640100', ['reset 3/9']],
  ]);

  table('length', 14, [
    ['0 bytes', '', ['reset 3/9']],
    ['2 bytes', '0002', ['reset 3/9']],
    ['4 bytes', '0002 01 00', ['reset 3/9']],
    ['4 bytes of a family not agreed on', '0019 41 00', ['reset 3/9']],
    ['5 bytes', '0002 01 00 00', ['reset 3/9']],
  ]);

  table('family', 14, [
    ['IPv6 multicast', `0002 02 10 ${GLOBAL} 00 ${PREFIX}`, ignored(2, 2)],
    ['EVPN', '0019 46 04 c0000201 00 ffff', ignored(25, 70)],
    ['EVPN, cut', '0019 46 ff c0000201', ignored(25, 70)],
    ['AFI 0', '0000 00 00 00', ignored(0, 0)],
    ['IPv6, not agreed on', `0002 01 10 ${GLOBAL} 00 ${PREFIX}`, ignored(2, 1), IPV4_ONLY],
    ['IPv6 with a bad next hop, not agreed on', `0002 01 05 ${GLOBAL}`, ignored(2, 1), IPV4_ONLY],
  ]);

  it('of a family not agreed on leaves the other routes alone, and their faults theirs', () => {
    const evpn = attribute('80', 14, '0019 46 04 c0000201 00 ffff');
    const path = [evpn, ORIGIN, AS_PATH, NEXT_HOP];
    expect(linesOf(rawUpdate({ attributes: path, nlri: '18 c63364' }))).toEqual([
      ...announced('198.51.100.0/24', '192.0.2.1'),
      ...ignored(25, 70),
    ]);
    const badOrigin = attribute('40', 1, '03');
    expect(linesOf(rawUpdate({ attributes: [evpn, badOrigin, AS_PATH] }))).toEqual([
      'treat-as-withdraw: ORIGIN is 3, not 0..2',
      ...ignored(25, 70),
    ]);
  });

  it.each([
    ['transitive', 'c0'],
    ['well-known', '40'],
    ['neither', '00'],
  ])('%s ends the session', (_name, flags) => {
    const whole = attribute(flags, 14, `0002 01 10 ${GLOBAL} 00 ${PREFIX}`);
    const says = [`reset 3/9 ${toHex(fromHex(whole))}`];
    expect(linesOf(rawUpdate({ attributes: [whole, ORIGIN, AS_PATH] }))).toEqual(says);
  });
});

describe('MP_UNREACH_NLRI', () => {
  table('prefixes', 15, [
    ['of IPv6', `0002 01 ${PREFIX}`, ['withdraw 2001:db8:1::/48']],
    ['of IPv4', '0001 01 18 c63364', ['withdraw 198.51.100.0/24']],
    ['of 129 bits', `0002 01 81 ${GLOBAL} 00`, ['reset 3/9']],
    ['of 33 bits of IPv4', '0001 01 21 c633640100', ['reset 3/9']],
    ['cut', '0002 01 30 20010db800', ['reset 3/9']],
  ]);
  table('length', 15, [
    ['0 bytes', '', ['reset 3/9']],
    ['2 bytes', '0002', ['reset 3/9']],
  ]);
  table('family', 15, [
    [
      'not agreed on',
      '0019 46 ffff',
      ['attribute-discard: MP_UNREACH_NLRI of AFI 25, SAFI 70 is ignored: not agreed on'],
    ],
  ]);

  it('transitive ends the session', () => {
    const whole = attribute('c0', 15, `0002 01 ${PREFIX}`);
    expect(linesOf(rawUpdate({ attributes: [whole] }))).toEqual([`reset 3/9 ${toHex(fromHex(whole))}`]);
  });
});

describe('WITHDRAWN ROUTES and NLRI where IPv4 was not agreed on', () => {
  it('are ignored, whatever they lack', () => {
    expect(linesOf(rawUpdate({ withdrawn: '18 cb0071', nlri: '18 c63364' }), IPV6_ONLY)).toEqual([
      'attribute-discard: 2 IPv4 prefixes are ignored: not agreed on',
    ]);
  });

  it('still have to be prefixes', () => {
    expect(linesOf(rawUpdate({ nlri: '21 c633640100' }), IPV6_ONLY)).toEqual(['reset 3/10']);
  });
});
