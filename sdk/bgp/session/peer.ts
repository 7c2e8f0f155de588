/**
 * A peer: the connection we open to it and the one it opens to us, of which one becomes the session.
 *
 *     outgoing  Idle → Connect ⇄ Active → OpenSent → OpenConfirm → Established
 *     incoming  Idle → Active           → OpenSent → OpenConfirm → Established
 *
 * When a connection fails and the other one is not on its way to a session either, both rest in Idle for a time that
 * doubles with each failure: DampPeerOscillations of RFC 4271 section 8.1.1.
 */
import { type Bfd, type BfdState, type BfdWatch, diagnosticText } from '../../bfd/index.js';
import type { EdgemuxError } from '../../errors.js';
import type { Runtime } from '../../runtime/index.js';
import type { TcpConnection, TcpConnectOptions, TcpHandlers, TcpProtection } from '../../runtime/tcp.js';
import { isAtLeast, type State } from '../fsm/states.js';
import type { GracefulRestartOptions, PeerOptions } from '../options.js';
import type { WantedRoute } from '../rib/resolve-routes.js';
import { RibOut } from '../rib/rib-out.js';
import { routesOnSession, type UnannouncedRoute } from '../rib/session-routes.js';
import type { PeerEvent, PeerStatus } from '../status.js';
import type { Family, Message, NotificationMessage, OpenMessage, UpdateMessage } from '../wire/messages.js';
import { agree, collisionWinner, familiesFor, type Identity, openFor, type Session } from './agreement.js';
import { Alarm } from './alarm.js';
import { Connection, type ConnectionOwner } from './connection.js';

const PORT = 179;
const CONNECT_RETRY_SECONDS = 5;
/** Idle hold time after the first failure; it doubles with each one more. */
const IDLE_HOLD_MS = 1000;
const IDLE_HOLD_MS_MAX = 60_000;
/** A session that lasted so long was a good one: what failed before it is forgotten. */
const GOOD_SESSION_MS = 60_000;

/** What a peer needs to know of the speaker. */
export interface PeerContext {
  readonly runtime: Runtime;
  readonly identity: Identity;
  /** Next hops for families that a session's own address is not of. */
  readonly addresses: { readonly ipv4?: string; readonly ipv6?: string };
  /** Whether the peer can connect to us. */
  readonly listens: boolean;
  /** What to advertise now, if anything. */
  gracefulRestart(): GracefulRestartOptions | undefined;
  emit(event: PeerEvent): void;
}

/** A peer and everything about it. */
export class Peer implements ConnectionOwner {
  readonly options: PeerOptions;
  readonly runtime: Runtime;
  readonly connectRetryMs: number;
  readonly connectOptions: TcpConnectOptions;
  readonly #context: PeerContext;
  readonly #outgoing: Connection | undefined;
  readonly #incoming: Connection | undefined;
  readonly #idleHold: Alarm;
  readonly #rib = new RibOut();
  readonly #counts = { sent: newCounts(), received: newCounts() };
  #wanted: readonly WantedRoute[] | undefined;
  #unannounced: readonly UnannouncedRoute[] = [];
  /** What the peer had been told when that was last said. */
  #told = { announced: 0, withdrawn: 0 };
  #watch: BfdWatch | undefined;
  #unsupported: EdgemuxError | undefined;
  #isReplacing = false;
  #isStarted = false;
  #state: State = 'Idle';
  #stateBeganMs: number;
  #failureCount = 0;
  #lastError: string | undefined;
  #offersCapabilities = true;
  #hasHadSession = false;

