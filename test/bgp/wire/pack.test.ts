/** UPDATE messages as they are packed: how many, how long, which fields, and read again. */
import { describe, expect, it } from 'vitest';
import {
  type Agreement,
  type Announcement,
  decodeMessage,
  decodeUpdate,
  encodeEndOfRib,
  encodeUpdates,
  type Family,
  MessageError,
  type PathAttributes,
  type RouteChange,
  type UpdateMessage,
} from '../../../sdk/bgp/wire/index.js';
import { EdgemuxError } from '../../../sdk/errors.js';
import { formatIp } from '../../../sdk/net/address.js';
import { formatPrefix, type Prefix, parsePrefix } from '../../../sdk/net/prefix.js';
import { toHex } from '../../support/bytes.js';
import { Random } from '../../support/random.js';
import { EXTENDED_NEXT_HOP, EXTERNAL, INTERNAL, TWO_OCTET } from './raw-update.js';

const PLAIN: PathAttributes = { origin: 'igp', asPath: [65001], communities: [], largeCommunities: [] };
const TOP = 'ffffffffffffffffffffffffffffffff';

function hosts(family: Family, count: number): Prefix[] {
  return Array.from({ length: count }, (_, i) =>
    parsePrefix(family === 'ipv4' ? `10.0.${i >> 8}.${i & 255}/32` : `2001:db8::${(i + 1).toString(16)}/128`),
  );
}

function change(family: Family, count: number, nextHop?: string, attributes = PLAIN): RouteChange {
  return { family, prefixes: hosts(family, count), ...(nextHop && { path: { nextHop, attributes } }) };
}

function updatesOf(what: RouteChange, agreement: Agreement): UpdateMessage[] {
  return [...encodeUpdates(what, agreement)].map((bytes) => {
    expect(bytes.length).toBeLessThanOrEqual(4096);
    return decodeMessage(bytes, agreement) as UpdateMessage;
  });
}

function codeOf(what: RouteChange, agreement: Agreement): string {
  try {
    return `${[...encodeUpdates(what, agreement)].length} messages`;
  } catch (error) {
    if (!(error instanceof EdgemuxError)) throw error;
    return error.code;
  }
}

describe('10,000 prefixes', () => {
  // ORIGIN 4, AS_PATH 9 and NEXT_HOP 7 bytes leave 4053 of 4073 for 810 × 5 bytes; MP_REACH_NLRI leaves 237 × 17.
  it.each<[string, number, RouteChange, Agreement]>([
    ['IPv4 announced', 13, change('ipv4', 10_000, '192.0.2.1'), EXTERNAL],
    ['IPv4 announced with an IPv6 next hop', 13, change('ipv4', 10_000, '2001:db8::1'), EXTENDED_NEXT_HOP],
    ['IPv4 withdrawn', 13, change('ipv4', 10_000), EXTERNAL],
    ['IPv4 withdrawn where RFC 8950 was agreed on', 13, change('ipv4', 10_000), EXTENDED_NEXT_HOP],
    ['IPv6 announced', 43, change('ipv6', 10_000, '2001:db8::1'), EXTERNAL],
    ['IPv6 withdrawn', 42, change('ipv6', 10_000), EXTERNAL],
  ])('%s are %i messages', (_name, count, what, agreement) => {
    const updates = updatesOf(what, agreement);
    expect(updates).toHaveLength(count);
    const prefixes = updates.flatMap(({ withdrawn, announced }) => [
      ...withdrawn,
      ...announced.flatMap((announcement) => announcement.prefixes),
    ]);
    expect(prefixes).toEqual(what.prefixes);
  });

  it('fill every message but the last to less than a prefix', () => {
    const lengths = [...encodeUpdates(change('ipv4', 10_000, '192.0.2.1'), EXTERNAL)].map(({ length }) => length);
    expect(Math.min(...lengths.slice(0, -1))).toBeGreaterThan(4096 - 5);
  });
});

