/**
 * Ways in which an IPv6 header and its chain of extension headers are rare or wrong.
 */

import { type Lie, nearLength } from './lie.js';
import { type ExtensionPlan, ipBytesOf, type PacketPlan } from './packet-plan.js';
import type { Random } from './random.js';

const OPTIONS = ['hopByHop', 'destinationOptions', 'routing'] as const;

/** Options, or a routing header that has been routed; 8 to 40 bytes. */
export function randomExtension(random: Random): ExtensionPlan {
  return { kind: random.pick(OPTIONS), fields: { data: random.bytes(random.pick([0, 6, 6, random.below(38)])) } };
}

function chain(random: Random, count: number): ExtensionPlan[] {
  return Array.from({ length: count }, () => randomExtension(random));
}

function insert(plan: PacketPlan, random: Random, extension: ExtensionPlan): void {
  plan.extensions.splice(random.below(plan.extensions.length + 1), 0, extension);
}

function someExtension(plan: PacketPlan, random: Random): ExtensionPlan {
  if (plan.extensions.length === 0) plan.extensions = chain(random, random.between(1, 3));
  return random.pick(plan.extensions);
}

/** For an IPv6 header and what is between it and the upper protocol. */
export const ipv6Lies: readonly Lie[] = [
  { name: 'IP version', tell: (plan, random) => (plan.ip6.version = random.pick([0, 4, 5, 15])) },
  {
    name: 'IP payload length',
    tell: (plan, random) => (plan.ip6.payloadLength = nearLength(random, ipBytesOf(plan).length - 40)),
  },
  { name: 'traffic class', tell: (plan, random) => (plan.ip6.trafficClass = random.below(256)) },
  { name: 'flow label', tell: (plan, random) => (plan.ip6.flowLabel = random.below(0x100000)) },
  { name: 'hop limit 0', tell: (plan) => (plan.ip6.hopLimit = 0) },
  {
    name: 'source that no host has',
    tell: (plan, random) =>
      (plan.source = random.pick([
        ...['::', '::1', 'ff02::1', 'ff0e::80', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
        // The neighbours of those, and the destination itself.
        ...['::2', '0:0:0:1::1', 'feff::1', 'fe80::1', plan.destination],
      ])),
  },
  { name: 'extension headers', tell: (plan, random) => (plan.extensions = chain(random, random.between(1, 4))) },
  {
    name: 'as many extension headers as there may be, or one more',
    tell: (plan, random) => (plan.extensions = chain(random, random.pick([7, 8, 8, 9, 9, 12]))),
  },
  {
    name: 'extension header that says another length',
    tell: (plan, random) =>
      Object.assign(someExtension(plan, random).fields, { length: random.pick([0, 1, 2, random.below(256), 255]) }),
  },
  {
    name: 'extension header that announces another one',
    tell: (plan, random) =>
      Object.assign(someExtension(plan, random).fields, {
        nextHeader: random.pick([0, 6, 17, 43, 44, 58, 59, 60, random.below(256)]),
      }),
  },
  {
    name: 'extension headers that end too early',
    tell(plan, random) {
      plan.extensions = chain(random, random.between(1, 8));
      plan.ip6.payloadLength = random.below(Math.max(1, ipBytesOf(plan).length - 40));
    },
  },
  {
    name: 'routing header with segments left',
    tell: (plan, random) =>
      insert(plan, random, {
        kind: 'routing',
        fields: { segmentsLeft: random.pick([1, 255]), data: random.bytes(20) },
      }),
  },
  {
    name: 'atomic fragment',
    tell: (plan, random) => insert(plan, random, { kind: 'fragment', fields: { id: random.uint32() } }),
  },
  {
    name: 'two fragment headers',
    tell(plan, random) {
      const more = random.oneIn(2);
      insert(plan, random, { kind: 'fragment', fields: { id: random.uint32() } });
      insert(plan, random, { kind: 'fragment', fields: { id: random.uint32(), more } });
    },
  },
  {
    name: 'more fragments',
    tell: (plan, random) => insert(plan, random, { kind: 'fragment', fields: { more: true, id: random.below(8) } }),
  },
  {
    name: 'fragment offset',
    tell: (plan, random) =>
      insert(plan, random, {
        kind: 'fragment',
        fields: { offset: random.between(1, 0x1fff), more: random.oneIn(2), id: random.below(8) },
      }),
  },
];
