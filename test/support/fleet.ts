/** MUXes and routers on one simulated network, all with different habits, and what each router should know of each MUX. */
import { Bfd } from '../../sdk/bfd/index.js';
import type { PeerOptions, SpeakerOptions } from '../../sdk/bgp/options.js';
import { Speaker } from '../../sdk/bgp/speaker.js';
import { type Death, type SimulatedHost, SimulatedNetwork } from '../../sdk/runtime/simulated/index.js';
import type { ModelFamily } from '../model/bgp-message.js';
import { ModelRouter } from '../model/bgp-router.js';
import { BFD, type RouterPlan, randomLink, randomRouter } from './fleet-plan.js';
import { ipv4Hex, ipv6Hex, randomVips, type Vip, withoutNextHop } from './fleet-vips.js';
import type { Random } from './random.js';

/** What a MUX and a router have to do with each other. */
export interface Link {
  readonly mux: FleetMux;
  readonly router: FleetRouter;
  readonly muxAddress: string;
  readonly routerAddress: string;
  readonly peer: PeerOptions;
}

const MUX_AS = 4200000001;
/** A MUX: its speaker while it has one. */
export class FleetMux {
  readonly links: Link[] = [];
  /** The peers its speaker has been told of. */
  configured: readonly Link[] = [];
  host: SimulatedHost | undefined;
  speaker: Speaker | undefined;
  wanted: readonly Vip[] = [];
  /** Every prefix and path that it ever wanted, the next hop aside: what a dead speaker wrote may still be on its way. */
  readonly everWanted = new Set<string>();
  /** It has told routers to keep its routes over a restart. */
  isPrepared = false;

  constructor(
    readonly name: string,
    readonly as: number,
    readonly ipv4: string,
    readonly ipv6: string,
  ) {}

  get isAlive(): boolean {
    return this.speaker !== undefined;
  }
}

/** A router and its host. */
export class FleetRouter {
  host!: SimulatedHost;
  model!: ModelRouter;
  /** Of the models that were before a restart. */
  readonly violations: string[] = [];

  constructor(
    readonly options: RouterPlan,
    readonly ipv4: string,
    readonly ipv6: string,
  ) {}
}

/** The fleet of a seed. */
export class Fleet {
  readonly network: SimulatedNetwork;
  readonly muxes: readonly FleetMux[];
  readonly routers: readonly FleetRouter[];
  readonly links: readonly Link[];
  /** What routers have seen, and how often. */
  readonly seen = new Map<string, number>();
  /** What was not as it should be, beside what routers say. */
  readonly violations: string[] = [];
  readonly #random: Random;
  #universe: readonly Vip[] = [];

