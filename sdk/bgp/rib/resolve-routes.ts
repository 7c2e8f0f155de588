/** Routes as they are asked for: read, checked as one, and in the one spelling that equal routes share. */
import { canonicalIp } from '../../net/address.js';
import { formatPrefix, type Prefix, parsePrefix } from '../../net/prefix.js';
import type { Route } from '../options.js';
import { ProblemList } from '../problem-list.js';
import type { Family } from '../wire/messages.js';
import { PolicyReader, type RoutePolicy } from './route-policy.js';

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

/**
 * Reads the routes of a set. A route that is in it twice counts once.
 *
 * @param before an earlier set: prefixes that were in it are not read again
 * @returns the routes in their order
 * @throws EdgemuxError `ERR_ROUTES_INVALID` with every problem: `routes[3].nextHop: expected …`; a prefix that is there
 *   twice with different attributes is one
 * @example
 * ```ts
 * resolveRoutes([{ prefix: '203.0.113.7/32', communities: ['65000:100'] }]);
 * ```
 */
export function resolveRoutes(routes: Iterable<Route>, before: readonly WantedRoute[] = []): readonly WantedRoute[] {
  const problems = new ProblemList();
  const policies = new PolicyReader(problems);
  const known = new Map(before.map((route) => [route.prefixText, route]));
  const byPrefix = new Map<string, WantedRoute>();
  let index = 0;
  for (const route of routes) {
    const path = `routes[${index}]`;
    index += 1;
    const prefix = known.get(route?.prefix) ?? readPrefix(route?.prefix);
    if (prefix === undefined) {
      problems.add(`${path}.prefix`, 'an IP prefix', route?.prefix);
      continue;
    }
    const nextHop = readNextHop(route.nextHop, prefix.family, `${path}.nextHop`, problems);
    const { prefixText, family } = prefix;
    const read = { prefixText, prefix: prefix.prefix, family, nextHop, policy: policies.read(route, path) };
    const first = byPrefix.get(prefixText);
    if (first === undefined) byPrefix.set(prefixText, read);
    else if (first.policy.text !== read.policy.text || first.nextHop !== read.nextHop) {
      problems.add(path, `the attributes that ${prefixText} has before`, route);
    }
  }
  problems.throwIfAny('ERR_ROUTES_INVALID', 'the routes to announce are invalid');
  return [...byPrefix.values()];
}

function readPrefix(text: unknown): Pick<WantedRoute, 'prefixText' | 'prefix' | 'family'> | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    const prefix = parsePrefix(text);
    return { prefixText: formatPrefix(prefix), prefix, family: prefix.family === 4 ? 'ipv4' : 'ipv6' };
  } catch {
    return undefined;
  }
}

// An IPv4 prefix may have an IPv6 next hop (RFC 8950); whether a peer takes that is for its session to say.
function readNextHop(text: string | undefined, family: Family, path: string, problems: ProblemList) {
  if (text === undefined) return undefined;
  return problems.checkAddress(path, text, family === 'ipv6' ? 6 : undefined) ? canonicalIp(text) : undefined;
}
