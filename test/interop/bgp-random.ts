/** Random BGP messages with what a reader must see in them, worked out from the drawn values and the RFCs alone. */
import {
  type Agreement,
  encodeNotification,
  encodeOpen,
  encodeUpdates,
  type Family,
  type GracefulRestart,
} from '../../sdk/bgp/wire/index.js';
import { formatIp } from '../../sdk/net/address.js';
import { parsePrefix } from '../../sdk/net/prefix.js';
import { toHex } from '../support/bytes.js';
import type { Random } from '../support/random.js';
import { type AttributeName, type BgpSeen, updateSeen } from './bgp-fields.js';

/** A message and what Wireshark is to see in it, its length aside. */
export interface Written {
  readonly bytes: Uint8Array;
  readonly seen: BgpSeen;
}

const BOTH = ['ipv4', 'ipv6'] as const;
const AFI = { ipv4: 1, ipv6: 2 } as const;
const AS_TRANS = 23456;

/** Any OPEN edgemux can send. */
export function randomOpen(random: Random): Written {
  const fourOctetAs = random.oneIn(2);
  const as = asNumber(random, fourOctetAs ? 4 : 2);
  const families = random.pick<readonly Family[]>([['ipv4'], ['ipv6'], BOTH]);
  const extendedNextHop: readonly Family[] = random.oneIn(2) ? ['ipv4'] : [];
  const [routeRefresh, enhancedRouteRefresh] = [random.oneIn(2), random.oneIn(2)];
  const restart = random.oneIn(2) ? randomRestart(random) : undefined;
  const holdTimeSeconds = random.pick([0, 3, 65535, random.between(3, 65535)]);
  const routerId = formatIp(Uint8Array.of(random.between(1, 255), ...random.bytes(3)));
  const others = [
    ...(routeRefresh ? [2] : []),
    ...(extendedNextHop.length > 0 ? [5] : []),
    ...(restart ? [64] : []),
    ...(fourOctetAs ? [65] : []),
    ...(enhancedRouteRefresh ? [70] : []),
  ];
  const isPlain = families.length === 1 && families[0] === 'ipv4' && others.length === 0;
  const offered = isPlain ? [] : families;
  return {
    bytes: encodeOpen({
      kind: 'open',
      as,
      holdTimeSeconds,
      routerId,
      capabilities: {
        ...{ families, extendedNextHop, routeRefresh, enhancedRouteRefresh, fourOctetAs },
        ...(restart && { gracefulRestart: restart }),
      },
    }),
    seen: without({
      type: '1',
      version: '4',
      myAs: String(as > 65535 ? AS_TRANS : as),
      holdTime: String(holdTimeSeconds),
      identifier: routerId,
      parameters: isPlain ? '' : '2',
      capabilities: [...offered.map(() => 1), ...others].join(','),
      families: offered.map((family) => AFI[family]).join(','),
      familySafis: offered.map(() => 1).join(','),
      nextHopOf: extendedNextHop.map(() => 1).join(','),
      nextHopOfSafi: extendedNextHop.map(() => 1).join(','),
      nextHopIn: extendedNextHop.map(() => 2).join(','),
      fourOctetAs: fourOctetAs ? String(as) : '',
      ...(restart && restartSeen(restart)),
    }),
  };
}

/** A NOTIFICATION of any known code, with data that is no text. */
export function randomNotification(random: Random): Written {
  const code = random.between(3, 5);
  const subcode = random.between(1, 3);
  const data = random.bytes(random.pick([0, 1, random.below(60), 4075]));
  return {
    bytes: encodeNotification({ kind: 'notification', code, subcode, data }),
    seen: without({ type: '3', code: String(code), subcode: String(subcode), data: toHex(data) }),
  };
}

/** An UPDATE for a peer with AS numbers of so many octets; never more than one message. */
export function randomUpdate(random: Random, octets: 2 | 4): Written {
  const family = random.pick(BOTH);
  const isExtended = random.oneIn(2);
  const agreement: Agreement = {
    fourOctetAs: octets === 4,
    isExternal: random.oneIn(2),
    families: new Set(BOTH),
    extendedNextHop: new Set(isExtended ? ['ipv4' as const] : []),
  };
  const prefixes = randomPrefixes(random, family);
  const told = prefixes.join(',');
  if (random.oneIn(4)) {
    const isPlain = family === 'ipv4' && !isExtended;
    const unreach = { unreachAfi: String(AFI[family]), unreach: told };
    return {
      bytes: only(encodeUpdates({ family, prefixes: prefixes.map(parsePrefix) }, agreement)),
      seen: isPlain
        ? { type: '2', withdrawn: told }
        : updateSeen(['MP_UNREACH_NLRI'], unreach, prefixBytes(prefixes) + 3 > 255 ? ['MP_UNREACH_NLRI'] : []),
    };
  }
  const isMultiprotocol = family === 'ipv6' || (isExtended && random.oneIn(2));
  const nextHop = formatIp(isMultiprotocol ? Uint8Array.of(0x20, ...random.bytes(15)) : unicast4(random));
  const path = randomPath(random, agreement, octets);
  const reach = isMultiprotocol && {
    reachAfi: String(AFI[family]),
    reachNextHop: nextHop,
    reach: told,
  };
  const names = path.names.filter((name) => name !== (isMultiprotocol ? 'NEXT_HOP' : 'MP_REACH_NLRI'));
  const long = prefixBytes(prefixes) + 21 > 255 ? [...path.long, 'MP_REACH_NLRI' as const] : path.long;
  return {
    bytes: only(
      encodeUpdates(
        { family, prefixes: prefixes.map(parsePrefix), path: { nextHop, attributes: path.attributes } },
        agreement,
      ),
    ),
    seen: updateSeen(names, without({ ...path.seen, ...(reach || { nextHop, nlri: told }) }), long),
  };
}

