/** A router of somebody else: what a lab tells it and asks it, whichever program it is. */
import type { NeededProgram } from '../needs.js';

/** AS of the router, and the one of all MUXes. */
export const ROUTER_AS = 64623;
export const MUX_AS = 64628;

/** The router's own BGP identifier. */
export const ROUTER_ID = '198.51.100.1';

/** How a router treats one MUX. */
export interface Neighbor {
  /** A word for it, other than those of its other neighbours. */
  readonly name: string;
  /** What the session runs between, of either family; both families of routes pass over it either way. */
  readonly muxAddress: string;
  readonly routerAddress: string;
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

/** A router on its site. */
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

/**
 * Where a router runs: a network namespace whose interfaces to MUXes are named `mux…`, and a folder of its own, which every
 * user may look into.
 */
export interface RouterSite {
  readonly folder: string;
  /** Runs a command there to its end and gives its standard output; fails when the command does. */
  run(command: string, args: readonly string[]): Promise<string>;
  /** Starts a command there; what it prints goes to `<folder>/<name>.log`. */
  spawn(name: string, command: readonly string[]): RouterProcess;
}

/** A daemon on a site. */
export interface RouterProcess {
  /** Sends a signal, and resolves when the process is over. */
  stop(signal: NodeJS.Signals): Promise<unknown>;
}

/** A program that routes. */
export interface RouterKind {
  readonly name: string;
  /** Programs it is made of. */
  readonly needs: readonly NeededProgram[];
  readonly hasBfd: boolean;
  /** Runs single-hop BFD with a neighbour it protects by GTSM. */
  readonly hasBfdBesideTtlSecurity: boolean;
  /** Takes and installs IPv4 routes with an IPv6 next hop, RFC 8950. */
  readonly hasExtendedNextHop: boolean;
  /** Sends ROUTE-REFRESH when its policy is to look at routes again, RFC 2918. */
  readonly asksForRefresh: boolean;
  make(site: RouterSite): Router;
}

/** Whether the session runs over IPv6. */
export function isOverIpv6({ muxAddress }: Neighbor): boolean {
  return muxAddress.includes(':');
}

/** Takes from the kernel of the router what daemons put there. */
export async function forgetRoutes(site: RouterSite): Promise<void> {
  // Routes go with the next hops they share; those that have their own go after.
  await site.run('ip', ['nexthop', 'flush']);
  for (const protocol of ['bgp', 'bird']) {
    for (const family of ['-4', '-6']) await site.run('ip', [family, 'route', 'flush', 'proto', protocol]);
  }
}
