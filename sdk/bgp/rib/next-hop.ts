/** The next hop of a route on one session. */
import { parseIp } from '../../net/address.js';
import { unroutablePrefixOf } from '../../net/unicast.js';
import type { Agreement, Family } from '../wire/messages.js';

/** What a session knows of both its ends. */
export interface SessionEnds {
  /** Our end, canonical. */
  readonly localAddress: string;
  /** The peer's end, canonical. */
  readonly remoteAddress: string;
  /** The speaker's addresses, for a family our end is not of. */
  readonly addresses: { readonly ipv4?: string; readonly ipv6?: string };
  readonly agreement: Agreement;
}

/** A next hop, or why there is none: a sentence without its full stop. */
export type NextHop = { readonly address: string } | { readonly why: string };

/**
 * Chooses the next hop of a route that has none of its own: our end of the session where it is of the family, or the
 * peer takes its family for those prefixes (RFC 8950); else the speaker's address of the family.
 */
export function sessionNextHop(family: Family, ends: SessionEnds): NextHop {
  const { localAddress, addresses, agreement } = ends;
  const own = addresses[family];
  if (!agreement.families.has(family)) return { why: `the peer does not take ${NAME[family]} routes` };
  // A link-local address says nothing to the routers behind the peer (RFC 2545 section 2).
  const isOfUse = unroutablePrefixOf(localAddress) === undefined && takes(family, localAddress, agreement);
  if (isOfUse) return { address: localAddress };
  if (own === undefined) return { why: `the speaker has no ${NAME[family]} address to give as next hop` };
  return checked(own, ends);
}

/** The next hop of a route that has one. */
export function ownNextHop(family: Family, nextHop: string, ends: SessionEnds): NextHop {
  if (!ends.agreement.families.has(family)) return { why: `the peer does not take ${NAME[family]} routes` };
  if (!takes(family, nextHop, ends.agreement)) {
    return { why: `its next hop is ${nextHop}, and the peer takes none of IPv6 for IPv4 routes (RFC 8950)` };
  }
  return checked(nextHop, ends);
}

const NAME = { ipv4: 'IPv4', ipv6: 'IPv6' } as const;

function takes(family: Family, nextHop: string, { extendedNextHop }: Agreement): boolean {
  const isOfFamily = (parseIp(nextHop).family === 4) === (family === 'ipv4');
  return isOfFamily || (family === 'ipv4' && extendedNextHop.has('ipv4'));
}

// RFC 4271 section 5.1.3: a speaker must not send a peer's own address to it as a next hop.
function checked(address: string, { remoteAddress }: SessionEnds): NextHop {
  return address === remoteAddress ? { why: `its next hop ${address} is the peer itself` } : { address };
}
