/** A BGP speaker: announces the VIPs of a MUX to its routers, RFC 4271. */
import { Bfd } from '../bfd/index.js';
import type { Runtime } from '../runtime/index.js';
import { checkPeerOptions, checkSpeakerOptions } from './check-options.js';
import type { GracefulRestartOptions, PeerOptions, Route, SpeakerOptions } from './options.js';
import { resolveRoutes, type WantedRoute } from './rib/resolve-routes.js';
import { Listeners } from './session/listeners.js';
import { Peer } from './session/peer.js';
import { canonicalPeer, isSamePeer } from './session/peer-options.js';
import { RestartPreparation } from './session/restart-preparation.js';
import { until } from './session/until.js';
import type { PeerEvent, SpeakerEvent, SpeakerStatus } from './status.js';
import { notification } from './wire/message-error.js';
import { notificationWithText } from './wire/notification.js';
import { NOTIFICATION } from './wire/notification-kinds.js';

const PORT = 179;
/** How long a drain waits for slow peers when it is not said. */
const DRAIN_TIMEOUT_MS = 5000;
/** How long what was written last may take to leave. */
const LAST_WORDS_MS = 1000;

/** How to end: `drain` takes the routes back first, `restart` leaves them where graceful restart was agreed on. */
export type StopHow =
  | {
      readonly kind: 'drain';
      /** For the operators of the peers, RFC 9003; cut to 255 bytes of UTF-8. */
      readonly text?: string;
      /** How long to wait for peers that read slowly; default 5000. */
      readonly timeoutMs?: number;
    }
  | { readonly kind: 'restart' };

/**
 * A speaker.
 *
 * @example
 * ```ts
 * const peers = [{ address: '10.0.0.1', as: 64513 }];
 * const speaker = new Speaker({ as: 64512, routerId: '10.0.0.4', addresses: {}, peers }, nodeRuntime());
 * speaker.announce([{ prefix: '203.0.113.7/32' }]);
 * await speaker.start();
 * …
 * await speaker.stop({ kind: 'drain', text: 'maintenance until 18:00' });
 * ```
 */
export class Speaker {
  readonly #options: SpeakerOptions;
  readonly #runtime: Runtime;
  readonly #listeners: Listeners;
  readonly #peers = new Map<string, Peer>();
  readonly #restart: RestartPreparation;
  readonly #listening = new Set<(event: SpeakerEvent) => void>();
  #gracefulRestart: GracefulRestartOptions | undefined;
  #wanted: readonly WantedRoute[] | undefined;
  #bfd: Bfd | undefined;
  #isRunning = false;
  #isDraining = false;
  /** What was asked for last: starting, stopping and changing peers happen one after the other. */
  #last: Promise<void> = Promise.resolve();

