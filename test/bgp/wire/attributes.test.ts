/**
 * Every attribute × every fault, RFC 7606 section 7 and RFC 4271 section 6.3.
 *
 * A row is an attribute at fault, and what it must lead to:
 *
 *     withdraw 3/5    the routes of the message are treated as withdrawn; were there none, 3/5 would end the session
 *     discard         the routes stay, without the attribute
 *     reset 3/9       3/9 ends the session, routes or not
 *     fine            no fault: the edge seen from the other side
 *
 * Each is tried in three messages: with a route in NLRI, with one in MP_REACH_NLRI, and with nothing but a withdrawal.
 */
import { describe, expect, it } from 'vitest';
import type { Agreement } from '../../../sdk/bgp/wire/index.js';
import { fromHex, toHex } from '../../support/bytes.js';
import {
  AS_PATH,
  AS_PATH_TWO_OCTET,
  attribute,
  EXTERNAL,
  INTERNAL,
  LOCAL_PREF,
  linesOf,
  MP_REACH,
  MP_UNREACH,
  NEXT_HOP,
  ORIGIN,
  rawUpdate,
  TWO_OCTET,
} from './raw-update.js';

interface Row {
  readonly peer: Agreement;
  readonly fault: string;
  readonly attribute: string;
  readonly leadsTo: string;
}

/** The rows of one attribute: fault, attribute, what it leads to. */
function rows(peer: Agreement, name: string, ...faults: readonly (readonly [string, string, string])[]): Row[] {
  return faults.map(([fault, bytes, leadsTo]) => ({ peer, fault: `${name} ${fault}`, attribute: bytes, leadsTo }));
}

const bytes = (count: number) => '01'.repeat(count);
/** One descriptor of RFC 5543 has 36 bytes. */
const DESCRIPTOR = bytes(36);

