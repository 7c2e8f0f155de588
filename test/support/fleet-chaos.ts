/** What happens to a fleet: one random misfortune after the other, and then quiet. */
import type { Death } from '../../sdk/runtime/simulated/index.js';
import type { Fleet, FleetMux, FleetRouter, Link } from './fleet.js';
import type { Random } from './random.js';

/** Long enough for the longest idle hold time (60 s), a restart time, and every retry after them. */
const QUIET_MS = 200_000;
/** A segment lost in a cut that is over is sent again within this time. */
const RESEND_MS = 2100;
const DEATHS: readonly Death[] = ['ended', 'reset', 'silent'];
/** A NOTIFICATION a MUX has reason for now and then: hold timer expired, and Cease. */
const ORDINARY = new Set([4, 6]);
const OPEN_ERROR = 2;

/** Plays chaos on a fleet and keeps a diary of it. */
export class Chaos {
  readonly diary: string[] = [];
  readonly #fleet: Fleet;
  readonly #random: Random;
  /** What puts right what was done, once. */
  readonly #undo = new Map<string, () => void>();
  /** Routers whose OPENs are to be refused at times. */
  readonly #wrong = new Set<FleetRouter>();

  constructor(fleet: Fleet, random: Random) {
    this.#fleet = fleet;
    this.#random = random;
  }

  /** Some misfortunes and a little time after each. */
  async play(stepCount: number): Promise<void> {
    for (let i = 0; i < stepCount; i++) {
      this.#step();
      await this.#fleet.network.clock.runFor(this.#random.below(this.#random.pick([20, 500, 8000])));
    }
  }