  /** @throws EdgemuxError `ERR_SPEAKER_INVALID` with every problem of the options */
  constructor(options: SpeakerOptions, runtime: Runtime) {
    checkSpeakerOptions(options);
    this.#options = options;
    this.#runtime = runtime;
    this.#gracefulRestart = options.gracefulRestart;
    this.#restart = new RestartPreparation(runtime.clock);
    this.#listeners = new Listeners(runtime, options.port ?? PORT, (connection) =>
      this.#peers.get(connection.remote.address)?.accept(connection),
    );
    for (const peer of options.peers) this.#add(canonicalPeer(peer));
  }

  /** What it is doing now, as plain data. */
  get status(): SpeakerStatus {
    return { listeners: this.#listeners.endpoints, peers: Array.from(this.#peers.values(), ({ status }) => status) };
  }

  /** Calls `listener` with every event from now on, until the function that is returned is called. */
  subscribe(listener: (event: SpeakerEvent) => void): () => void {
    this.#listening.add(listener);
    return () => this.#listening.delete(listener);
  }

  /**
   * Replaces the routes that peers are to have; they are told the differences. Peers hear nothing at all before the
   * first call, not even that there are no routes, so that a restarted speaker does not lose what they kept for it.
   *
   * @throws EdgemuxError `ERR_ROUTES_INVALID` with every problem; then nothing has changed
   */
  announce(routes: Iterable<Route>): void {
    const wanted = resolveRoutes(routes, this.#wanted);
    this.#wanted = wanted;
    // Whoever drains takes its routes back: these are for the next start.
    if (this.#isDraining) return;
    for (const peer of this.#peers.values()) peer.announce(wanted);
  }

  /**
   * Binds the port and begins to connect. Sessions come up later: `subscribe`, or look at `status`.
   *
   * @throws EdgemuxError (as a rejection) `ERR_SOCKET` when a port cannot be bound, after 3 s where its address is missing;
   *   `ERR_UNSUPPORTED` when the platform cannot do what a peer wants; then nothing runs
   */
  start(): Promise<void> {
    return this.#next(async () => {
      if (this.#isRunning) return;
      try {
        if (this.#isOpen) await this.#listeners.set(this.#peerOptions);
        this.#isRunning = true;
        for (const peer of this.#peers.values()) await this.#startPeer(peer);
      } catch (error) {
        this.#halt();
        throw error;
      }
    });
  }

  /**
   * Replaces the peers: new ones are started, those that are gone get a Cease (peer de-configured), and those whose
   * options changed a Cease (other configuration change) and then a new session. Another name alone ends none.
   *
   * @throws EdgemuxError (as a rejection) `ERR_SPEAKER_INVALID` with every problem, and as `start`; then the peers are
   *   those of before, and of those that had been changed already the sessions begin anew
   */
  setPeers(peers: readonly PeerOptions[]): Promise<void> {
    return this.#next(async () => {
      checkPeerOptions(peers, this.#options);
      const before = this.#peerOptions;
      try {
        await this.#replacePeers(peers.map(canonicalPeer));
      } catch (error) {
        await this.#replacePeers(before).catch(() => {});
        throw error;
      }
    });
  }

  /**
   * Prepares peers for a restart, RFC 4724: reopens each session with a peer that knows graceful restart, one after the
   * other, so that the peer keeps our routes for `restartTimeSeconds` once the session is gone. From then on a MUX that
   * dies keeps its routes for that long too: `stop({ kind: 'restart' })` is to follow soon.
   *
   * Resolves when every such session is up again and has its routes.
   *
   * @throws EdgemuxError (as a rejection) `ERR_SPEAKER_INVALID` for a time out of range; the reason of `signal` when
   *   that is aborted
   */
  async prepareRestart(
    { restartTimeSeconds }: Pick<GracefulRestartOptions, 'restartTimeSeconds'>,
    signal?: AbortSignal,
  ): Promise<void> {
    const gracefulRestart = { restartTimeSeconds, isRestarting: false };
    checkSpeakerOptions({ ...this.#options, gracefulRestart });
    signal?.throwIfAborted();
    this.#gracefulRestart = gracefulRestart;
    const isPeer = (peer: Peer) => this.#isRunning && this.#peers.get(peer.options.address) === peer;
    await this.#restart.prepare([...this.#peers.values()], isPeer, signal);
  }

  /** Ends every session and unbinds the port. Resolves when what there was to say has left this process. */
  stop(how: StopHow = { kind: 'drain' }): Promise<void> {
    return this.#next(async () => {
      if (!this.#isRunning) return;
      this.#listeners.close();
      const peers = [...this.#peers.values()];
      if (how.kind === 'drain') {
        const { text, timeoutMs = DRAIN_TIMEOUT_MS } = how;
        this.#isDraining = true;
        for (const peer of peers) peer.announce([]);
        await until(
          this.#runtime.clock,
          () => peers.every((peer) => peer.isTold || peer.state !== 'Established'),
          timeoutMs,
        );
        for (const peer of peers) peer.stop(notificationWithText(NOTIFICATION.CEASE.ADMINISTRATIVE_SHUTDOWN, text));
      }
      this.#halt();
      await until(this.#runtime.clock, () => peers.every(({ isDrained }) => isDrained), LAST_WORDS_MS);
    });
  }

  /** Ends at once, without a word to those who have not been told already. */
  #halt(): void {
    this.#isRunning = false;
    this.#isDraining = false;
    for (const peer of this.#peers.values()) peer.stop('silently');
    this.#listeners.close();
    this.#bfd?.close();
    this.#bfd = undefined;
  }

  get #isOpen(): boolean {
    return this.#options.listens ?? true;
  }

  get #peerOptions(): readonly PeerOptions[] {
    return Array.from(this.#peers.values(), ({ options }) => options);
  }

  #add(options: PeerOptions): Peer {
    const { as, routerId, addresses } = this.#options;
    const peer: Peer = new Peer(options, {
      runtime: this.#runtime,
      identity: { as, routerId },
      addresses,
      listens: this.#isOpen,
      gracefulRestart: () => this.#gracefulRestart,
      emit: (event) => this.#emit(peer.options, event),
    });
    this.#peers.set(options.address, peer);
    return peer;
  }

  /** Goes on after a peer that cannot be started, so that the others are; then throws why the first one could not. */
  async #replacePeers(options: readonly PeerOptions[]): Promise<void> {
    const wanted = new Map(options.map((peer) => [peer.address, peer]));
    if (this.#isRunning && this.#isOpen) await this.#listeners.set(options);
    for (const [address, peer] of this.#peers) {
      const changed = wanted.get(address);
      if (changed !== undefined && isSamePeer(changed, peer.options)) {
        peer.options = changed;
        continue;
      }
      const { PEER_DECONFIGURED, OTHER_CONFIGURATION_CHANGE } = NOTIFICATION.CEASE;
      peer.stop(notification(changed === undefined ? PEER_DECONFIGURED : OTHER_CONFIGURATION_CHANGE));
      this.#peers.delete(address);
    }
    const added = options.filter(({ address }) => !this.#peers.has(address)).map((peer) => this.#add(peer));
    if (!this.#isRunning) return;
    const failures: unknown[] = [];
    for (const peer of added) await this.#startPeer(peer).catch((error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  async #startPeer(peer: Peer): Promise<void> {
    if (this.#wanted !== undefined) peer.announce(this.#wanted);
    peer.start();
    if (peer.unsupported !== undefined) throw peer.unsupported;
    if (peer.options.bfd === undefined) return;
    this.#bfd ??= new Bfd(this.#runtime);
    await peer.watch(this.#bfd);
  }

  #emit({ name, address }: PeerOptions, event: PeerEvent): void {
    const whole = { ...event, peer: name ?? address, address } as SpeakerEvent;
    for (const listener of this.#listening) {
      try {
        listener(whole);
      } catch (error) {
        // A listener that fails is its owner's affair; a session must not stop half-way for it.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Runs `work` after what was asked for before, whatever came of that. */
  #next(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}
