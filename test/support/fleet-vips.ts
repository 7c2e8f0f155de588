/** VIPs of both families with all kinds of attributes: as a MUX is given them, and as a router should see them. */
import type { Route } from '../../sdk/bgp/options.js';
import { hex, type ModelFamily } from '../model/bgp-message.js';
import { pathText } from '../model/bgp-update.js';
import type { Random } from './random.js';

/** A VIP as a MUX announces it, and as a router sees it. */
export interface Vip {
  readonly family: ModelFamily;
  readonly route: Route;
  /** `c0000201/32`. */
  readonly key: string;
  /** Its path with a given next hop. */
  readonly path: (nextHop: string) => string;
}

interface VipPrefix {
  readonly text: string;
  readonly key: string;
  readonly family: ModelFamily;
}

/** How many different prefixes there are, and with how many sets of attributes each. */
const PREFIX_COUNT = 60;
const VARIANT_COUNT = 4;
const COMMUNITIES: readonly (readonly [text: string, number: string])[] = [
  ['65000:1', String(65000 * 65536 + 1)],
  ['65000:65535', String(65000 * 65536 + 65535)],
  ['no-export', String(0xffffff01)],
  ['graceful-shutdown', String(0xffff0000)],
];

/** Everything the MUXes of a fleet may want. */
export function randomVips(random: Random): readonly Vip[] {
  const prefixes = Array.from({ length: PREFIX_COUNT }, (_, i) => vipPrefix(i));
  return prefixes.flatMap((prefix) => Array.from({ length: VARIANT_COUNT }, () => randomVip(prefix, random)));
}

function randomVip({ text, key, family }: VipPrefix, random: Random): Vip {
  const med = random.oneIn(2) ? undefined : random.pick([0, 1, 4294967295]);
  const chosen = COMMUNITIES.filter(() => random.oneIn(4));
  const largeCommunities = random.oneIn(4) ? ['4200000000:1:2'] : [];
  const route: Route = {
    prefix: text,
    ...(med !== undefined && { med }),
    communities: chosen.map(([communityText]) => communityText),
    largeCommunities,
  };
  const communities = chosen.map(([, number]) => number);
  return { family, route, key, path: (nextHop) => pathText({ nextHop, med, communities, largeCommunities }) };
}

function vipPrefix(index: number): VipPrefix {
  if (index % 2 === 0)
    return { text: `203.0.113.${index}/32`, key: `${ipv4Hex(`203.0.113.${index}`)}/32`, family: 'ipv4' };
  const address = `2001:db8:f::${index}`;
  return { text: `${address}/128`, key: `${ipv6Hex(address)}/128`, family: 'ipv6' };
}

export function withoutNextHop(path: string): string {
  return path.slice(path.indexOf(' '));
}

export function ipv4Hex(address: string): string {
  return hex(address.split('.').map(Number));
}

/** Of an address with one `::` and groups of four digits at most. */
export function ipv6Hex(address: string): string {
  const [front, back] = address.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array(8 - front!.length - back!.length).fill('0');
  return [...front!, ...zeros, ...back!].map((group) => group.padStart(4, '0')).join('');
}