const ROWS: readonly Row[] = [
  ...rows(
    EXTERNAL,
    'ORIGIN',
    ['optional', attribute('c0', 1, '00'), 'withdraw 3/4'],
    ['non-transitive', attribute('00', 1, '00'), 'withdraw 3/4'],
    ['partial', attribute('60', 1, '00'), 'fine'],
    ['with an extended length', attribute('50', 1, '00'), 'fine'],
    ['with unused flags', attribute('4f', 1, '00'), 'fine'],
    ['of 0 bytes', attribute('40', 1, ''), 'withdraw 3/5'],
    ['of 2 bytes', attribute('40', 1, '0000'), 'withdraw 3/5'],
    ['IGP', attribute('40', 1, '00'), 'fine'],
    ['incomplete', attribute('40', 1, '02'), 'fine'],
    ['3', attribute('40', 1, '03'), 'withdraw 3/6'],
    ['255', attribute('40', 1, 'ff'), 'withdraw 3/6'],
  ),
  ...rows(
    EXTERNAL,
    'AS_PATH',
    ['optional', attribute('c0', 2, '0201 0000fde9'), 'withdraw 3/4'],
    ['non-transitive', attribute('00', 2, '0201 0000fde9'), 'withdraw 3/4'],
    ['of 0 bytes', attribute('40', 2, ''), 'fine'],
    ['of 1 byte', attribute('40', 2, '02'), 'withdraw 3/11'],
    ['with a segment of type 0', attribute('40', 2, '0001 0000fde9'), 'withdraw 3/11'],
    ['with a set', attribute('40', 2, '0101 0000fde9'), 'fine'],
    ['with a confederation sequence', attribute('40', 2, '0301 0000fde9'), 'withdraw 3/11'],
    ['with a confederation set', attribute('40', 2, '0401 0000fde9'), 'withdraw 3/11'],
    ['with a segment of type 5', attribute('40', 2, '0501 0000fde9'), 'withdraw 3/11'],
    ['with a segment of no AS', attribute('40', 2, '0200'), 'withdraw 3/11'],
    ['with a segment that is cut', attribute('40', 2, '0202 0000fde9 0000fd'), 'withdraw 3/11'],
    ['with half a segment header behind', attribute('40', 2, '0201 0000fde9 02'), 'withdraw 3/11'],
    ['with AS 0', attribute('40', 2, '0202 0000fde9 00000000'), 'withdraw 3/11'],
    ['with AS 4294967295', attribute('40', 2, '0201 ffffffff'), 'fine'],
  ),
  ...rows(
    INTERNAL,
    'AS_PATH of an internal peer',
    ['with a confederation sequence', attribute('40', 2, '0301 0000fde9'), 'fine'],
    ['with a confederation set', attribute('40', 2, '0401 0000fde9'), 'fine'],
  ),
  ...rows(
    TWO_OCTET,
    'AS_PATH in two octets',
    ['of one AS', attribute('40', 2, '0201 fde9'), 'fine'],
    ['in four octets', attribute('40', 2, '0201 0000fde9'), 'withdraw 3/11'],
    ['with AS 0', attribute('40', 2, '0201 0000'), 'withdraw 3/11'],
  ),
  ...rows(
    EXTERNAL,
    'NEXT_HOP',
    ['optional', attribute('c0', 3, 'c0000201'), 'withdraw 3/4'],
    ['non-transitive', attribute('00', 3, 'c0000201'), 'withdraw 3/4'],
    ['of 0 bytes', attribute('40', 3, ''), 'withdraw 3/5'],
    ['of 3 bytes', attribute('40', 3, 'c00002'), 'withdraw 3/5'],
    ['of 5 bytes', attribute('40', 3, 'c000020100'), 'withdraw 3/5'],
    ['of 16 bytes', attribute('40', 3, bytes(16)), 'withdraw 3/5'],
  ),
  ...rows(
    EXTERNAL,
    'MULTI_EXIT_DISC',
    ['well-known', attribute('40', 4, bytes(4)), 'withdraw 3/4'],
    ['transitive', attribute('c0', 4, bytes(4)), 'withdraw 3/4'],
    ['of 0 bytes', attribute('80', 4, ''), 'withdraw 3/5'],
    ['of 3 bytes', attribute('80', 4, bytes(3)), 'withdraw 3/5'],
    ['of 4 bytes', attribute('80', 4, bytes(4)), 'fine'],
    ['of 5 bytes', attribute('80', 4, bytes(5)), 'withdraw 3/5'],
  ),
  ...rows(
    INTERNAL,
    'LOCAL_PREF of an internal peer',
    ['optional', attribute('c0', 5, bytes(4)), 'withdraw 3/4'],
    ['non-transitive', attribute('00', 5, bytes(4)), 'withdraw 3/4'],
    ['of 0 bytes', attribute('40', 5, ''), 'withdraw 3/5'],
    ['of 3 bytes', attribute('40', 5, bytes(3)), 'withdraw 3/5'],
    ['of 4 bytes', attribute('40', 5, bytes(4)), 'fine'],
    ['of 5 bytes', attribute('40', 5, bytes(5)), 'withdraw 3/5'],
  ),
  ...rows(
    EXTERNAL,
    'LOCAL_PREF of an external peer',
    ['sound', attribute('40', 5, bytes(4)), 'discard'],
    ['with wrong flags', attribute('c0', 5, bytes(4)), 'discard'],
    ['of 3 bytes', attribute('40', 5, bytes(3)), 'discard'],
  ),
  ...rows(
    EXTERNAL,
    'ATOMIC_AGGREGATE',
    ['optional', attribute('c0', 6, ''), 'withdraw 3/4'],
    ['non-transitive', attribute('00', 6, ''), 'withdraw 3/4'],
    ['of 0 bytes', attribute('40', 6, ''), 'fine'],
    ['of 1 byte', attribute('40', 6, '00'), 'discard'],
  ),
  ...rows(
    EXTERNAL,
    'AGGREGATOR',
    ['well-known', attribute('40', 7, bytes(8)), 'withdraw 3/4'],
    ['non-transitive', attribute('80', 7, bytes(8)), 'withdraw 3/4'],
    ['of 0 bytes', attribute('c0', 7, ''), 'discard'],
    ['of 6 bytes', attribute('c0', 7, bytes(6)), 'discard'],
    ['of 8 bytes', attribute('c0', 7, bytes(8)), 'fine'],
    ['of AS 0', attribute('c0', 7, '00000000 c0000201'), 'discard'],
  ),
  ...rows(
    TWO_OCTET,
    'AGGREGATOR in two octets',
    ['of 6 bytes', attribute('c0', 7, bytes(6)), 'fine'],
    ['of 8 bytes', attribute('c0', 7, bytes(8)), 'discard'],
    ['of AS 0', attribute('c0', 7, '0000 c0000201'), 'discard'],
  ),
  ...rows(
    EXTERNAL,
    'COMMUNITIES',
    ['well-known', attribute('40', 8, bytes(4)), 'withdraw 3/4'],
    ['non-transitive', attribute('80', 8, bytes(4)), 'withdraw 3/4'],
    ['of 0 bytes', attribute('c0', 8, ''), 'withdraw 3/5'],
    ['of 3 bytes', attribute('c0', 8, bytes(3)), 'withdraw 3/5'],
    ['of 5 bytes', attribute('c0', 8, bytes(5)), 'withdraw 3/5'],
    ['of 8 bytes', attribute('c0', 8, bytes(8)), 'fine'],
  ),
  ...rows(
    INTERNAL,
    'ORIGINATOR_ID of an internal peer',
    ['well-known', attribute('40', 9, bytes(4)), 'withdraw 3/4'],
    ['transitive', attribute('c0', 9, bytes(4)), 'withdraw 3/4'],
    ['of 0 bytes', attribute('80', 9, ''), 'withdraw 3/5'],
    ['of 3 bytes', attribute('80', 9, bytes(3)), 'withdraw 3/5'],
    ['of 4 bytes', attribute('80', 9, bytes(4)), 'fine'],
    ['of 5 bytes', attribute('80', 9, bytes(5)), 'withdraw 3/5'],
  ),
  ...rows(
    INTERNAL,
    'CLUSTER_LIST of an internal peer',
    ['well-known', attribute('40', 10, bytes(4)), 'withdraw 3/4'],
    ['of 0 bytes', attribute('80', 10, ''), 'withdraw 3/5'],
    ['of 3 bytes', attribute('80', 10, bytes(3)), 'withdraw 3/5'],
    ['of 8 bytes', attribute('80', 10, bytes(8)), 'fine'],
  ),
  ...rows(
    EXTERNAL,
    'route reflection of an external peer:',
    ['ORIGINATOR_ID', attribute('80', 9, bytes(4)), 'discard'],
    ['ORIGINATOR_ID of 3 bytes', attribute('80', 9, bytes(3)), 'discard'],
    ['CLUSTER_LIST', attribute('80', 10, bytes(4)), 'discard'],
    ['CLUSTER_LIST of 3 bytes', attribute('80', 10, bytes(3)), 'discard'],
  ),
  ...rows(
    EXTERNAL,
    'EXTENDED_COMMUNITIES',
    ['well-known', attribute('40', 16, bytes(8)), 'withdraw 3/4'],
    ['of 0 bytes', attribute('c0', 16, ''), 'withdraw 3/5'],
    ['of 7 bytes', attribute('c0', 16, bytes(7)), 'withdraw 3/5'],
    ['of 8 bytes and no known type', attribute('c0', 16, 'ff'.repeat(8)), 'fine'],
    ['of 12 bytes', attribute('c0', 16, bytes(12)), 'withdraw 3/5'],
  ),
  ...rows(
    TWO_OCTET,
    'AS4_PATH',
    ['well-known', attribute('40', 17, '0201 0000fde9'), 'withdraw 3/4'],
    ['non-transitive', attribute('80', 17, '0201 0000fde9'), 'withdraw 3/4'],
    ['of 0 bytes', attribute('c0', 17, ''), 'discard'],
    ['of 4 bytes', attribute('c0', 17, '0201 0000'), 'discard'],
    ['of 7 bytes', attribute('c0', 17, '0201 0000fde9 00'), 'discard'],
    ['of one AS', attribute('c0', 17, '0201 0000fde9'), 'fine'],
    ['with a segment of type 5', attribute('c0', 17, '0501 0000fde9'), 'discard'],
    ['with a segment of no AS', attribute('c0', 17, '0200 0201 0000fde9'), 'discard'],
    ['with a segment that is cut', attribute('c0', 17, '0202 0000fde9'), 'discard'],
    ['with AS 0', attribute('c0', 17, '0201 00000000'), 'discard'],
    ['with a confederation alone', attribute('c0', 17, '0301 0000fde9'), 'fine'],
  ),
  ...rows(
    TWO_OCTET,
    'AS4_AGGREGATOR',
    ['well-known', attribute('40', 18, bytes(8)), 'withdraw 3/4'],
    ['of 0 bytes', attribute('c0', 18, ''), 'discard'],
    ['of 6 bytes', attribute('c0', 18, bytes(6)), 'discard'],
    ['of 8 bytes', attribute('c0', 18, bytes(8)), 'fine'],
    ['of AS 0', attribute('c0', 18, '00000000 c0000201'), 'discard'],
  ),
  ...rows(
    EXTERNAL,
    'of a peer with four octets:',
    ['AS4_PATH', attribute('c0', 17, '0201 0000fde9'), 'discard'],
    ['AS4_PATH of 1 byte', attribute('c0', 17, '02'), 'discard'],
    ['AS4_AGGREGATOR', attribute('c0', 18, bytes(8)), 'discard'],
  ),
  ...rows(
    EXTERNAL,
    'TRAFFIC_ENGINEERING',
    ['transitive', attribute('c0', 24, DESCRIPTOR), 'withdraw 3/4'],
    ['of 0 bytes', attribute('80', 24, ''), 'withdraw 3/5'],
    ['of 35 bytes', attribute('80', 24, bytes(35)), 'withdraw 3/5'],
    ['of 36 bytes', attribute('80', 24, DESCRIPTOR), 'fine'],
  ),
  ...rows(
    EXTERNAL,
    'IPV6_EXTENDED_COMMUNITIES',
    ['non-transitive', attribute('80', 25, bytes(20)), 'withdraw 3/4'],
    ['of 0 bytes', attribute('c0', 25, ''), 'withdraw 3/5'],
    ['of 19 bytes', attribute('c0', 25, bytes(19)), 'withdraw 3/5'],
    ['of 20 bytes', attribute('c0', 25, bytes(20)), 'fine'],
  ),
  ...rows(
    EXTERNAL,
    'LARGE_COMMUNITY',
    ['well-known', attribute('40', 32, bytes(12)), 'withdraw 3/4'],
    ['non-transitive', attribute('80', 32, bytes(12)), 'withdraw 3/4'],
    ['of 0 bytes', attribute('c0', 32, ''), 'withdraw 3/5'],
    ['of 11 bytes', attribute('c0', 32, bytes(11)), 'withdraw 3/5'],
    ['of 12 bytes', attribute('c0', 32, bytes(12)), 'fine'],
    ['of 13 bytes', attribute('c0', 32, bytes(13)), 'withdraw 3/5'],
  ),
  ...rows(
    EXTERNAL,
    'ATTR_SET',
    ['well-known', attribute('40', 128, bytes(4)), 'withdraw 3/4'],
    ['of 0 bytes', attribute('c0', 128, ''), 'withdraw 3/5'],
    ['of 3 bytes', attribute('c0', 128, bytes(3)), 'withdraw 3/5'],
    ['of an AS alone', attribute('c0', 128, '0000fde9'), 'fine'],
    ['with sound attributes', attribute('c0', 128, `0000fde9 ${ORIGIN} ${AS_PATH} ${LOCAL_PREF}`), 'fine'],
    ['that ends inside an attribute', attribute('c0', 128, '0000fde9 40 01 02 00'), 'withdraw 3/9'],
    ['with MP_REACH_NLRI', attribute('c0', 128, `0000fde9 ${MP_REACH}`), 'withdraw 3/9'],
    ['with MP_UNREACH_NLRI', attribute('c0', 128, `0000fde9 ${MP_UNREACH}`), 'withdraw 3/9'],
    ['with a bad ORIGIN', attribute('c0', 128, '0000fde9 40 01 01 03'), 'withdraw 3/9'],
    ['with a bad AGGREGATOR, which alone is discarded', attribute('c0', 128, '0000fde9 c0 07 01 00'), 'fine'],
    ['with an unknown attribute', attribute('c0', 128, '0000fde9 c0 ff 00'), 'fine'],
    ['in an ATTR_SET', attribute('c0', 128, `0000fde9 ${attribute('c0', 128, '0000fde9')}`), 'fine'],
    ['in an ATTR_SET, bad', attribute('c0', 128, `0000fde9 ${attribute('c0', 128, '00')}`), 'withdraw 3/9'],
  ),
  ...rows(
    EXTERNAL,
    'an unknown attribute',
    ['optional transitive', attribute('c0', 99, '00'), 'fine'],
    ['optional non-transitive', attribute('80', 99, ''), 'fine'],
    ['well-known', attribute('40', 99, '00'), 'reset 3/2'],
    ['well-known, non-transitive', attribute('00', 255, ''), 'reset 3/2'],
    ['with an extended length', attribute('50', 11, bytes(300)), 'reset 3/2'],
  ),
];