  constructor(options: PeerOptions, context: PeerContext) {
    const { runtime } = context;
    this.options = options;
    this.runtime = runtime;
    this.connectRetryMs = (options.connectRetrySeconds ?? CONNECT_RETRY_SECONDS) * 1000;
    this.connectOptions = {
      remote: { address: options.address, port: options.port ?? PORT },
      ...(options.localAddress !== undefined && { localAddress: options.localAddress }),
      ...protectionOf(options),
    };
    this.#context = context;
    this.#stateBeganMs = runtime.clock.nowMs();
    this.#outgoing = options.isPassive ? undefined : new Connection('outgoing', this);
    this.#incoming = context.listens ? new Connection('incoming', this) : undefined;
    this.#idleHold = new Alarm(runtime.clock, () => this.#startAgain());
  }

  /** Begins to connect and to accept. */
  start(): void {
    for (const connection of this.#connections) connection.start();
    this.#isStarted = true;
  }

  /** Has BFD watch the peer from now until `stop`. */
  async watch(bfd: Bfd): Promise<void> {
    const { address, localAddress, bfd: timers } = this.options;
    let before: BfdState = 'Down';
    const options = { ...timers, localAddress: localAddress!, remoteAddress: address };
    const watch = await bfd.watch(options, (state, diagnostic) => {
      this.#context.emit({
        kind: 'bfd',
        state,
        remoteState: watch.remoteState,
        diagnostic: diagnosticText(diagnostic),
      });
      // Whoever switches BFD off has not failed, RFC 5882 section 3.2; and who was never up has no BFD perhaps.
      const isLost = before === 'Up' && state === 'Down' && watch.remoteState !== 'AdminDown';
      before = state;
      if (isLost) for (const connection of this.#connections) connection.bfdDown();
    });
    this.#watch = watch;
  }

  /** Ends the session, with a NOTIFICATION that says why or without a word, and makes no other. */
  stop(how: NotificationMessage | 'silently'): void {
    this.#watch?.stop();
    this.#watch = undefined;
    this.#end(how);
  }

