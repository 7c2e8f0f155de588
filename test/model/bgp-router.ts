/**
 * A router as RFC 4271 has it, simple and unforgiving: it takes sessions from MUXes and opens some itself, keeps an
 * Adj-RIB-In for each, and writes down everything that a sound speaker would not do.
 */
import type {
  Runtime,
  TcpConnection,
  TcpHandlers,
  TcpListenPeer,
  TcpProtection,
  Timer,
} from '../../sdk/runtime/index.js';
import { CEASE, Connection } from './bgp-connection.js';
import type { ModelFamily, ModelOpen } from './bgp-message.js';

/** A MUX as its router is configured for it. */
export interface ModelPeerOptions extends TcpProtection {
  readonly address: string;
  readonly as: number;
  readonly localAddress: string;
  /** Connects to it too, beside waiting for it. */
  readonly connects: boolean;
}

/** A router's configuration. What a session offers may be changed while it runs; the next OPEN has it. */
export interface ModelRouterOptions {
  readonly name: string;
  readonly as: number;
  readonly id: number;
  holdTimeSeconds: number;
  /** The autonomous system it claims in OPEN, when not its own. */
  claimedAs?: number;
  families: readonly ModelFamily[];
  readonly hasFourOctetAs: boolean;
  readonly hasRefresh: boolean;
  readonly hasEnhancedRefresh: boolean;
  readonly hasExtendedNextHop: boolean;
  /** Asks for every family again as soon as a session is up, as some do whose policy has just changed. */
  readonly asksAtOnce: boolean;
  /** Keeps the routes of a peer that restarts and has asked for it. */
  readonly isRestartHelper: boolean;
  readonly peers: readonly ModelPeerOptions[];
}

/** A NOTIFICATION of a MUX, and how many of its routes were there when it came. */
export interface ReceivedNotification {
  readonly peer: string;
  readonly atMs: number;
  readonly code: number;
  readonly subcode: number;
  readonly data: readonly number[];
  readonly routeCount: number;
}

const RETRY_MS = 4000;
const PORT = 179;
const CEASE_RESET = 4;
const CEASE_BFD_DOWN = 10;

/** A route of an Adj-RIB-In. */
interface Held {
  readonly path: string;
  readonly family: ModelFamily;
  isStale: boolean;
}

/** A router. */
export class ModelRouter {
  /** What no speaker should have done. */
  readonly violations: string[] = [];
  readonly notifications: ReceivedNotification[] = [];
  /** How often what was seen, for tests that want to know whether they saw it. */
  readonly seen = new Map<string, number>();
  /** Called for each route announced: to compare with what was ever wanted. */
  announced: (peer: string, prefix: string, path: string) => void = () => {};
  readonly #peers: ReadonlyMap<string, PeerState>;

  constructor(
    readonly runtime: Runtime,
    readonly options: ModelRouterOptions,
  ) {
    this.#peers = new Map(options.peers.map((peer) => [peer.address, new PeerState(this, peer)]));
  }

