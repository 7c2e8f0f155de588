/** What a speaker is told: its routes and its peers. */

/** A route to announce: a VIP. */
export interface Route {
  /** `203.0.113.7/32`, `2001:db8::7/128`; host bits are cleared. */
  readonly prefix: string;
  /** By default the local address of each session, or the speaker's address of the route's family. */
  readonly nextHop?: string;
  /** MULTI_EXIT_DISC, 0..4294967295; by default none is sent, and a router takes that for 0. */
  readonly med?: number;
  /** RFC 1997: `65000:100`, or `no-export`, `no-advertise`, `no-export-subconfed`, `blackhole`, `graceful-shutdown`. */
  readonly communities?: readonly string[];
  /** RFC 8092: `4200000000:1:2`. */
  readonly largeCommunities?: readonly string[];
}

/** A router to announce routes to. */
export interface PeerOptions {
  /** For people; the address by default. */
  readonly name?: string;
  /** Its address; no two peers have the same. */
  readonly address: string;
  /** Default 179. */
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
  /** TCP MD5 signature key, RFC 2385. */
  readonly md5Key?: string;
  /** GTSM, RFC 5082: hops to the peer, 1..254. */
  readonly ttlSecurityHops?: number;
  /** Bidirectional forwarding detection, RFC 5880; default none. Needs `localAddress`: the peer watches that address. */
  readonly bfd?: BfdTimers;
}

/** How fast BFD finds out: the peer is down after `multiplier` × the slower of both sides' intervals. */
export interface BfdTimers {
  /** Desired and required interval between packets, 10..30000; default 100. */
  readonly intervalMs?: number;
  /** Packets that may be lost, 1..255; default 3. */
  readonly multiplier?: number;
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
  /** Next hops for routes of a family that a session's own address is not of. */
  readonly addresses: { readonly ipv4?: string; readonly ipv6?: string };
  /** Port to listen on, 0..65535; default 179. */
  readonly port?: number;
  /** Whether to accept connections; default true. */
  readonly listens?: boolean;
  readonly peers: readonly PeerOptions[];
  /** Advertised only when given: routers that know it keep the routes of a MUX that died, for that long. */
  readonly gracefulRestart?: GracefulRestartOptions;
}
