/** A network in memory, by seed: the same seed and the same calls give the same run, event for event. */
import { canonicalIp } from '../../net/address.js';
import type { Path } from './path.js';
import { SeededRandom } from './seeded-random.js';
import { SimulatedHost } from './simulated-host.js';
import { VirtualClock } from './virtual-clock.js';

/** What a network is like. */
export interface SimulatedNetworkOptions {
  /** Decides latencies, losses, where streams are cut into segments, and every host's chance. */
  readonly seed: number;
  /** Latency of each path until it is changed; default 1. */
  readonly latencyMs?: number;
}

/**
 * Hosts that reach each other, and what can go wrong between them.
 *
 * @example
 * ```ts
 * const network = new SimulatedNetwork({ seed: 7 });
 * const mux = new Speaker(options, network.host('10.0.0.1', '2001:db8::1'));
 * const router = network.host('10.0.0.254');
 * await network.clock.runFor(10_000);
 * network.cut('10.0.0.1', '10.0.0.254');
 * ```
 */
export class SimulatedNetwork {
  readonly seed: number;
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly #latencyMs: number;
  readonly #hosts = new Map<string, SimulatedHost>();
  readonly #paths = new Map<string, Path>();
  #hostCount = 0;

  constructor({ seed, latencyMs = 1 }: SimulatedNetworkOptions) {
    this.seed = seed;
    this.random = new SeededRandom(seed);
    this.#latencyMs = latencyMs;
  }

  /** Starts a process on a new machine, or on one whose process is dead; the addresses are its own alone. */
  host(...addresses: readonly string[]): SimulatedHost {
    const own = addresses.map(canonicalIp);
    const taken = own.find((address) => this.#hosts.get(address)?.isAlive);
    if (taken !== undefined) throw new Error(`the host with address ${taken} is alive`);
    this.#hostCount += 1;
    const host = new SimulatedHost(this, own, this.seed + 0x9e37 * this.#hostCount);
    for (const address of own) this.#hosts.set(address, host);
    return host;
  }

  /** Who has an address, dead or alive. */
  hostAt(address: string): SimulatedHost | undefined {
    return this.#hosts.get(address);
  }

  /** One direction between two addresses; change its fields to change the network. */
  path(from: string, to: string): Path {
    const key = `${from} ${to}`;
    let path = this.#paths.get(key);
    if (path === undefined) {
      if (from !== '' && canonicalIp(from) !== from) return this.path(canonicalIp(from), to);
      if (canonicalIp(to) !== to) return this.path(from, canonicalIp(to));
      path = { isCut: false, isRefusing: false, latencyMs: this.#latencyMs, lossShare: 0, hops: 1 };
      this.#paths.set(key, path);
    }
    return path;
  }

  /** Silence between two addresses, both ways. */
  cut(a: string, b: string): void {
    for (const path of [this.path(a, b), this.path(b, a)]) path.isCut = true;
  }

  /** Ends the silence. */
  heal(a: string, b: string): void {
    for (const path of [this.path(a, b), this.path(b, a)]) path.isCut = false;
  }

  /** Resets every open connection between two addresses, as a middlebox that has lost its state. */
  reset(a: string, b: string): void {
    const [one, other] = [canonicalIp(a), canonicalIp(b)];
    for (const [from, to] of [[one, other] as const, [other, one] as const]) {
      for (const end of [...(this.hostAt(from)?.tcp.ends ?? [])]) {
        const isMeant = end.local.address === from && end.remote.address === to && end.phase !== 'opening';
        if (isMeant) this.clock.after(0, () => end.receive({ kind: 'rst' }));
      }
    }
  }

  /** Milliseconds a packet takes on a path now. */
  transitMs(path: Path): number {
    return path.latencyMs * (1 + this.random.next() / 2);
  }
}