describe('a message', () => {
  const body = (what: RouteChange, agreement: Agreement) =>
    [...encodeUpdates(what, agreement)].map((bytes) => toHex(bytes.subarray(19))).join(' + ');
  const IPV6_NEXT_HOP = `20010db8${'00'.repeat(11)}01`;
  const IPV6_PREFIX = `8020010db8${'00'.repeat(11)}01`;

  it.each<[string, RouteChange, Agreement, string]>([
    ['no prefixes', change('ipv4', 0, '192.0.2.1'), EXTERNAL, ''],
    ['no prefixes withdrawn', change('ipv6', 0), EXTERNAL, ''],
    ['IPv4 withdrawn', change('ipv4', 1), EXTERNAL, '0005 200a000000 0000'],
    ['IPv6 withdrawn', change('ipv6', 1), EXTERNAL, `0000 0017 800f14 000201 ${IPV6_PREFIX}`],
    [
      'IPv4 announced',
      change('ipv4', 1, '192.0.2.1'),
      EXTERNAL,
      '0000 0014 40010100 400206 0201 0000fde9 400304 c0000201 200a000000',
    ],
    [
      'IPv6 announced, MP_REACH_NLRI first',
      change('ipv6', 1, '2001:db8::1'),
      EXTERNAL,
      `0000 0036 800e26 000201 10 ${IPV6_NEXT_HOP} 00 ${IPV6_PREFIX} 40010100 400206 0201 0000fde9`,
    ],
    [
      'IPv4 announced with an IPv6 next hop',
      change('ipv4', 1, '2001:db8::1'),
      EXTENDED_NEXT_HOP,
      `0000 002a 800e1a 000101 10 ${IPV6_NEXT_HOP} 00 200a000000 40010100 400206 0201 0000fde9`,
    ],
    [
      'every attribute, to an internal peer',
      change('ipv4', 1, '192.0.2.1', {
        origin: 'incomplete',
        asPath: [],
        med: 5,
        localPref: 100,
        communities: ['no-export', '65000:1', 'no-export'],
        largeCommunities: ['1:2:3', '1:2:3'],
      }),
      INTERNAL,
      `0000 0036 40010102 400200 400304 c0000201 800404 00000005 400504 00000064
       c00808 ffffff01 fde80001 c0200c 00000001 00000002 00000003 200a000000`,
    ],
    [
      'LOCAL_PREF, to an external peer: left out',
      change('ipv4', 1, '192.0.2.1', { ...PLAIN, localPref: 100 }),
      EXTERNAL,
      '0000 0014 40010100 400206 0201 0000fde9 400304 c0000201 200a000000',
    ],
    [
      'a small AS, to a two-octet peer',
      change('ipv4', 1, '192.0.2.1'),
      TWO_OCTET,
      '0000 0012 40010100 400204 0201 fde9 400304 c0000201 200a000000',
    ],
    [
      'a large AS, to a two-octet peer',
      change('ipv4', 1, '192.0.2.1', { ...PLAIN, asPath: [70000, 65001] }),
      TWO_OCTET,
      '0000 0021 40010100 400206 0202 5ba0 fde9 400304 c0000201 c0110a 0202 00011170 0000fde9 200a000000',
    ],
  ])('%s', (_name, what, agreement, expected) => {
    expect(body(what, agreement)).toBe(expected.replaceAll(/\s+/g, ''));
  });

  it('of End-of-RIB', () => {
    expect(toHex(encodeEndOfRib('ipv4'))).toBe(`${TOP}00170200000000`);
    expect(toHex(encodeEndOfRib('ipv6'))).toBe(`${TOP}001d0200000006800f03000201`);
    for (const family of ['ipv4', 'ipv6'] as const) {
      const read = { kind: 'update', withdrawn: [], announced: [], endOfRib: family, faults: [] };
      expect(decodeMessage(encodeEndOfRib(family), EXTERNAL)).toEqual(read);
    }
  });

  it('of a path of 600 has segments of 255', () => {
    const asPath = Array.from({ length: 600 }, (_, i) => i + 1);
    const [update] = updatesOf(change('ipv4', 1, '192.0.2.1', { ...PLAIN, asPath }), EXTERNAL);
    expect(update!.announced[0]!.attributes.asPath).toEqual(asPath);
  });
});

describe('what cannot be told', () => {
  const withCommunities = (count: number): PathAttributes => ({
    ...PLAIN,
    communities: Array.from({ length: count }, (_, i) => `1:${i}`),
  });
  // 4073 − 20 − 4 bytes are 1012 communities and 1 byte; a prefix of 32 bits needs 5.
  it.each<[string, RouteChange, Agreement, string]>([
    ['an IPv4 next hop of IPv6', change('ipv6', 1, '192.0.2.1'), EXTENDED_NEXT_HOP, 'ERR_ROUTES_INVALID'],
    ['an IPv6 next hop of IPv4, not agreed on', change('ipv4', 1, '2001:db8::1'), EXTERNAL, 'ERR_ROUTES_INVALID'],
    ['1011 communities', change('ipv4', 3, '192.0.2.1', withCommunities(1011)), EXTERNAL, '3 messages'],
    ['1012 communities', change('ipv4', 3, '192.0.2.1', withCommunities(1012)), EXTERNAL, 'ERR_ROUTES_INVALID'],
    ['2000 communities', change('ipv4', 3, '192.0.2.1', withCommunities(2000)), EXTERNAL, 'ERR_ROUTES_INVALID'],
    [
      'a community that is none',
      change('ipv4', 1, '192.0.2.1', { ...PLAIN, communities: ['1'] }),
      EXTERNAL,
      'ERR_ROUTES_INVALID',
    ],
  ])('%s', (_name, what, agreement, expected) => {
    expect(codeOf(what, agreement)).toBe(expected);
  });
});

