/** A router and its MUXes on the network of the tests: what every scenario begins with. */

import { kernelNextHops, type NextHop } from '../../../sdk/appliance/lab/kernel-routes.js';
import type { Neighbor, Router, RouterKind } from '../../../sdk/appliance/lab/routers/router.js';
import { nowMs, waitFor } from '../../../sdk/appliance/lab/wait.js';
import { edgemuxMux } from './edgemux-mux.js';
import type { Lab } from './lab.js';
import type { LabProcess } from './lab-process.js';
import type { Mux, MuxPeer } from './mux.js';
import { buildTopology, type MuxPlace, routerSite, type Topology, VIP4, VIP6 } from './topology.js';
import { startDataPlane, startTraffic, type TrafficSummary } from './traffic.js';

/** Milliseconds within which a session comes up; routers try again after one to five seconds. */
export const SESSION_MS_MAX = 20_000;
/** Milliseconds within which a route that is announced or withdrawn shows in the kernel of a busy machine. */
export const ROUTE_MS_MAX = 3_000;

/** What differs from two MUXes with plain sessions over IPv4. */
export interface StageOptions {
  readonly transport?: 'ipv4' | 'ipv6';
  readonly muxCount?: number;
  readonly neighbor?: Partial<Neighbor>;
  readonly mux?: Partial<MuxPeer>;
}

/** A router and its MUXes; `Stage.set()` makes one. */
export class Stage {
  readonly dataPlanes: readonly LabProcess[];

  private constructor(
    readonly topology: Topology,
    readonly router: Router,
    readonly neighbors: readonly Neighbor[],
    readonly muxes: readonly Mux[],
  ) {
    this.dataPlanes = topology.muxes.map((place) => startDataPlane(topology, place));
  }

  /** Builds the network; nobody speaks yet. */
  static async set(lab: Lab, kind: RouterKind, options: StageOptions = {}): Promise<Stage> {
    const { transport = 'ipv4', muxCount = 2 } = options;
    const topology = await buildTopology(lab, muxCount);
    const neighbors = topology.muxes.map(
      (place): Neighbor => ({ ...sessionOf(place, transport), ...options.neighbor }),
    );
    const muxes = topology.muxes.map((place) => edgemuxMux(lab, place, { transport, ...options.mux }));
    return new Stage(topology, kind.make(routerSite(topology)), neighbors, muxes);
  }

  /** Builds the network, starts everybody with both VIPs, and waits until traffic goes to every MUX. */
  static async up(lab: Lab, kind: RouterKind, options: StageOptions = {}): Promise<Stage> {
    const stage = await Stage.set(lab, kind, options);
    await stage.startRouter();
    await Promise.all(stage.muxes.map((mux) => mux.start([VIP4, VIP6])));
    await stage.sessionsUp();
    if (options.mux?.hasBfd && options.neighbor?.hasBfd) await stage.bfdUp();
    await stage.allNextHops();
    return stage;
  }

  startRouter(): Promise<void> {
    return this.router.start(this.neighbors);
  }

  /** Waits until the router has a session with every MUX. */
  async sessionsUp(timeoutMs = SESSION_MS_MAX): Promise<void> {
    await waitFor(
      'every session',
      async () => {
        const sessions = await this.router.sessions();
        if (sessions.every(({ isUp }) => isUp)) return true;
        throw new Error(sessions.map(({ state }) => state).join(', '));
      },
      timeoutMs,
    );
  }

  /** Waits until BFD is up on every MUX: FRR takes a second for each step of its handshake. */
  async bfdUp(): Promise<void> {
    const isUp = (mux: Mux): boolean => mux.events.some(({ event, state }) => event === 'bfd' && state === 'Up');
    await waitFor('BFD on every MUX', () => this.muxes.every(isUp), SESSION_MS_MAX);
  }

  /** Waits until the kernel of the router has every MUX as next hop of both VIPs. */
  async allNextHops(): Promise<void> {
    for (const vip of [VIP4, VIP6]) await this.nextHopsBecome(vip, this.muxes);
  }

  /**
   * Waits until the kernel of the router sends this VIP to exactly these MUXes, and gives the milliseconds that took
   * from `sinceMs` on, by default now.
   */
  async nextHopsBecome(
    vip: string,
    muxes: readonly Mux[],
    timeoutMs = ROUTE_MS_MAX,
    sinceMs = nowMs(),
  ): Promise<number> {
    const expected = muxes
      .map(({ place }) => place.port)
      .sort()
      .join(', ');
    const ask = async (): Promise<true> => {
      const found = (await this.kernelNextHops(vip)).map(({ port }) => port).join(', ');
      if (found === expected) return true;
      throw new Error(`${vip} goes to [${found}]`);
    };
    await waitFor(`${vip} to go to [${expected}]`, ask, timeoutMs, 10);
    return nowMs() - sinceMs;
  }

  /** Where the kernel of the router sends packets to this VIP. */
  kernelNextHops(vip: string): Promise<NextHop[]> {
    return kernelNextHops(this.topology.router, vip);
  }

  /** Eight flows from the client to a VIP; the function returned ends them. */
  startTraffic(vip = VIP4): () => Promise<TrafficSummary> {
    return startTraffic(this.topology, vip);
  }
}

function sessionOf(place: MuxPlace, transport: 'ipv4' | 'ipv6'): Neighbor {
  const isIpv4 = transport === 'ipv4';
  return {
    name: place.port,
    muxAddress: isIpv4 ? place.ipv4 : place.ipv6,
    routerAddress: isIpv4 ? place.routerIpv4 : place.routerIpv6,
  };
}