  /** Ends every misfortune, and waits until everybody has got over it. */
  async quiet(): Promise<void> {
    for (const undo of [...this.#undo.values()]) undo();
    this.#undo.clear();
    await this.#fleet.network.clock.runFor(QUIET_MS);
    this.#checkNotifications();
    this.#note('quiet');
  }

  #step(): void {
    const random = this.#random;
    const link = random.pick(this.#fleet.links);
    const { mux, router } = link;
    const misfortunes = [
      () => this.#reset(link),
      () => this.#cut(link),
      () => this.#refuse(link),
      () => this.#delay(link),
      () => this.#stall(router),
      () => this.#stop(mux),
      () => this.#kill(mux),
      () => this.#drain(mux),
      () => this.#restart(mux),
      () => this.#restartRouter(router),
      () => this.#wrongOpen(router),
      () => this.#peers(mux),
    ];
    const ordinary = [() => this.#routes(mux), () => this.#routes(mux), () => this.#refresh(link)];
    // Most misfortunes last: without an end to some there would soon be no session left to disturb.
    random.pick([random.pick(misfortunes), random.pick(ordinary), random.pick(ordinary), () => this.#undoOne()])();
  }

  #routes(mux: FleetMux): void {
    if (!this.#isRunning(mux)) return;
    const wanted = this.#random.oneIn(3) ? this.#fleet.randomSet() : this.#fleet.changedSet(mux);
    this.#note(`${mux.name}: ${wanted.length} routes`);
    this.#fleet.announce(mux, wanted);
  }

  #reset({ router, muxAddress, routerAddress }: Link): void {
    this.#note(`${router.options.name} ${muxAddress}: reset`);
    if (this.#random.oneIn(2)) this.#fleet.network.reset(muxAddress, routerAddress);
    else router.model.reset(muxAddress);
  }

  /** Silence one way or both. */
  #cut({ muxAddress, routerAddress }: Link): void {
    const { network } = this.#fleet;
    const ways = [network.path(muxAddress, routerAddress), network.path(routerAddress, muxAddress)];
    const cut = this.#random.pick([[ways[0]!], [ways[1]!], ways]);
    this.#note(
      `${muxAddress} ${routerAddress}: cut ${cut.length === 2 ? 'both ways' : cut[0] === ways[0] ? 'there' : 'back'}`,
    );
    for (const way of cut) way.isCut = true;
    this.#undo.set(`cut ${muxAddress} ${routerAddress}`, () => {
      for (const way of ways) way.isCut = false;
    });
  }

  #delay({ muxAddress, routerAddress }: Link): void {
    const way = this.#fleet.network.path(muxAddress, routerAddress);
    way.latencyMs = this.#random.pick([0, 30, 400]);
    this.#note(`${muxAddress} ${routerAddress}: ${way.latencyMs} ms`);
    this.#undo.set(`delay ${muxAddress} ${routerAddress}`, () => {
      way.latencyMs = 1;
    });
  }

  #stall(router: FleetRouter): void {
    this.#note(`${router.options.name}: reads nothing`);
    router.host.stopReading();
    this.#undo.set(`stall ${router.options.name}`, () => router.host.startReading());
  }

  #stop(mux: FleetMux): void {
    if (!this.#isRunning(mux)) return;
    this.#note(`${mux.name}: SIGSTOP`);
    const host = mux.host!;
    const undo = () => host.continue();
    host.stop();
    this.#undo.set(`stop ${mux.name}`, undo);
    this.#expectGone(mux, () => mux.host === host && this.#undo.get(`stop ${mux.name}`) === undo);
  }

  #kill(mux: FleetMux): void {
    if (!mux.isAlive) return;
    const death = this.#random.pick(DEATHS);
    this.#note(`${mux.name}: killed, ${death}`);
    const { host } = mux;
    this.#undo.delete(`stop ${mux.name}`);
    this.#fleet.killMux(mux, death);
    this.#expectGone(mux, () => mux.host === host);
    this.#awaken(mux, false);
  }

  #drain(mux: FleetMux): void {
    if (!this.#isRunning(mux)) return;
    this.#note(`${mux.name}: drain`);
    const { host } = mux;
    this.#fleet.ask(mux, async (speaker) => {
      mux.wanted = [];
      await speaker.stop({ kind: 'drain', text: 'maintenance until 18:00' });
      if (mux.host === host && mux.speaker === speaker) this.#fleet.killMux(mux, 'ended');
    });
    this.#awaken(mux, false);
  }

  /** A planned restart: prepared or not, and back soon. */
  #restart(mux: FleetMux): void {
    if (!this.#isRunning(mux)) return;
    const isPrepared = this.#random.oneIn(2);
    this.#note(`${mux.name}: planned restart${isPrepared ? '' : ', not prepared'}`);
    const { host } = mux;
    mux.isPrepared ||= isPrepared;
    this.#fleet.ask(mux, async (speaker) => {
      if (isPrepared) {
        const patience = new AbortController();
        host!.clock.after(30_000, () => patience.abort(new Error('out of patience')));
        await speaker.prepareRestart({ restartTimeSeconds: 20 }, patience.signal).catch((error) => {
          if (error.message !== 'out of patience') throw error;
        });
      }
      await speaker.stop({ kind: 'restart' });
      if (mux.host !== host || mux.speaker !== speaker || !mux.host!.isAlive) return;
      this.#fleet.killMux(mux, 'ended');
      this.#note(`${mux.name}: is back`);
      this.#undo.delete(`awaken ${mux.name}`);
      this.#fleet.startMux(mux, { isRestarting: true });
    });
  }

  /** A MUX that is off comes back sooner or later, or never. */
  #awaken(mux: FleetMux, isRestarting: boolean): void {
    if (this.#random.oneIn(4)) return;
    this.#undo.set(`awaken ${mux.name}`, () => {
      // While it drains it is left alone.
      if (mux.isAlive) return;
      this.#note(`${mux.name}: started`);
      this.#fleet.startMux(mux, { isRestarting });
    });
  }

  #refresh({ router, muxAddress }: Link): void {
    const family = this.#random.pick(['ipv4', 'ipv6'] as const);
    this.#note(`${router.options.name} ${muxAddress}: refresh ${family}`);
    router.model.refresh(muxAddress, family);
  }

  #restartRouter(router: FleetRouter): void {
    const death = this.#random.pick(DEATHS);
    this.#note(`${router.options.name}: restarted, ${death}`);
    this.#undo.delete(`stall ${router.options.name}`);
    this.#checkNotifications();
    this.#fleet.killRouter(router, death);
    this.#fleet.startRouter(router);
  }

  /** A configuration that no MUX may accept. */
  #wrongOpen(router: FleetRouter): void {
    const { options } = router;
    if (this.#wrong.has(router)) return;
    const { holdTimeSeconds } = options;
    this.#wrong.add(router);
    if (this.#random.oneIn(3)) options.claimedAs = 64999;
    else options.holdTimeSeconds = this.#random.pick([1, 2]);
    this.#note(`${options.name}: hold time ${options.holdTimeSeconds}, AS ${options.claimedAs ?? options.as}`);
    for (const { muxAddress } of this.#fleet.links.filter((link) => link.router === router)) {
      router.model.reset(muxAddress);
    }
    this.#undo.set(`wrong ${options.name}`, () => {
      options.holdTimeSeconds = holdTimeSeconds;
      delete options.claimedAs;
    });
  }

  /** A peer is taken out of the configuration, or gets another hold time, or a key it does not have. */
  #peers(mux: FleetMux): void {
    if (!this.#isRunning(mux)) return;
    const left = mux.links.filter(() => !this.#random.oneIn(4));
    const to = this.#random.pick([{ holdTimeSeconds: 5 }, { md5Key: 'of another fleet' }, { ttlSecurityHops: 2 }]);
    const change = this.#random.oneIn(2) ? undefined : { link: this.#random.pick(mux.links), to };
    this.#note(`${mux.name}: peers ${left.map(({ peer }) => peer.name)}${change ? `, ${JSON.stringify(to)}` : ''}`);
    this.#fleet.setPeers(mux, left, change);
    const { host } = mux;
    this.#undo.set(`peers ${mux.name}`, () => {
      if (mux.host === host && mux.isAlive) this.#fleet.setPeers(mux, mux.links, undefined);
    });
  }

  /** A firewall in between refuses connections; those that are open stay. */
  #refuse({ muxAddress, routerAddress }: Link): void {
    const { network } = this.#fleet;
    const ways = [network.path(muxAddress, routerAddress), network.path(routerAddress, muxAddress)];
    this.#note(`${muxAddress} ${routerAddress}: connections refused`);
    for (const way of ways) way.isRefusing = true;
    this.#undo.set(`refuse ${muxAddress} ${routerAddress}`, () => {
      for (const way of ways) way.isRefusing = false;
    });
  }

  #undoOne(): void {
    const keys = [...this.#undo.keys()];
    if (keys.length === 0) return;
    const key = this.#random.pick(keys);
    this.#note(`over: ${key}`);
    const undo = this.#undo.get(key)!;
    this.#undo.delete(key);
    undo();
  }

  #isRunning(mux: FleetMux): boolean {
    return mux.isAlive && !this.#undo.has(`stop ${mux.name}`);
  }

  /** A MUX that says nothing any more is gone from every router after the hold time, whatever it was. */
  #expectGone(mux: FleetMux, isStill: () => boolean): void {
    if (mux.isPrepared) return;
    const { network, links } = this.#fleet;
    for (const { router, muxAddress, routerAddress } of links.filter((link) => link.mux === mux)) {
      const holdTimeMs = router.model.holdTimeMsOf(muxAddress);
      const { isCut, latencyMs: wayMs } = network.path(muxAddress, routerAddress);
      // What is on its way, or waits to be read, counts when it is read: for that there is no bound.
      if (holdTimeMs === undefined || isCut || !router.host.isReading) continue;
      const { model } = router;
      const latencyMs = 2 * wayMs;
      network.clock.after(holdTimeMs + latencyMs + RESEND_MS, () => {
        if (router.model !== model || !isStill()) return;
        const count = model.routesOf(muxAddress).size;
        if (count > 0)
          this.#fleet.violate(`${router.options.name} has ${count} routes of ${mux.name} after the hold time`);
      });
    }
  }

  #checkNotifications(): void {
    for (const router of this.#fleet.routers) {
      for (const { atMs, peer, code, subcode, routeCount } of router.model.notifications) {
        const isOrdinary = ORDINARY.has(code) || (code === OPEN_ERROR && this.#wrong.has(router));
        const text = `${router.options.name}: NOTIFICATION ${code}/${subcode} of ${peer} at ${atMs.toFixed(0)} ms`;
        if (!isOrdinary) this.#fleet.violate(text);
        if (code === 6 && subcode === 2 && routeCount > 0) {
          this.#fleet.violate(`${text} with ${routeCount} routes not withdrawn`);
        }
      }
      router.model.notifications.length = 0;
    }
  }

  #note(text: string): void {
    this.diary.push(`${this.#fleet.network.clock.nowMs().toFixed(0)} ms: ${text}`);
  }
}
