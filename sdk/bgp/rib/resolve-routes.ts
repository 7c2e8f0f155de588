/** Routes as they are asked for: read, checked as one, and in the one spelling that equal routes share. */
import { canonicalIp } from '../../net/address.js';
import { formatPrefix, type Prefix, parsePrefix } from '../../net/prefix.js';
import type { Route } from '../options.js';
import { ProblemList } from '../problem-list.js';
import { formatCommunity, formatLargeCommunity, parseCommunity, parseLargeCommunity } from '../wire/communities.js';
import type { Family } from '../wire/messages.js';

/** What routers are told about a route, the next hop aside. Equal policies of one set are one object. */
export interface RoutePolicy {
  /** The same text for the same policy, in any set. */
  readonly text: string;
  readonly med: number | undefined;
  /** Sorted, each once. */
  readonly communities: readonly string[];
  /** Sorted, each once. */
  readonly largeCommunities: readonly string[];
}

/** A route whoever it is announced to. */
export interface WantedRoute {
  /** Canonical. */
  readonly prefixText: string;
  readonly prefix: Prefix;
  readonly family: Family;
  /** Canonical; absent where each session has its own. */
  readonly nextHop: string | undefined;
  readonly policy: RoutePolicy;
}

/** With 255 of each the attributes take 4,080 bytes of the 4,096 of a message; this leaves room for prefixes. */
const COMMUNITY_COUNT_MAX = 255;
const LARGE_COMMUNITY_COUNT_MAX = 128;
const MED_MAX = 0xffff_ffff;

/**
 * Reads the routes of a set. A route that is in it twice counts once.
 *
 * @returns the routes in their order
 * @throws EdgemuxError `ERR_ROUTES_INVALID` with every problem: `routes[3].nextHop: expected …`; a prefix that is there
 *   twice with different attributes is one
 */
export function resolveRoutes(routes: Iterable<Route>): readonly WantedRoute[] {
  const problems = new ProblemList();
  const reader = new PolicyReader(problems);
  const byPrefix = new Map<string, { readonly route: WantedRoute; readonly path: string }>();
  let index = 0;
  for (const route of routes) {
    const path = `routes[${index}]`;
    index += 1;
    const read = readRoute(route, path, reader, problems);
    if (read === undefined) continue;
    const before = byPrefix.get(read.prefixText);
    if (before === undefined) byPrefix.set(read.prefixText, { route: read, path });
    else if (before.route.policy.text !== read.policy.text || before.route.nextHop !== read.nextHop) {
      problems.add(`${path}.prefix`, `the attributes of ${before.path}, which has the same prefix`, route);
    }
  }
  problems.throwIfAny('ERR_ROUTES_INVALID', 'the routes to announce are invalid');
  return Array.from(byPrefix.values(), ({ route }) => route);
}

function readRoute(route: Route, path: string, policies: PolicyReader, problems: ProblemList): WantedRoute | undefined {
  const prefix = readPrefix(route?.prefix);
  if (prefix === undefined) {
    problems.add(`${path}.prefix`, 'an IP prefix', route?.prefix);
    return undefined;
  }
  return {
    prefixText: formatPrefix(prefix),
    prefix,
    family: prefix.family === 4 ? 'ipv4' : 'ipv6',
    nextHop: readNextHop(route.nextHop, prefix, `${path}.nextHop`, problems),
    policy: policies.read(route, path),
  };
}

function readPrefix(text: unknown): Prefix | undefined {
  try {
    return typeof text === 'string' ? parsePrefix(text) : undefined;
  } catch {
    return undefined;
  }
}

// An IPv4 prefix may have an IPv6 next hop (RFC 8950); whether a peer takes that is for its session to say.
function readNextHop(text: string | undefined, { family }: Prefix, path: string, problems: ProblemList) {
  if (text === undefined) return undefined;
  return problems.checkAddress(path, text, family === 6 ? 6 : undefined) ? canonicalIp(text) : undefined;
}

/** Reads policies, each distinct one once: ten thousand routes mostly have the same. */
class PolicyReader {
  readonly #problems: ProblemList;
  readonly #byText = new Map<string, RoutePolicy>();
  #plain: RoutePolicy | undefined;

  constructor(problems: ProblemList) {
    this.#problems = problems;
  }

  read({ med, communities, largeCommunities }: Route, path: string): RoutePolicy {
    if (med === undefined && communities === undefined && largeCommunities === undefined) {
      this.#plain ??= this.#shared(undefined, [], []);
      return this.#plain;
    }
    if (med !== undefined) this.#problems.checkInteger(`${path}.med`, med, 0, MED_MAX);
    return this.#shared(med, this.#communities(communities, path), this.#largeCommunities(largeCommunities, path));
  }

  #communities(texts: unknown, path: string): readonly string[] {
    const at = `${path}.communities`;
    const expected = 'a community, 65000:100';
    const values = this.#list(at, texts, COMMUNITY_COUNT_MAX).map((text, i) =>
      this.#parsed(`${at}[${i}]`, text, expected, parseCommunity),
    );
    const known = values.filter((value) => value !== undefined);
    return [...new Set(known)].sort((a, b) => a - b).map(formatCommunity);
  }

  #largeCommunities(texts: unknown, path: string): readonly string[] {
    const at = `${path}.largeCommunities`;
    const expected = 'a large community, 4200000000:1:2';
    const values = this.#list(at, texts, LARGE_COMMUNITY_COUNT_MAX).map((text, i) =>
      this.#parsed(`${at}[${i}]`, text, expected, (it) => formatLargeCommunity(parseLargeCommunity(it))),
    );
    return [...new Set(values.filter((value) => value !== undefined))].sort();
  }

  #list(path: string, value: unknown, countMax: number): readonly unknown[] {
    if (value === undefined) return [];
    if (Array.isArray(value) && value.length <= countMax) return value;
    const got = Array.isArray(value) ? value.length : value;
    this.#problems.add(path, `an array of at most ${countMax}`, got);
    return [];
  }

  #parsed<T>(path: string, text: unknown, expected: string, parse: (text: string) => T): T | undefined {
    try {
      if (typeof text === 'string') return parse(text);
    } catch {
      // Said below.
    }
    this.#problems.add(path, expected, text);
    return undefined;
  }

  #shared(med: number | undefined, communities: readonly string[], largeCommunities: readonly string[]): RoutePolicy {
    const text = `${med ?? '-'} ${communities.join(',')} ${largeCommunities.join(',')}`;
    let policy = this.#byText.get(text);
    if (policy === undefined) {
      policy = { text, med, communities, largeCommunities };
      this.#byText.set(text, policy);
    }
    return policy;
  }
}
