/** BGP messages as values: what decoding gives and encoding takes. RFC 4271 section 4. */
import type { Prefix } from '../../net/prefix.js';

/** The address families edgemux speaks, both unicast: AFI 1 and AFI 2 with SAFI 1. */
export type Family = 'ipv4' | 'ipv6';

/** Any BGP message. */
export type Message = OpenMessage | UpdateMessage | NotificationMessage | KeepaliveMessage | RouteRefreshMessage;

/** OPEN, RFC 4271 section 4.2. */
export interface OpenMessage {
  readonly kind: 'open';
  /** The sender's autonomous system: the one of its four-octet capability where it has that, else of My AS. */
  readonly as: number;
  /** Seconds: 0 (no timers) or 3..65535. */
  readonly holdTimeSeconds: number;
  /** BGP Identifier as dotted decimal, never 0.0.0.0. */
  readonly routerId: string;
  readonly capabilities: Capabilities;
}

/** What a speaker can do, RFC 5492; capabilities nobody here knows are read over. */
export interface Capabilities {
  /** Multiprotocol, RFC 4760. A speaker that sends none speaks IPv4 alone, and that is what decoding then gives. */
  readonly families: readonly Family[];
  /** Families whose prefixes it takes with an IPv6 next hop, RFC 8950; only `ipv4` makes sense. */
  readonly extendedNextHop: readonly Family[];
  /** RFC 2918. */
  readonly routeRefresh: boolean;
  /** RFC 7313. */
  readonly enhancedRouteRefresh: boolean;
  /** RFC 6793. */
  readonly fourOctetAs: boolean;
  /** RFC 4724, absent where it was not sent. */
  readonly gracefulRestart?: GracefulRestart;
}

/** The graceful restart capability, RFC 4724 section 3. */
export interface GracefulRestart {
  /** The R bit: the sender has just restarted. */
  readonly isRestarting: boolean;
  /** Seconds the receiver keeps routes after the session is lost, 0..4095. */
  readonly restartTimeSeconds: number;
  readonly families: readonly { readonly family: Family; readonly isForwardingPreserved: boolean }[];
}

/** UPDATE, RFC 4271 section 4.3, after RFC 7606 has been applied. */
export interface UpdateMessage {
  readonly kind: 'update';
  /** Prefixes that are no longer reachable: withdrawn ones, and announced ones whose attributes are at fault. */
  readonly withdrawn: readonly Prefix[];
  readonly announced: readonly Announcement[];
  /** End-of-RIB of a family, RFC 4724 section 2. */
  readonly endOfRib?: Family;
  /** What was wrong and has been dealt with, worst first; empty for a sound message. */
  readonly faults: readonly UpdateFault[];
}

/** Prefixes that are reachable through one next hop. */
export interface Announcement {
  readonly family: Family;
  /** Canonical address; of the other family with RFC 8950. */
  readonly nextHop: string;
  readonly prefixes: readonly Prefix[];
  readonly attributes: PathAttributes;
}

/** Path attributes that say something to a speaker that forwards no routes. */
export interface PathAttributes {
  readonly origin: 'igp' | 'egp' | 'incomplete';
  /** The autonomous systems of AS_PATH, or of AS4_PATH merged into it (RFC 6793), sets in the order they came. */
  readonly asPath: readonly number[];
  readonly localPref?: number;
  readonly med?: number;
  /** RFC 1997, `65000:100`, or the name of a well-known one, `no-export`. */
  readonly communities: readonly string[];
  /** RFC 8092, `4200000000:1:2`. */
  readonly largeCommunities: readonly string[];
}

/** One fault of an UPDATE that did not end the session, and what became of it; RFC 7606 section 2. */
export interface UpdateFault {
  readonly disposition: 'treat-as-withdraw' | 'attribute-discard';
  /** For people: `ORIGIN has 2 bytes, not 1`. */
  readonly text: string;
}

/** NOTIFICATION, RFC 4271 section 4.5. */
export interface NotificationMessage {
  readonly kind: 'notification';
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

/** KEEPALIVE, RFC 4271 section 4.4. */
export interface KeepaliveMessage {
  readonly kind: 'keepalive';
}

/** ROUTE-REFRESH, RFC 2918; with the demarcation of RFC 7313. */
export interface RouteRefreshMessage {
  readonly kind: 'route-refresh';
  /** `undefined` for a family edgemux does not speak; such a request is ignored. */
  readonly family: Family | undefined;
  /**
   * `unknown` for an octet nobody has defined: where RFC 7313 is agreed such a message is to be ignored, where it is not
   * the octet is reserved and every message is a request (RFC 2918 section 3).
   */
  readonly subtype: 'request' | 'begin' | 'end' | 'unknown';
}

/** What has been agreed with a peer and decides how its messages are read and written. */
export interface Agreement {
  /** AS numbers in AS_PATH have four octets, RFC 6793. */
  readonly fourOctetAs: boolean;
  /** The peer is in another autonomous system. */
  readonly isExternal: boolean;
  readonly families: ReadonlySet<Family>;
  /** Families whose prefixes may have an IPv6 next hop, RFC 8950. */
  readonly extendedNextHop: ReadonlySet<Family>;
}

/** The routes of one set of attributes and one next hop, or (without those) what is withdrawn: input of encoding. */
export interface RouteChange {
  readonly family: Family;
  readonly prefixes: readonly Prefix[];
  /** Absent: the prefixes are withdrawn. */
  readonly path?: { readonly nextHop: string; readonly attributes: PathAttributes };
}