  #end(how: NotificationMessage | 'silently'): void {
    this.#isStarted = false;
    this.#idleHold.stop();
    for (const connection of this.#connections) {
      if (how === 'silently') connection.silence();
      else connection.stop(how);
    }
  }

  /** Ends the session and makes a new one at once. */
  reopen(why: NotificationMessage): void {
    this.#end(why);
    this.start();
  }

  /** Whether the peer would keep routes of a restarting speaker, and has not been told for how long. */
  get isUnpreparedForRestart(): boolean {
    const session = this.#connections.find(({ state }) => state === 'Established')?.session;
    const capability = session?.theirs.capabilities.gracefulRestart;
    const told = session?.ours.capabilities.gracefulRestart?.restartTimeSeconds;
    return capability !== undefined && told !== this.#context.gracefulRestart()?.restartTimeSeconds;
  }

  /** A connection that the peer has opened: its handlers, or `undefined` to refuse it. */
  accept(tcp: TcpConnection): TcpHandlers | undefined {
    const incoming = this.#incoming;
    // In Idle a speaker refuses, RFC 4271 section 8.2.2: who fails again and again is to be left alone for a while.
    if (incoming === undefined || !this.#isStarted || this.#idleHold.isRunning) return undefined;
    const established = this.#connections.find(({ state }) => state === 'Established');
    // Section 6.8: an Established connection wins any collision; but see RFC 4724 section 5.
    if (established !== undefined && !established.session!.isReplaceable) return undefined;
    if (established !== undefined) this.failed(established, 'Established', 'the peer has restarted');
    this.#isReplacing = true;
    established?.silence();
    // A peer that connects twice has forgotten the first time.
    if (isAtLeast(incoming.state, 'OpenSent')) incoming.silence();
    if (incoming.state === 'Idle') incoming.startAgain();
    this.#isReplacing = false;
    return incoming.accept(tcp);
  }

  /** Whether everything written has left this process. */
  get isDrained(): boolean {
    return this.#connections.every(({ isDrained }) => isDrained);
  }

  get state(): State {
    return this.#state;
  }

  /** Why the platform cannot connect to this peer, once that has been tried. */
  get unsupported(): EdgemuxError | undefined {
    return this.#unsupported;
  }

  /** The peer has every route it can have, as far as this process can tell. */
  get isTold(): boolean {
    return (
      this.#state === 'Established' && this.#wanted !== undefined && this.#rib.pendingCount === 0 && this.isDrained
    );
  }

  get status(): PeerStatus {
    const { name, address, as } = this.options;
    const session = this.#connections.find(({ state }) => isAtLeast(state, 'OpenConfirm'))?.session;
    return {
      name: name ?? address,
      address,
      as,
      state: this.#state,
      sinceMs: this.runtime.clock.nowMs() - this.#stateBeganMs,
      ...(session && { routerId: session.theirs.routerId, holdTimeSeconds: session.holdTimeSeconds }),
      families: [...(session?.agreement.families ?? [])],
      announcedCount: this.#rib.announcedCount,
      pendingCount: this.#rib.pendingCount,
      unannounced: this.#unannounced,
      received: { ...this.#counts.received },
      sent: { ...this.#counts.sent },
      failureCount: this.#failureCount,
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
      ...(this.#watch && { bfd: { state: this.#watch.state, remoteState: this.#watch.remoteState } }),
    };
  }

  /** Replaces the routes the peer is to have. */
  announce(wanted: readonly WantedRoute[]): void {
    this.#wanted = wanted;
    this.#tell();
  }

  // What follows is called by the connections.

  ourOpen(): OpenMessage {
    const { gracefulRestart, identity } = this.#context;
    const restart = gracefulRestart();
    // The R bit is for the first session after the restart: the next one is lost for another reason.
    const isRestarting = restart !== undefined && restart.isRestarting && !this.#hasHadSession;
    return openFor(this.options, identity, restart && { ...restart, isRestarting }, this.#offersCapabilities);
  }

  agree(ours: OpenMessage, theirs: OpenMessage): Session {
    return agree(ours, theirs, this.options);
  }

  survives(connection: Connection, open: OpenMessage): boolean {
    const other = this.#otherThan(connection);
    if (other === undefined || !isAtLeast(other.state, 'OpenConfirm')) return true;
    if (other.state === 'Established') return false;
    if (collisionWinner(this.#context.identity, open) !== connection.origin) return false;
    other.dump();
    return true;
  }

  established(connection: Connection, session: Session): void {
    this.#hasHadSession = true;
    this.#offersCapabilities = true;
    this.#lastError = undefined;
    const other = this.#otherThan(connection);
    if (other !== undefined && isAtLeast(other.state, 'OpenSent')) other.dump();
    else other?.silence();
    this.#rib.agree(session.agreement, session.isRefreshEnhanced);
    this.#tell();
  }

  nextMessage(): Uint8Array | undefined {
    return this.#rib.next();
  }

  allSent(): void {
    const counts = this.#rib.writtenCounts;
    const announced = counts.announced - this.#told.announced;
    const withdrawn = counts.withdrawn - this.#told.withdrawn;
    this.#told = counts;
    const total = this.#rib.announcedCount;
    if (announced + withdrawn > 0) this.#context.emit({ kind: 'routes', announced, withdrawn, total });
  }

  routesDeleted(): void {
    this.#rib.reset();
    this.#unannounced = [];
    this.#told = this.#rib.writtenCounts;
  }

  // Routes of the peer are checked and counted; a MUX sends packets to its hosts, never by them.
  update(message: UpdateMessage): void {
    for (const { disposition, text } of message.faults) this.#context.emit({ kind: 'fault', disposition, text });
  }

  refresh(family: Family): void {
    this.#context.emit({ kind: 'refresh', family });
    this.#rib.refresh(family);
  }

  count(direction: 'sent' | 'received', kind: Message['kind']): void {
    this.#counts[direction][kind] += 1;
  }

  cannotConnect(error: EdgemuxError): void {
    this.#unsupported = error;
    this.failed(this.#outgoing!, 'Connect', error.message);
  }

  changed(_connection: Connection, previous: State): void {
    const state = this.#furthestState();
    if (state !== this.#state) {
      const event = { kind: 'state', state, previous: this.#state } as const;
      this.#state = state;
      this.#stateBeganMs = this.runtime.clock.nowMs();
      this.#context.emit(event);
    }
    // A passive connection that broke before it was one waits on in Active; the other may have been put to rest for it.
    const isLeftAlone = this.#connections.some((connection) => connection.state === 'Idle');
    if (isAtLeast(previous, 'OpenSent') && isLeftAlone && !this.#isReplacing) this.#rest();
  }

  failed(_connection: Connection, state: State, reason: string): void {
    const isNews = state === 'Established' || reason !== this.#lastError;
    this.#lastError = reason;
    if (isNews) this.#context.emit({ kind: 'down', state, reason });
  }

  counter(change: 'reset' | 'increment', connection: Connection): void {
    if (change === 'reset') {
      this.#failureCount = 0;
      return;
    }
    // The end of a connection that another one replaces is no failure of the peer.
    if (this.#isCarriedBy(this.#otherThan(connection))) return;
    const lastedMs = this.runtime.clock.nowMs() - this.#stateBeganMs;
    if (this.#state === 'Established' && lastedMs >= GOOD_SESSION_MS) this.#failureCount = 0;
    this.#failureCount += 1;
  }

  damp(): void {
    this.#rest();
  }

  capabilitiesRefused(): void {
    // Without capabilities there is IPv4 and nothing else.
    this.#offersCapabilities = !familiesFor(this.options).includes('ipv4');
  }

  get #connections(): readonly Connection[] {
    return [this.#outgoing, this.#incoming].filter((connection) => connection !== undefined);
  }

  #otherThan(connection: Connection): Connection | undefined {
    return connection === this.#outgoing ? this.#incoming : this.#outgoing;
  }

  #isCarriedBy(connection: Connection | undefined): boolean {
    return connection !== undefined && isAtLeast(connection.state, 'OpenSent');
  }

  #furthestState(): State {
    return this.#connections.map(({ state }) => state).reduce((a, b) => (isAtLeast(a, b) ? a : b), 'Idle');
  }

  /** Leaves the peer alone for a while, unless a connection carries it. */
  #rest(): void {
    if (!this.#isStarted || this.#idleHold.isRunning) return;
    if (this.#connections.some((connection) => this.#isCarriedBy(connection))) return;
    const doublings = Math.max(0, this.#failureCount - 1);
    this.#idleHold.start(Math.min(IDLE_HOLD_MS * 2 ** doublings, IDLE_HOLD_MS_MAX));
    for (const connection of this.#connections) connection.silence();
  }

  /** Works out what the peer is to be told in its session, and tells it. */
  #tell(): void {
    const connection = this.#connections.find(({ state }) => state === 'Established');
    if (connection === undefined || this.#wanted === undefined) return;
    const { identity, addresses } = this.#context;
    const { routes, unannounced } = routesOnSession(this.#wanted, identity.as, {
      localAddress: connection.localAddress!,
      remoteAddress: this.options.address,
      addresses,
      agreement: connection.session!.agreement,
    });
    this.#rib.replace(routes);
    this.#unannounced = unannounced;
    connection.pump();
  }

  #startAgain(): void {
    for (const connection of this.#connections) connection.startAgain();
  }
}

/** What protects the connections to and from a peer. */
export function protectionOf({ md5Key, ttlSecurityHops }: PeerOptions): TcpProtection {
  return { ...(md5Key !== undefined && { md5Key }), ...(ttlSecurityHops !== undefined && { ttlSecurityHops }) };
}

function newCounts(): Record<Message['kind'], number> {
  return { open: 0, update: 0, notification: 0, keepalive: 0, 'route-refresh': 0 };
}