/** RFC 4271 section 6.3 gives these no data; all other NOTIFICATIONs about an attribute carry it. */
const WITHOUT_DATA = ['3/11'];

/** The sound attributes of a peer, with the row's in the place of the one of its type or behind the others. */
function attributesWith({ peer, attribute: bad }: Row, routes: readonly string[]): string[] {
  const asPath = peer.fourOctetAs ? AS_PATH : AS_PATH_TWO_OCTET;
  const sound = [...routes, ORIGIN, asPath, ...(peer.isExternal ? [] : [LOCAL_PREF])];
  const typeOf = (text: string) => fromHex(text)[1];
  return [...sound.filter((text) => typeOf(text) !== typeOf(bad)), bad];
}

/** What a row leads to as far as the lines of a message say it: the words for people are left to other tests. */
function outcome(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.replace(/^(announce \S+).*/, '$1').replace(/^([a-z-]+):.*/, '$1'));
}

function expectedLines(row: Row, prefix: string): readonly string[] {
  const [word, notification] = row.leadsTo.split(' ') as [string, string | undefined];
  const data = WITHOUT_DATA.includes(notification!) ? '' : ` ${toHex(fromHex(row.attribute))}`;
  const announced = prefix !== '';
  switch (word) {
    case 'fine':
      return announced ? [`announce ${prefix}`] : ['withdraw 203.0.113.0/24'];
    case 'discard':
      return [announced ? `announce ${prefix}` : 'withdraw 203.0.113.0/24', 'attribute-discard'];
    case 'withdraw':
      return announced ? [`withdraw ${prefix}`, 'treat-as-withdraw'] : [`reset ${notification}${data}`];
    default:
      return [`reset ${notification}${data}`];
  }
}

describe.each(ROWS)('$fault: $leadsTo', (row) => {
  it('with a route in NLRI', () => {
    const body = rawUpdate({ attributes: attributesWith(row, [NEXT_HOP]), nlri: '18 c63364' });
    expect(outcome(linesOf(body, row.peer))).toEqual(expectedLines(row, '198.51.100.0/24'));
  });

  it('with a route in MP_REACH_NLRI', () => {
    const body = rawUpdate({ attributes: attributesWith(row, [MP_REACH]) });
    expect(outcome(linesOf(body, row.peer))).toEqual(expectedLines(row, '2001:db8:1::/48'));
  });

  it('with nothing but a withdrawal', () => {
    const body = rawUpdate({ withdrawn: '18 cb0071', attributes: attributesWith(row, []) });
    expect(outcome(linesOf(body, row.peer))).toEqual(expectedLines(row, ''));
  });
});
