/** What the routes of a speaker become on one session: next hops and attributes, or a reason why not. */
import { canonicalIp } from '../../net/address.js';
import type { Prefix } from '../../net/prefix.js';
import type { Family, PathAttributes } from '../wire/messages.js';
import { type NextHop, ownNextHop, type SessionEnds, sessionNextHop } from './next-hop.js';
import type { WantedRoute } from './resolve-routes.js';
import type { RoutePolicy } from './route-policy.js';

/** Next hop and attributes; routes of one session that share both share the object. */
export interface RoutePath {
  /** The same text for the same next hop and attributes. */
  readonly text: string;
  readonly nextHop: string;
  readonly attributes: PathAttributes;
}

/** A route as one peer is to see it. */
export interface ResolvedRoute {
  /** Canonical. */
  readonly prefixText: string;
  readonly prefix: Prefix;
  readonly family: Family;
  readonly path: RoutePath;
}

/** A route one peer is not told of. */
export interface UnannouncedRoute {
  readonly prefix: string;
  /** `the peer does not take IPv6 routes`. */
  readonly why: string;
}

/** What is announced on a session, and what cannot be. */
export interface SessionRoutes {
  readonly routes: readonly ResolvedRoute[];
  readonly unannounced: readonly UnannouncedRoute[];
}

/** RFC 4271 leaves the number open; 100 is what routers assume. */
const LOCAL_PREF = 100;

/**
 * Works out what a peer is told: ORIGIN IGP, an AS_PATH of our own AS to another AS or an empty one within it, LOCAL_PREF
 * within it alone, and what the routes say themselves.
 */
export function routesOnSession(wanted: readonly WantedRoute[], localAs: number, session: SessionEnds): SessionRoutes {
  const ends = { ...session, addresses: canonicalAddresses(session.addresses) };
  const paths = new PathTable(localAs, ends.agreement.isExternal);
  const byFamily = { ipv4: sessionNextHop('ipv4', ends), ipv6: sessionNextHop('ipv6', ends) };
  const routes: ResolvedRoute[] = [];
  const unannounced: UnannouncedRoute[] = [];
  for (const { prefixText, prefix, family, nextHop: own, policy } of wanted) {
    const nextHop: NextHop = own === undefined ? byFamily[family] : ownNextHop(family, own, ends);
    if ('why' in nextHop) unannounced.push({ prefix: prefixText, why: nextHop.why });
    else routes.push({ prefixText, prefix, family, path: paths.path(nextHop.address, policy) });
  }
  return { routes, unannounced };
}

class PathTable {
  readonly #localAs: number;
  readonly #isExternal: boolean;
  readonly #byPolicy = new Map<RoutePolicy, Map<string, RoutePath>>();

  constructor(localAs: number, isExternal: boolean) {
    this.#localAs = localAs;
    this.#isExternal = isExternal;
  }

  path(nextHop: string, policy: RoutePolicy): RoutePath {
    let byNextHop = this.#byPolicy.get(policy);
    if (byNextHop === undefined) {
      byNextHop = new Map();
      this.#byPolicy.set(policy, byNextHop);
    }
    let path = byNextHop.get(nextHop);
    if (path === undefined) {
      path = { text: `${nextHop} ${policy.text}`, nextHop, attributes: this.#attributes(policy) };
      byNextHop.set(nextHop, path);
    }
    return path;
  }

  #attributes({ med, communities, largeCommunities }: RoutePolicy): PathAttributes {
    return {
      origin: 'igp',
      asPath: this.#isExternal ? [this.#localAs] : [],
      ...(!this.#isExternal && { localPref: LOCAL_PREF }),
      ...(med !== undefined && { med }),
      communities,
      largeCommunities,
    };
  }
}

function canonicalAddresses({ ipv4, ipv6 }: SessionEnds['addresses']): SessionEnds['addresses'] {
  return {
    ...(ipv4 !== undefined && { ipv4: canonicalIp(ipv4) }),
    ...(ipv6 !== undefined && { ipv6: canonicalIp(ipv6) }),
  };
}
