/**
 * Random BGP messages that are right, as trees: every message type, every attribute and capability that has an RFC which
 * edgemux reads, and some it does not know. Written from the RFCs, apart from sdk/bgp/wire.
 */
import type { Random } from '../../support/random.js';
import { bytesLeaf, type Field, type Group, group, leaf, u16, u32 } from './field.js';

/** RFC 4271 section 4.1: 16 octets of ones, the length of all, the type. */
const MARKER = new Uint8Array(16).fill(0xff);

/** RFC 6793 section 9. */
const AS_TRANS = 23_456;

export type MessageName = 'open' | 'update' | 'notification' | 'keepalive' | 'route-refresh';
const TYPES: Readonly<Record<MessageName, number>> = {
  open: 1,
  update: 2,
  notification: 3,
  keepalive: 4,
  'route-refresh': 5,
};

/** A message of a kind; AS numbers in AS_PATH have two or four octets. */
export function randomMessage(name: MessageName, random: Random, asOctets: 2 | 4): Group {
  const body: Readonly<Record<MessageName, () => Field[]>> = {
    open: () => openBody(random),
    update: () => updateBody(random, asOctets),
    notification: () => notificationBody(random),
    keepalive: () => [],
    'route-refresh': () => [u16('afi', random.between(1, 2)), leaf('subtype', random.below(3)), leaf('safi', 1)],
  };
  // The length stands between the marker and the rest, and counts them all.
  return group(name, 0, [
    bytesLeaf('marker', MARKER),
    group('message', 2, [leaf('type', TYPES[name]), ...body[name]()], 18),
  ]);
}

function openBody(random: Random): Field[] {
  const as = random.pick([1, 64_512, 65_535, 65_536, 4_200_000_000]);
  const capabilities = some(random, 8, () => capability(random, as));
  const parameters = random.oneIn(2)
    ? [group('parameter', 0, [leaf('parameter type', 2), group('capabilities', 1, capabilities)])]
    : capabilities.map((one) => group('parameter', 0, [leaf('parameter type', 2), group('capabilities', 1, [one])]));
  return [
    leaf('version', 4),
    u16('my as', as > 65_535 ? AS_TRANS : as),
    u16('hold time', random.pick([0, 3, 9, 90, 65_535])),
    bytesLeaf('bgp identifier', Uint8Array.of(10, ...random.bytes(3))),
    group('optional parameters', 1, parameters),
  ];
}

function capability(random: Random, as: number): Field {
  const [code, value] = random.pick<readonly [number, () => Field[]]>([
    [1, () => [u16('afi', random.between(1, 2)), leaf('reserved', 0), leaf('safi', random.pick([1, 1, 2, 128]))]],
    [2, () => []],
    [5, () => some(random, 3, () => group('next hop', 0, [u16('afi', 1), u16('safi', 1), u16('next hop afi', 2)]))],
    [6, () => []],
    [9, () => [leaf('role', 3)]],
    [
      64,
      () => [
        u16('flags and time', random.below(65_536)),
        ...some(random, 3, () =>
          group('family', 0, [u16('afi', random.between(1, 2)), leaf('safi', 1), leaf('flags', 0x80)]),
        ),
      ],
    ],
    [65, () => [u32('as', as)]],
    [69, () => [u16('afi', 1), leaf('safi', 1), leaf('send receive', 3)]],
    [70, () => []],
    [71, () => [u16('afi', 1), leaf('safi', 1), leaf('flags', 0), leaf('time', 0, 0, 60)]],
    [73, () => [group('host name', 1, [leaf('name', 114, 49)]), group('domain', 1, [])]],
    [random.between(74, 255), () => [bytesLeaf('value', random.bytes(random.below(12)))]],
  ]);
  return group('capability', 0, [leaf('capability code', code), group('capability value', 1, value())]);
}

function notificationBody(random: Random): Field[] {
  if (random.oneIn(3)) {
    const text = new TextEncoder().encode(random.pick(['maintenance', 'wartung bis 18 Uhr, größer', '']));
    return [leaf('code', 6), leaf('subcode', random.pick([2, 4])), group('text', 1, [bytesLeaf('text', text)])];
  }
  return [
    leaf('code', random.below(10)),
    leaf('subcode', random.below(12)),
    bytesLeaf('data', random.bytes(random.below(30))),
  ];
}

function updateBody(random: Random, asOctets: 2 | 4): Field[] {
  const classic = random.oneIn(2);
  const attributes = [
    attribute(0x40, 1, [leaf('origin', random.below(3))]),
    attribute(
      0x40,
      2,
      some(random, 3, () => segment(random, asOctets)),
    ),
    ...(classic ? [attribute(0x40, 3, [ipv4(random, 'next hop')])] : []),
    ...(classic && !random.oneIn(4) ? [] : [reach(random)]),
    ...(random.oneIn(3) ? [unreach(random)] : []),
    ...some(random, 6, () => otherAttribute(random, asOctets)),
  ];
  const isEmpty = random.oneIn(12);
  return [
    group('withdrawn routes', 2, random.oneIn(3) ? some(random, 20, () => prefix(random, 4)) : []),
    group('path attributes', 2, isEmpty ? [] : attributes),
    group('nlri', 0, classic && !isEmpty ? some(random, 30, () => prefix(random, 4)) : []),
  ];
}

