/** What two speakers agree on: the OPEN we send, what is wrong with the peer's, and what follows from both. */

import type { GracefulRestartOptions, PeerOptions } from '../options.js';
import { multiprotocolCapabilities, NO_CAPABILITIES } from '../wire/capabilities.js';
import { MessageError } from '../wire/message-error.js';
import type { Agreement, Capabilities, Family, OpenMessage } from '../wire/messages.js';
import { NOTIFICATION } from '../wire/notification-kinds.js';

/** Seconds without a message after which a peer is given up, when neither side says otherwise. */
export const HOLD_TIME_SECONDS = 9;

const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

/** Who we are, to every peer. */
export interface Identity {
  readonly as: number;
  readonly routerId: string;
}

/** What both OPENs of a connection amount to. */
export interface Session {
  readonly agreement: Agreement;
  readonly ours: OpenMessage;
  readonly theirs: OpenMessage;
  /** The lower of both sides' times, 0 for none. */
  readonly holdTimeSeconds: number;
  /** Both sides mark the beginning and the end of a refresh, RFC 7313. */
  readonly isRefreshEnhanced: boolean;
  /** Both sides know graceful restart: a connection that comes while this one is up replaces it, RFC 4724 section 5. */
  readonly isReplaceable: boolean;
}

/** The families offered to a peer. */
export function familiesFor(peer: PeerOptions): readonly Family[] {
  return peer.families ?? FAMILIES;
}

/**
 * The OPEN for a peer.
 *
 * @param gracefulRestart the capability of RFC 4724, where it is to be advertised
 * @param withCapabilities false for a peer that knows no optional parameters, RFC 5492 section 3
 */
export function openFor(
  peer: PeerOptions,
  { as, routerId }: Identity,
  gracefulRestart: GracefulRestartOptions | undefined,
  withCapabilities: boolean,
): OpenMessage {
  const holdTimeSeconds = peer.holdTimeSeconds ?? HOLD_TIME_SECONDS;
  const capabilities = withCapabilities ? capabilitiesFor(peer, gracefulRestart) : NO_CAPABILITIES;
  return { kind: 'open', as, holdTimeSeconds, routerId, capabilities };
}

function capabilitiesFor(peer: PeerOptions, gracefulRestart: GracefulRestartOptions | undefined): Capabilities {
  const families = familiesFor(peer);
  const isOverIpv6 = peer.address.includes(':');
  return {
    families,
    // Over IPv4 we have no IPv6 address of our own to give as the next hop.
    extendedNextHop: isOverIpv6 ? families.filter((family) => family === 'ipv4') : [],
    routeRefresh: true,
    enhancedRouteRefresh: true,
    fourOctetAs: true,
    ...(gracefulRestart && { gracefulRestart: restartCapability(gracefulRestart, families) }),
  };
}

// The data plane forwards on while its speaker restarts; that is what makes the restart a planned one.
function restartCapability({ isRestarting, restartTimeSeconds }: GracefulRestartOptions, families: readonly Family[]) {
  return {
    isRestarting,
    restartTimeSeconds,
    families: families.map((family) => ({ family, isForwardingPreserved: isRestarting })),
  };
}

/**
 * What follows from our OPEN and the peer's.
 *
 * @throws MessageError 2/2 for another AS than the peer's; 2/3 for our own router id within an AS (RFC 6286 section
 *   2.2); 2/7 when no family is left to speak, with those we speak as data
 */
export function agree(ours: OpenMessage, theirs: OpenMessage, peer: PeerOptions): Session {
  if (theirs.as !== peer.as) {
    throw new MessageError(NOTIFICATION.OPEN.BAD_PEER_AS, `AS ${theirs.as}, not ${peer.as}`);
  }
  if (theirs.as === ours.as && theirs.routerId === ours.routerId) {
    throw new MessageError(NOTIFICATION.OPEN.BAD_BGP_IDENTIFIER, `BGP identifier ${theirs.routerId} is ours`);
  }
  const families = intersection(ours.capabilities.families, theirs.capabilities.families);
  if (families.size === 0) throw nothingInCommon(ours.capabilities.families, theirs.capabilities.families);
  const both = (capability: 'fourOctetAs' | 'enhancedRouteRefresh') =>
    ours.capabilities[capability] && theirs.capabilities[capability];
  return {
    agreement: {
      fourOctetAs: both('fourOctetAs'),
      isExternal: theirs.as !== ours.as,
      families,
      extendedNextHop: intersection(ours.capabilities.extendedNextHop, theirs.capabilities.extendedNextHop),
    },
    ours,
    theirs,
    holdTimeSeconds: Math.min(ours.holdTimeSeconds, theirs.holdTimeSeconds),
    isRefreshEnhanced: both('enhancedRouteRefresh'),
    isReplaceable: [ours, theirs].every(({ capabilities }) => (capabilities.gracefulRestart?.families.length ?? 0) > 0),
  };
}

function nothingInCommon(ours: readonly Family[], theirs: readonly Family[]): MessageError {
  const text = `no family in common: ${ours.join(', ')} here, ${theirs.join(', ') || 'none'} there`;
  return new MessageError(NOTIFICATION.OPEN.UNSUPPORTED_CAPABILITY, text, multiprotocolCapabilities(ours));
}

function intersection<T>(a: readonly T[], b: readonly T[]): ReadonlySet<T> {
  return new Set(a.filter((member) => b.includes(member)));
}
