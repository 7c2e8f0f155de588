/** A router of somebody else: what the tests tell it and ask it, whichever program it is. */
import type { MuxPlace, Topology } from './topology.js';

/** How a router treats one MUX. */
export interface Neighbor {
  readonly place: MuxPlace;
  /** Which addresses the session runs between; both families of routes pass over it either way. */
  readonly transport: 'ipv4' | 'ipv6';
  /** Only waits for the MUX to connect. */
  readonly isPassive?: boolean;
  readonly md5Key?: string;
  /** GTSM for a neighbour on the link, RFC 5082. */
  readonly hasTtlSecurity?: boolean;
  /** BFD, 3 × 100 ms. */
  readonly hasBfd?: boolean;
}

/** A session as the router sees it. */
export interface RouterSession {
  readonly isUp: boolean;
  /** The router's own word for its state. */
  readonly state: string;
  /** Routes received and accepted. */
  readonly routeCounts: { readonly ipv4: number; readonly ipv6: number };
}

/** A router in the namespace `router` of a topology. */
export interface Router {
  /** Starts its daemons; resolves when they can be asked. */
  start(neighbors: readonly Neighbor[]): Promise<void>;
  /** Ends them as a loss of power would: nothing is said, and the kernel forgets its routes. */
  kill(): Promise<void>;
  /** The session with the MUX of each neighbour, in their order. */
  sessions(): Promise<RouterSession[]>;
  /** Next hops of the paths in its table that are used together for this address, sorted. */
  nextHops(address: string): Promise<string[]>;
  /** UPDATE messages received in all sessions, or routes in them where that is what it counts. */
  updateCount(): Promise<number>;
  /** Has every neighbour's routes looked at again. */
  refresh(): Promise<void>;
  /** What it knows of how sessions ended: the lines a person would look into for a reason. */
  reasons(): Promise<string>;
}

/** A program that routes. */
export interface RouterKind {
  readonly name: string;
  /** Programs it needs. */
  readonly programs: readonly string[];
  readonly hasBfd: boolean;
  /** Runs single-hop BFD with a neighbour it protects by GTSM. */
  readonly hasBfdBesideTtlSecurity: boolean;
  /** Takes and installs IPv4 routes with an IPv6 next hop, RFC 8950. */
  readonly hasExtendedNextHop: boolean;
  /**
   * Puts a port that was down back into the routes of the kernel. The kernel takes it out of the next hop groups that
   * routes share, and zebra 8.4 leaves it so: its own table says two next hops, the kernel's has one.
   */
  readonly restoresNextHops: boolean;
  /** Sends ROUTE-REFRESH when its policy is to look at routes again, RFC 2918. */
  readonly asksForRefresh: boolean;
  make(topology: Topology): Router;
}

/** Our address of the session, and the router's. */
export function addressesOf({ place, transport }: Neighbor): { readonly mux: string; readonly router: string } {
  return transport === 'ipv4'
    ? { mux: place.ipv4, router: place.routerIpv4 }
    : { mux: place.ipv6, router: place.routerIpv6 };
}

/** The router's own BGP identifier. */
export const ROUTER_ID = '198.51.100.1';

/** Takes from the kernel of the router what daemons put there. */
export async function forgetRoutes({ lab, router }: Topology): Promise<void> {
  // Routes go with the next hops they share; those that have their own go after.
  await lab.run(router, 'ip', ['nexthop', 'flush']);
  for (const protocol of ['bgp', 'bird']) {
    for (const family of ['-4', '-6']) await lab.run(router, 'ip', [family, 'route', 'flush', 'proto', protocol]);
  }
}