function attribute(flags: number, type: number, value: readonly Field[]): Group {
  const content = group('value', 1, value);
  const byteCount = value.reduce((sum, field) => sum + sizeOf(field), 0);
  const isExtended = byteCount > 255;
  if (isExtended) content.lengthOctets = 2;
  return group(`attribute ${type}`, 0, [leaf('flags', isExtended ? flags | 0x10 : flags), leaf('type', type), content]);
}

function sizeOf(field: Field): number {
  if ('bytes' in field) return field.bytes.length;
  return field.lengthOctets + field.fields.reduce((sum, inner) => sum + sizeOf(inner), 0);
}

function segment(random: Random, asOctets: 2 | 4): Field {
  const numbers = Array.from({ length: random.between(1, 5) }, () => as(random, asOctets));
  // The count is of AS numbers and not of octets: a leaf, for the mutations to change.
  return group('segment', 0, [
    leaf('segment type', random.pick([1, 2, 2, 2])),
    leaf('as count', numbers.length),
    ...numbers,
  ]);
}

function as(random: Random, octets: 2 | 4): Field {
  return octets === 2 ? u16('as', random.between(1, 65_535)) : u32('as', random.between(1, 4_294_967_295));
}

function reach(random: Random): Group {
  const afi = random.between(1, 2);
  const nextHopIpv6 = afi === 2 || random.oneIn(2);
  const nextHop = nextHopIpv6
    ? random.oneIn(3)
      ? [ipv6(random), ipv6(random)]
      : [ipv6(random)]
    : [ipv4(random, 'next hop')];
  return attribute(0x80, 14, [
    u16('afi', afi),
    leaf('safi', random.pick([1, 1, 1, 2, 128])),
    group('next hop', 1, nextHop),
    leaf('reserved', 0),
    ...some(random, 20, () => prefix(random, afi === 1 ? 4 : 16)),
  ]);
}

function unreach(random: Random): Group {
  const afi = random.between(1, 2);
  return attribute(0x80, 15, [
    u16('afi', afi),
    leaf('safi', random.pick([1, 1, 1, 2])),
    ...some(random, 20, () => prefix(random, afi === 1 ? 4 : 16)),
  ]);
}

function otherAttribute(random: Random, asOctets: 2 | 4): Group {
  const words = (name: string, octets: number) =>
    Array.from({ length: random.between(1, 80) }, () => bytesLeaf(name, random.bytes(octets)));
  return random.pick<() => Group>([
    () => attribute(0x80, 4, [u32('med', random.uint32())]),
    () => attribute(0x40, 5, [u32('local pref', random.uint32())]),
    () => attribute(0x40, 6, []),
    () => attribute(0xc0, 7, [as(random, asOctets), ipv4(random, 'aggregator')]),
    () => attribute(0xc0, 8, words('community', 4)),
    () => attribute(0x80, 9, [ipv4(random, 'originator')]),
    () => attribute(0x80, 10, words('cluster', 4)),
    () => attribute(0xc0, 16, words('extended community', 8)),
    () =>
      attribute(
        0xc0,
        17,
        some(random, 3, () => segment(random, 4)),
      ),
    () => attribute(0xc0, 18, [u32('as', random.uint32()), ipv4(random, 'aggregator')]),
    () => attribute(0xc0, 22, [bytesLeaf('pmsi tunnel', random.bytes(9))]),
    () => attribute(0xc0, 23, [u16('tunnel type', 8), group('tunnel', 2, [bytesLeaf('sub-tlv', random.bytes(6))])]),
    () => attribute(0xc0, 25, words('ipv6 extended community', 20)),
    () => attribute(0x80, 26, [leaf('tlv type', 1), group('aigp', 2, [bytesLeaf('metric', random.bytes(8))], 3)]),
    () => attribute(0xc0, 32, words('large community', 12)),
    () => attribute(0xc0, 35, [u32('only to customer', random.uint32())]),
    () => attribute(0xc0, 128, [u32('origin as', random.uint32())]),
    () =>
      attribute(random.pick([0x80, 0xc0]), random.between(41, 127), [
        bytesLeaf('unknown', random.bytes(random.below(300))),
      ]),
  ])();
}

function prefix(random: Random, byteCountMax: 4 | 16): Field {
  const length = random.pick([
    0,
    1,
    7,
    8,
    9,
    24,
    byteCountMax * 8 - 1,
    byteCountMax * 8,
    byteCountMax * 8,
    random.below(byteCountMax * 8 + 1),
  ]);
  return group('prefix', 0, [
    leaf('prefix length', length),
    bytesLeaf('prefix bits', random.bytes(Math.ceil(length / 8))),
  ]);
}

function ipv4(random: Random, name: string): Field {
  return bytesLeaf(name, Uint8Array.of(10, ...random.bytes(3)));
}

function ipv6(random: Random): Field {
  return bytesLeaf('next hop', Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, ...random.bytes(12)));
}

function some<T>(random: Random, countMax: number, make: () => T): T[] {
  return Array.from({ length: random.below(countMax + 1) }, make);
}
