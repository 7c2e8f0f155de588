/** What a speaker is told: its routes and its peers. All of it is plain data. */
import type { BfdTimers } from '../bfd/index.js';

export type { BfdTimers } from '../bfd/index.js';

/** A route to announce: a VIP. */
export interface Route {
  /** `203.0.113.7/32`, `2001:db8::7/128`; host bits are cleared. */
  readonly prefix: string;
  /**
   * An address of the route's family, or IPv6 for IPv4 with peers that know RFC 8950. By default our end of each session,
   * or the speaker's address of the family where that end is of the other one.
   */
  readonly nextHop?: string;
  /** MULTI_EXIT_DISC, 0..4294967295, the lowest is preferred; by default none is sent, which most routers take for 0. */
  readonly med?: number;
  /**
   * RFC 1997, at most 255: `65000:100`, or `no-export`, `no-advertise`, `no-export-subconfed`, `blackhole`,
   * `graceful-shutdown`. Default none.
   */
  readonly communities?: readonly string[];
  /** RFC 8092, at most 128: `4200000000:1:2`. Default none. */
  readonly largeCommunities?: readonly string[];
}

/** A router to announce routes to. */
export interface PeerOptions {
  /** Its name for people, in events and status; default its address. */
  readonly name?: string;
  /** Its address, IPv4 or IPv6, not link-local; no two peers have the same. */
  readonly address: string;
  /** TCP port it listens on, 1..65535; default 179. */
  readonly port?: number;
  /** Its autonomous system, 1..4294967295; the speaker's own makes the session internal (IBGP). */
  readonly as: number;
  /**
   * Our end of the session; by default the kernel chooses, and the speaker listens at every address of the family instead
   * of at this one alone.
   */
  readonly localAddress?: string;
  /** Seconds without a message after which the peer is given up, 0 (never) or 3..65535; default 9. The lower of both sides counts. */
  readonly holdTimeSeconds?: number;
  /** Seconds between attempts to connect, 1..65535, shortened by up to a quarter at random (RFC 4271 section 10); default 5. */
  readonly connectRetrySeconds?: number;
  /** Only wait for the peer to connect; default false. */
  readonly isPassive?: boolean;
  /** Families to offer; default both. */
  readonly families?: readonly ('ipv4' | 'ipv6')[];
  /** TCP MD5 signature key, RFC 2385, 1..80 bytes as UTF-8; default none. Never part of events, status or errors. */
  readonly md5Key?: string;
  /** GTSM, RFC 5082: hops to the peer, 1..254, 1 for a neighbour on the link; default none, and any TTL is taken. */
  readonly ttlSecurityHops?: number;
  /** Bidirectional forwarding detection, RFC 5880; default none. Needs `localAddress`: the peer watches that address. */
  readonly bfd?: BfdTimers;
}

/** A planned restart: what RFC 4724 asks routers to wait for. */
export interface GracefulRestartOptions {
  /** Seconds routers keep forwarding to us without a session, 1..4095. */
  readonly restartTimeSeconds: number;
  /** This speaker has just been restarted: says so in its first OPEN to each peer. */
  readonly isRestarting: boolean;
}

/** A speaker: one MUX's. */
export interface SpeakerOptions {
  /** Its autonomous system, 1..4294967295. */
  readonly as: number;
  /** BGP Identifier: an IPv4 address, not 0.0.0.0. */
  readonly routerId: string;
  /** Next hops for routes of a family that our end of a session is not of; without one such routes are not announced. */
  readonly addresses: { readonly ipv4?: string; readonly ipv6?: string };
  /** TCP port to listen on, 0..65535, 0 for any that is free; default 179. */
  readonly port?: number;
  /** Whether to accept connections; default true. */
  readonly listens?: boolean;
  readonly peers: readonly PeerOptions[];
  /** Advertised only when given: routers that know it keep the routes of a MUX that died, for that long. */
  readonly gracefulRestart?: GracefulRestartOptions;
}