/** Attributes, the names of them all in their order, and what is to be seen of their values. */
function randomPath(random: Random, { isExternal }: Agreement, octets: 2 | 4) {
  const origin = random.below(3);
  const asPath = list(random, random.pick([1, 10, 255]), () => asNumber(random, 4));
  const med = random.oneIn(2) ? random.uint32() : undefined;
  const localPref = random.oneIn(2) ? random.uint32() : undefined;
  // AS 0 and 65535 are reserved, which Wireshark shows as one number: those are rows of the table.
  const communities = [...new Set(list(random, 80, () => `${random.between(1, 65534)}:${random.below(65536)}`))];
  const largeCommunities = list(random, 30, () => [0, 0, 0].map(() => random.uint32()).join(':'));
  const isLarge = asPath.some((as) => as > 65535);
  const hasAs4Path = octets === 2 && isLarge;
  const hasLocalPref = localPref !== undefined && !isExternal;
  const names: readonly (readonly [AttributeName, boolean, byteCount?: number])[] = [
    ['MP_REACH_NLRI', true],
    ['ORIGIN', true],
    ['AS_PATH', true, 2 + octets * asPath.length],
    ['NEXT_HOP', true],
    ['MULTI_EXIT_DISC', med !== undefined],
    ['LOCAL_PREF', hasLocalPref],
    ['COMMUNITIES', communities.length > 0, 4 * communities.length],
    ['AS4_PATH', hasAs4Path, 2 + 4 * asPath.length],
    ['LARGE_COMMUNITY', largeCommunities.length > 0, 12 * largeCommunities.length],
  ];
  const segment = asPath.length === 0 ? [] : hasAs4Path ? [asPath, asPath] : [asPath];
  return {
    attributes: {
      origin: (['igp', 'egp', 'incomplete'] as const)[origin]!,
      ...{ asPath, communities, largeCommunities },
      ...(med !== undefined && { med }),
      ...(localPref !== undefined && { localPref }),
    },
    names: names.filter(([, isThere]) => isThere).map(([name]) => name),
    long: names.filter(([, , byteCount = 0]) => byteCount > 255).map(([name]) => name),
    seen: {
      origin: String(origin),
      segments: segment.map(() => 2).join(','),
      segmentLengths: segment.map(({ length }) => length).join(','),
      as2: octets === 2 ? asPath.map((as) => (as > 65535 ? AS_TRANS : as)).join(',') : '',
      as4: octets === 4 || hasAs4Path ? asPath.join(',') : '',
      med: med === undefined ? '' : String(med),
      localPref: hasLocalPref ? String(localPref) : '',
      communities: communities.join(','),
      largeCommunities: largeCommunities.join(','),
    },
  };
}

function randomRestart(random: Random): GracefulRestart {
  return {
    isRestarting: random.oneIn(2),
    restartTimeSeconds: random.below(4096),
    families: random
      .pick<readonly Family[]>([['ipv4'], ['ipv6'], BOTH])
      .map((family) => ({ family, isForwardingPreserved: random.oneIn(2) })),
  };
}

/** What is to be seen of a graceful restart capability. */
export function restartSeen({ isRestarting, restartTimeSeconds, families }: GracefulRestart): BgpSeen {
  return {
    isRestarting: isRestarting ? '1' : '0',
    hasNotificationBit: '0',
    restartTime: String(restartTimeSeconds),
    restartFamilies: families.map(({ family }) => AFI[family]).join(','),
    restartSafis: families.map(() => 1).join(','),
    forwarding: families.map(({ isForwardingPreserved }) => (isForwardingPreserved ? '0x80' : '0x00')).join(','),
  };
}

/** 1..30 prefixes, or the default route alone: beside others Wireshark takes it for the path id of ADD-PATH. */
function randomPrefixes(random: Random, family: Family): string[] {
  if (random.oneIn(20)) return [family === 'ipv4' ? '0.0.0.0/0' : '::/0'];
  const bits = family === 'ipv4' ? 32 : 128;
  return Array.from({ length: random.between(1, 30) }, () => {
    const length = random.oneIn(2) ? bits : random.between(1, bits);
    const address = random
      .bytes(bits / 8)
      .map((byte, at) => byte & (0xff00 >> Math.min(8, Math.max(0, length - 8 * at))));
    return `${formatIp(address)}/${length}`;
  });
}

function prefixBytes(prefixes: readonly string[]): number {
  return prefixes.reduce((sum, prefix) => sum + 1 + Math.ceil(Number(prefix.split('/')[1]) / 8), 0);
}

function asNumber(random: Random, octets: 2 | 4): number {
  return random.between(1, octets === 4 && random.oneIn(2) ? 2 ** 32 - 1 : 65535);
}

function unicast4(random: Random): Uint8Array {
  return Uint8Array.of(random.between(1, 126), ...random.bytes(3));
}

/** 0..countMax items. */
function list<T>(random: Random, countMax: number, item: () => T): T[] {
  return Array.from({ length: random.below(countMax + 1) }, item);
}

/** The one message of an UPDATE that fits one. */
export function only(messages: Iterable<Uint8Array>): Uint8Array {
  const [first, ...others] = messages;
  if (first === undefined || others.length > 0) throw new Error(`expected one message, got ${others.length + 1}`);
  return first;
}

/** Leaves out what is empty. */
function without(seen: BgpSeen): BgpSeen {
  return Object.fromEntries(Object.entries(seen).filter(([, value]) => value !== ''));
}