function randomPrefix(random: Random, family: Family): Prefix {
  const length = random.below(family === 'ipv4' ? 33 : 129);
  return parsePrefix(`${formatIp(random.bytes(family === 'ipv4' ? 4 : 16))}/${length}`);
}

function randomAgreement(random: Random): Agreement {
  return {
    fourOctetAs: random.oneIn(2),
    isExternal: random.oneIn(2),
    families: new Set(['ipv4', 'ipv6']),
    extendedNextHop: new Set(random.oneIn(2) ? ['ipv4' as const] : []),
  };
}

/** Attributes in the one form that reading gives. */
function randomAttributes(random: Random, { isExternal }: Agreement): PathAttributes {
  const list = <T>(countMax: number, item: () => T) => [
    ...new Set(Array.from({ length: random.below(countMax) }, item)),
  ];
  const as = () => random.between(1, random.oneIn(2) ? 65535 : 2 ** 32 - 1);
  const community = () => `${random.below(65000)}:${random.below(65536)}`;
  return {
    origin: random.pick(['igp', 'egp', 'incomplete']),
    asPath: Array.from({ length: random.pick([0, 1, random.below(10), random.below(300)]) }, as),
    ...(!isExternal && { localPref: random.uint32() }),
    ...(random.oneIn(2) && { med: random.uint32() }),
    communities: list(random.pick([1, 5, 100]), () => (random.oneIn(5) ? 'no-export' : community())),
    largeCommunities: list(random.pick([1, 5, 50]), () =>
      [random.uint32(), random.uint32(), random.below(3)].join(':'),
    ),
  };
}

function randomChange(random: Random, agreement: Agreement): RouteChange {
  const family = random.pick(['ipv4', 'ipv6'] as const);
  const prefixes = Array.from({ length: random.pick([1, random.below(20), random.below(2000)]) }, () =>
    randomPrefix(random, family),
  );
  if (random.oneIn(3)) return { family, prefixes };
  const mayBeIpv6 = family === 'ipv6' || agreement.extendedNextHop.has('ipv4');
  const nextHop = mayBeIpv6 && (family === 'ipv6' || random.oneIn(2)) ? '2001:db8::7' : '192.0.2.7';
  return { family, prefixes, path: { nextHop, attributes: randomAttributes(random, agreement) } };
}

describe('random changes', () => {
  it('are read as they were written', () => {
    for (let seed = 1; seed <= 400; seed++) {
      const random = new Random(seed);
      const agreement = randomAgreement(random);
      const what = randomChange(random, agreement);
      const updates = updatesOf(what, agreement);
      expect(
        updates.flatMap(({ faults }) => faults),
        `seed ${seed}`,
      ).toEqual([]);
      const announced: Announcement[] = updates.flatMap((update) => [...update.announced]);
      const told =
        what.path === undefined
          ? updates.flatMap(({ withdrawn }) => withdrawn)
          : announced.flatMap(({ prefixes }) => prefixes);
      expect(told.map(formatPrefix), `seed ${seed}`).toEqual(what.prefixes.map(formatPrefix));
      for (const { family, nextHop, attributes } of announced) {
        expect({ nextHop, attributes }, `seed ${seed}`).toEqual(what.path);
        expect(family).toBe(what.family);
      }
      expect(
        updates.some(({ endOfRib }) => endOfRib !== undefined),
        `seed ${seed}`,
      ).toBe(false);
    }
  });

  it('cut off at any byte lead to a result or a MessageError', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new Random(seed);
      const agreement = randomAgreement(random);
      const [message] = encodeUpdates(randomChange(random, agreement), agreement);
      const body = message?.subarray(19) ?? new Uint8Array();
      for (let length = 0; length < body.length; length++) readOrRefuse(body.subarray(0, length), agreement);
    }
  });

  it('with any byte changed lead to a result or a MessageError', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new Random(seed);
      const agreement = randomAgreement(random);
      const [message] = encodeUpdates(randomChange(random, agreement), agreement);
      const body = message?.slice(19) ?? new Uint8Array();
      for (let at = 0; at < Math.min(body.length, 300); at++) {
        const changed = body.slice();
        changed[at] = random.below(256);
        readOrRefuse(changed, randomAgreement(random));
      }
    }
  });
});

/** Anything else that is thrown is a failure. */
function readOrRefuse(body: Uint8Array, agreement: Agreement): void {
  try {
    decodeUpdate(body, agreement);
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    expect(error.notification.code).toBe(3);
    expect(error.notification.data.length).toBeLessThanOrEqual(4075);
  }
}