  constructor(random: Random, muxCount: number, routerCount: number) {
    this.#random = random;
    this.network = new SimulatedNetwork({ seed: random.uint32() });
    this.muxes = Array.from({ length: muxCount }, (_, i) => {
      const as = random.oneIn(2) ? MUX_AS : 64512;
      return new FleetMux(`mux-${i}`, as, `10.0.1.${i + 1}`, `2001:db8:1::${i + 1}`);
    });
    this.routers = Array.from({ length: routerCount }, (_, i) => {
      return new FleetRouter(randomRouter(i, random), `10.0.2.${i + 1}`, `2001:db8:2::${i + 1}`);
    });
    this.links = this.muxes.flatMap((mux) => this.routers.map((router) => this.#link(mux, router)));
    this.#universe = randomVips(random);
  }

  /** Starts everything, with a first set of routes each. */
  async start(): Promise<void> {
    for (const router of this.routers) this.startRouter(router);
    for (const mux of this.muxes) this.startMux(mux, { isRestarting: false });
    await this.network.clock.runFor(0);
  }

  startRouter(router: FleetRouter): void {
    router.host = this.network.host(router.ipv4, router.ipv6);
    router.model = new ModelRouter(router.host, router.options);
    router.model.announced = (peer, prefix, path) => {
      const mux = this.muxes.find(({ ipv4, ipv6 }) => peer === ipv4 || peer === ipv6)!;
      if (!mux.everWanted.has(`${prefix} ${withoutNextHop(path)}`)) {
        this.violate(`${mux.name} announces ${prefix} ${path}, which it never had`);
      }
    };
    this.#watch(router.model.start());
    const bfd = new Bfd(router.host);
    for (const link of this.links) if (link.router === router && link.peer.bfd) this.#watch(watchByBfd(bfd, link));
  }

  killRouter(router: FleetRouter, death: Death): void {
    router.host.kill(death);
    router.violations.push(...router.model.violations);
    this.#collectSeen(router);
  }

  startMux(mux: FleetMux, { isRestarting }: { isRestarting: boolean }): void {
    const host = this.network.host(mux.ipv4, mux.ipv6);
    const options: SpeakerOptions = {
      as: mux.as,
      routerId: mux.ipv4,
      addresses: { ipv4: mux.ipv4, ipv6: mux.ipv6 },
      peers: mux.links.map(({ peer }) => peer),
      ...(isRestarting && { gracefulRestart: { restartTimeSeconds: 20, isRestarting } }),
    };
    mux.host = host;
    mux.configured = mux.links;
    mux.speaker = new Speaker(options, host);
    mux.isPrepared = isRestarting;
    this.announce(mux, this.randomSet());
    this.#watch(mux.speaker.start());
  }

  killMux(mux: FleetMux, death: Death): void {
    mux.host?.kill(death);
    mux.speaker = undefined;
  }

  announce(mux: FleetMux, wanted: readonly Vip[]): void {
    mux.host!.process.enter(() => {
      mux.wanted = wanted;
      for (const { key, path } of wanted) mux.everWanted.add(`${key} ${withoutNextHop(path(''))}`);
      mux.speaker?.announce(wanted.map(({ route }) => route));
    });
  }

  /** Configures the peers of a MUX: those of some of its links, one of them differently if so. */
  setPeers(mux: FleetMux, links: readonly Link[], change: { link: Link; to: Partial<PeerOptions> } | undefined): void {
    mux.host!.process.enter(() => {
      mux.configured = links;
      const peers = links.map((link) => (link === change?.link ? { ...link.peer, ...change.to } : link.peer));
      this.#watch(mux.speaker!.setPeers(peers));
    });
  }

  /** Asks something of a speaker that takes its time. */
  ask(mux: FleetMux, what: (speaker: Speaker) => Promise<void>): void {
    mux.host!.process.enter(() => {
      if (mux.speaker !== undefined) this.#watch(what(mux.speaker));
    });
  }

  randomSet(): Vip[] {
    const chosen = new Map<string, Vip>();
    const count = this.#random.below(this.#random.pick([2, 20, 120]));
    for (let i = 0; i < count; i++) {
      const vip = this.#random.pick(this.#universe);
      chosen.set(vip.key, vip);
    }
    return [...chosen.values()];
  }

  /** A set that differs a little from what a MUX has. */
  changedSet({ wanted }: FleetMux): Vip[] {
    const chosen = new Map(wanted.filter(() => !this.#random.oneIn(5)).map((vip) => [vip.key, vip]));
    for (let i = this.#random.below(6); i > 0; i--) {
      const vip = this.#random.pick(this.#universe);
      chosen.set(vip.key, vip);
    }
    return [...chosen.values()];
  }

  /** What a router should have of a MUX, prefix → path. */
  expected({ mux, router, muxAddress }: Link): Map<string, string> {
    const isOverIpv6 = muxAddress.includes(':');
    const nextHopFor = (family: ModelFamily) => {
      const isIpv6 = family === 'ipv6' || (isOverIpv6 && router.options.hasExtendedNextHop);
      return isIpv6 ? ipv6Hex(mux.ipv6) : ipv4Hex(mux.ipv4);
    };
    const vips = mux.wanted.filter(({ family }) => router.options.families.includes(family));
    return new Map(vips.map(({ key, family, path }) => [key, path(nextHopFor(family))]));
  }

  /** Everything that is not as it should be once it has been quiet for long enough; empty when all is well. */
  differences(): string[] {
    const lines = [...this.violations, ...this.routers.flatMap(({ violations }) => violations)];
    for (const router of this.routers) {
      lines.push(...router.model.violations);
      this.#collectSeen(router);
    }
    for (const link of this.links) {
      const isUp = link.mux.isAlive && link.mux.configured.includes(link);
      lines.push(...(isUp ? this.#differencesOf(link) : this.#leftoversOf(link)));
    }
    return lines;
  }

  violate(text: string): void {
    this.violations.push(`${this.network.clock.nowMs().toFixed(0)} ms: ${text}`);
  }

  #collectSeen({ model }: FleetRouter): void {
    for (const [what, count] of model.seen) this.seen.set(what, (this.seen.get(what) ?? 0) + count);
    model.seen.clear();
  }

  #differencesOf(link: Link): string[] {
    const { mux, router, muxAddress, routerAddress } = link;
    const name = `${router.options.name} of ${mux.name}`;
    const status = mux.speaker!.status.peers.find(({ address }) => address === routerAddress);
    const { model } = router;
    if (!model.isEstablished(muxAddress)) return [`${name}: no session; ${JSON.stringify(status)}`];
    const lines = model.isComplete(muxAddress) ? [] : [`${name}: no End-of-RIB`];
    const expected = this.expected(link);
    const actual = model.routesOf(muxAddress);
    for (const [key, path] of expected) {
      if (actual.get(key) !== path) lines.push(`${name}: ${key} is ${actual.get(key)}, not ${path}`);
    }
    for (const key of actual.keys()) if (!expected.has(key)) lines.push(`${name}: ${key} should be gone`);
    const { state, announcedCount, pendingCount } = status ?? {};
    if (state !== 'Established' || announcedCount !== expected.size || pendingCount !== 0) {
      lines.push(
        `${name}: status ${state}, ${announcedCount} announced, ${pendingCount} pending, not ${expected.size}`,
      );
    }
    return lines;
  }

  #leftoversOf({ mux, router, muxAddress }: Link): string[] {
    const count = router.model.routesOf(muxAddress).size;
    return count === 0 ? [] : [`${router.options.name} has ${count} routes of ${mux.name}, which is gone`];
  }

  #link(mux: FleetMux, router: FleetRouter): Link {
    const { muxAddress, routerAddress, peer, muxAsPeer } = randomLink(mux, router, this.#random);
    const link = { mux, router, muxAddress, routerAddress, peer };
    router.options.peers.push(muxAsPeer);
    mux.links.push(link);
    return link;
  }

  #watch(promise: Promise<unknown>): void {
    promise.catch((error) => this.violate(`rejected: ${error}`));
  }
}

/** A router that takes down what BFD finds down, and not what its neighbour has taken out of service (RFC 5882 section 3.2). */
async function watchByBfd(bfd: Bfd, { router: { model }, muxAddress, routerAddress }: Link): Promise<void> {
  const neighbours = { localAddress: routerAddress, remoteAddress: muxAddress };
  const watch = await bfd.watch({ ...neighbours, ...BFD }, (state) => {
    model.count(`BFD ${state}`);
    if (state === 'Down' && watch.remoteState !== 'AdminDown') model.bfdDown(muxAddress);
  });
}