  async start(): Promise<void> {
    for (const localAddress of new Set(this.options.peers.map((peer) => peer.localAddress))) {
      const peers: TcpListenPeer[] = this.options.peers.filter((peer) => peer.localAddress === localAddress);
      await this.runtime.tcp.listen({ localAddress, port: PORT, peers }, (tcp) =>
        this.#peers.get(tcp.remote.address)?.accept(tcp),
      );
    }
    for (const peer of this.#peers.values()) peer.connect();
  }

  /** The routes of one peer, prefix → path. */
  routesOf(address: string): Map<string, string> {
    return new Map([...this.#peer(address).held].map(([prefix, { path }]) => [prefix, path]));
  }

  isEstablished(address: string): boolean {
    return this.#peer(address).established !== undefined;
  }

  /** End-of-RIB of every family agreed on has come. */
  isComplete(address: string): boolean {
    const session = this.#peer(address).established;
    return session?.session.families.every((family) => session.endOfRibs.has(family)) ?? false;
  }

  /** Hold time of the session in milliseconds, 0 for none; `undefined` without a session. */
  holdTimeMsOf(address: string): number | undefined {
    return this.#peer(address).established?.holdTimeMs;
  }

  /** Asks for a family again. */
  refresh(address: string, family: ModelFamily): void {
    this.#peer(address).established?.askAgain(family);
  }

  /** Ends the sessions with a peer: Cease, administrative reset. */
  reset(address: string): void {
    for (const connection of [...this.#peer(address).connections]) connection.notify(CEASE, CEASE_RESET);
  }

  count(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }

  /** BFD says a peer is down: its session ends, RFC 5882 section 4.3 and RFC 9384. */
  bfdDown(address: string): void {
    this.#peer(address).established?.notify(CEASE, CEASE_BFD_DOWN);
  }

  #peer(address: string): PeerState {
    return this.#peers.get(address)!;
  }
}

/** A peer: its connections, of which one becomes the session, and its Adj-RIB-In. */
export class PeerState {
  readonly held = new Map<string, Held>();
  readonly connections = new Set<Connection>();
  #restart: Timer | undefined;

  constructor(
    readonly router: ModelRouter,
    readonly options: ModelPeerOptions,
  ) {}

  get established(): Connection | undefined {
    return [...this.connections].find(({ state }) => state === 'Established');
  }

  violate(text: string): void {
    const { runtime, options, violations } = this.router;
    violations.push(`${runtime.clock.nowMs().toFixed(0)} ms, ${options.name} from ${this.options.address}: ${text}`);
  }

  connect(): void {
    if (!this.options.connects) return;
    const { clock, tcp } = this.router.runtime;
    clock.after(RETRY_MS * (0.75 + this.router.runtime.random() / 2), () => this.connect());
    if (this.connections.size > 0) return;
    const connection = new Connection(this, 'ours');
    const { address, localAddress, md5Key, ttlSecurityHops } = this.options;
    connection.tcp = tcp.connect(
      {
        remote: { address, port: PORT },
        localAddress,
        ...(md5Key !== undefined && { md5Key }),
        ...(ttlSecurityHops !== undefined && { ttlSecurityHops }),
      },
      connection,
    );
    // A router that hears nothing tries again.
    clock.after(RETRY_MS / 2, () => {
      if (connection.state === 'Connect') connection.drop();
    });
  }

  accept(tcp: TcpConnection): TcpHandlers | undefined {
    const connection = new Connection(this, 'theirs');
    connection.tcp = tcp;
    connection.opened();
    return connection;
  }

  /** A new session begins: what was kept of the one before stays until End-of-RIB, where the peer's data plane lives. */
  begin(open: ModelOpen): void {
    this.#restart?.cancel();
    this.#restart = undefined;
    for (const [prefix, held] of this.held) {
      const isKept = held.isStale && open.restart?.preserved.includes(held.family);
      if (!isKept) this.held.delete(prefix);
    }
  }

  /** A session has ended. */
  end(peerOpen: ModelOpen, how: 'connection lost' | 'notification'): void {
    const { restart } = peerOpen;
    const isKept = how === 'connection lost' && this.router.options.isRestartHelper && restart !== undefined;
    if (!isKept || restart.seconds === 0) {
      this.held.clear();
      return;
    }
    for (const held of this.held.values()) held.isStale = true;
    this.router.count('routes kept over a restart');
    this.#restart?.cancel();
    this.#restart = this.router.runtime.clock.after(restart.seconds * 1000, () => this.dropStale());
  }

  dropStale(family?: ModelFamily): number {
    let count = 0;
    for (const [prefix, held] of this.held) {
      if (!held.isStale || (family !== undefined && held.family !== family)) continue;
      this.held.delete(prefix);
      count += 1;
    }
    return count;
  }
}
