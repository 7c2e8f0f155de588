/**
 * A peer: the connection we open to it and the one it opens to us, of which one becomes the session.
 *
 *     outgoing  Idle → Connect ⇄ Active → OpenSent → OpenConfirm → Established
 *     incoming  Idle → Active           → OpenSent → OpenConfirm → Established
 *
 * When a connection fails and the other one is not on its way to a session either, both rest in Idle for a while. One
 * that had to go for the other rests as long as that one lives.
 */
import type { Bfd } from '../../bfd/index.js';
import type { EdgemuxError } from '../../errors.js';
import type { Runtime } from '../../runtime/index.js';
import type { TcpConnection, TcpConnectOptions, TcpHandlers, TcpProtection } from '../../runtime/tcp.js';
import { isAtLeast, type State } from '../fsm/states.js';
import type { GracefulRestartOptions, PeerOptions } from '../options.js';
import type { WantedRoute } from '../rib/resolve-routes.js';
import type { PeerEvent, PeerStatus } from '../status.js';
import type { Family, Message, NotificationMessage, OpenMessage, UpdateMessage } from '../wire/messages.js';
import { agree, familiesFor, type Identity, openFor, type Session } from './agreement.js';
import { BfdGuard } from './bfd-guard.js';
import { isForPeerToEnd, survives } from './collision.js';
import { Connection } from './connection.js';
import type { ConnectionOwner } from './connection-owner.js';
import { IdleHold } from './idle-hold.js';
import { PeerRoutes } from './peer-routes.js';

const PORT = 179;
const CONNECT_RETRY_SECONDS = 5;

/** What a peer needs of the speaker. */
export interface PeerContext {
  readonly runtime: Runtime;
  readonly identity: Identity;
  readonly addresses: { readonly ipv4?: string; readonly ipv6?: string };
  /** Whether the peer can connect to us. */
  readonly listens: boolean;
  /** What to advertise now, if anything. */
  gracefulRestart(): GracefulRestartOptions | undefined;
  emit(event: PeerEvent): void;
}

/** A peer and everything about it. */
export class Peer implements ConnectionOwner {
  /** To be replaced only by options that a session made with these is good for. */
  options: PeerOptions;
  readonly runtime: Runtime;
  readonly connectRetryMs: number;
  readonly connectOptions: TcpConnectOptions;
  readonly #context: PeerContext;
  readonly #outgoing: Connection | undefined;
  readonly #incoming: Connection | undefined;
  readonly #idleHold: IdleHold;
  readonly #bfd: BfdGuard;
  readonly #routes: PeerRoutes;
  readonly #counts = { sent: newCounts(), received: newCounts() };
  #isStarted = false;
  #isReplacing = false;
  #state: State = 'Idle';
  #stateBeganMs: number;
  #lastError: string | undefined;
  #offersCapabilities = true;
  #hasHadSession = false;
  #unsupported: EdgemuxError | undefined;

  constructor(options: PeerOptions, context: PeerContext) {
    const { runtime, identity, addresses } = context;
    const { address, localAddress, port = PORT, connectRetrySeconds = CONNECT_RETRY_SECONDS } = options;
    this.options = options;
    this.runtime = runtime;
    this.connectRetryMs = connectRetrySeconds * 1000;
    this.connectOptions = {
      remote: { address, port },
      ...(localAddress !== undefined && { localAddress }),
      ...protectionOf(options),
    };
    this.#context = context;
    this.#stateBeganMs = runtime.clock.nowMs();
    this.#outgoing = options.isPassive ? undefined : new Connection('outgoing', this);
    this.#incoming = context.listens ? new Connection('incoming', this) : undefined;
    this.#idleHold = new IdleHold(runtime.clock, () => this.#startAgain());
    this.#bfd = new BfdGuard(
      (event) => context.emit(event),
      () => {
        for (const connection of this.#connections) connection.bfdDown();
      },
    );
    this.#routes = new PeerRoutes({ as: identity.as, remoteAddress: address, addresses });
  }

  get state(): State {
    return this.#state;
  }

  /** Everything written has left this process. */
  get isDrained(): boolean {
    return this.#connections.every(({ isDrained }) => isDrained);
  }

  /** The peer has every route it can have, as far as this process can tell. */
  get isTold(): boolean {
    return this.#routes.isWritten && this.isDrained;
  }

  /** The peer keeps routes of speakers that restart, and does not know yet for how long it should keep ours. */
  get isUnpreparedForRestart(): boolean {
    const session = this.#established?.session;
    const told = session?.ours.capabilities.gracefulRestart?.restartTimeSeconds;
    const isAble = session?.theirs.capabilities.gracefulRestart !== undefined;
    return isAble && told !== this.#context.gracefulRestart()?.restartTimeSeconds;
  }

  /** Why the platform cannot connect to this peer, once that has been tried. */
  get unsupported(): EdgemuxError | undefined {
    return this.#unsupported;
  }

  get status(): PeerStatus {
    const { name, address, as } = this.options;
    const session = this.#connections.find(({ state }) => isAtLeast(state, 'OpenConfirm'))?.session;
    const bfd = this.#bfd.status;
    return {
      name: name ?? address,
      address,
      as,
      state: this.#state,
      sinceMs: this.runtime.clock.nowMs() - this.#stateBeganMs,
      ...(session && { routerId: session.theirs.routerId, holdTimeSeconds: session.holdTimeSeconds }),
      families: [...(session?.agreement.families ?? [])],
      announcedCount: this.#routes.announcedCount,
      pendingCount: this.#routes.pendingCount,
      unannounced: this.#routes.unannounced,
      received: { ...this.#counts.received },
      sent: { ...this.#counts.sent },
      failureCount: this.#idleHold.failureCount,
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
      ...(bfd && { bfd }),
    };
  }

  /** Begins to connect and to accept. */
  start(): void {
    for (const connection of this.#connections) connection.start();
    this.#isStarted = true;
  }

  /** Has BFD watch the peer from now until `stop`. */
  async watch(bfd: Bfd): Promise<void> {
    await this.#bfd.start(bfd, this.options);
  }

  /** Replaces the routes the peer is to have. */
  announce(wanted: readonly WantedRoute[]): void {
    this.#routes.replace(wanted);
    this.#established?.pump();
  }

  /** Ends the session, with a NOTIFICATION that says why or without a word, and makes no other. */
  stop(how: NotificationMessage | 'silently'): void {
    this.#bfd.stop();
    this.#end(how);
  }

  /** Ends the session and makes a new one at once. */
  reopen(why: NotificationMessage): void {
    this.#end(why);
    this.start();
  }

  /** A connection that the peer has opened: its handlers, or `undefined` to refuse it. */
  accept(tcp: TcpConnection): TcpHandlers | undefined {
    const incoming = this.#incoming;
    const { localAddress = tcp.local.address } = this.options;
    if (tcp.local.address !== localAddress) return undefined;
    // In Idle a speaker refuses, RFC 4271 section 8.2.2: who fails again and again is to be left alone for a while.
    if (incoming === undefined || !this.#isStarted || this.#idleHold.isRunning) return undefined;
    const established = this.#established;
    // Section 6.8: an Established connection wins any collision. But RFC 4724 section 5: who restarts comes back so.
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

  // What follows is for the connections.

  ourOpen(): OpenMessage {
    const { gracefulRestart, identity } = this.#context;
    const restart = gracefulRestart();
    // The R bit is for the first session after the restart: the next one is lost for another reason.
    const isRestarting = restart?.isRestarting === true && !this.#hasHadSession;
    return openFor(this.options, identity, restart && { ...restart, isRestarting }, this.#offersCapabilities);
  }

  agree(ours: OpenMessage, theirs: OpenMessage): Session {
    return agree(ours, theirs, this.options);
  }

  survives(connection: Connection, open: OpenMessage): boolean {
    return survives(connection, this.#otherThan(connection), this.#context.identity, open);
  }

  changed(connection: Connection, previous: State): void {
    const other = this.#otherThan(connection);
    // Of two that got so far this one has won.
    if (connection.state === 'OpenConfirm' && other?.state === 'OpenConfirm') other.dump();
    if (connection.state === 'Established' && other !== undefined) {
      if (!isCarrying(other)) other.silence();
      else if (!isForPeerToEnd(other, this.#context.identity, connection.session!.theirs)) other.dump();
    }
    this.#updateState();
    // A passive connection that breaks before it is a session waits on in Active; the other one may rest for it.
    const isOverEarly = isCarrying({ state: previous }) && !isCarrying(connection);
    if (isOverEarly && other?.state === 'Idle' && !this.#isReplacing) this.damp();
  }

  failed(connection: Connection, state: State, reason: string): void {
    // What fails beside a connection that may become the session, or is it, has harmed nobody.
    if (isCarrying(this.#otherThan(connection))) return;
    const isNews = state === 'Established' || reason !== this.#lastError;
    this.#lastError = reason;
    if (isNews) this.#context.emit({ kind: 'down', state, reason });
  }

  cannotConnect(error: EdgemuxError): void {
    this.#unsupported = error;
    this.failed(this.#outgoing!, 'Connect', error.message);
  }

  capabilitiesRefused(): void {
    // Without capabilities there is IPv4 and nothing else.
    if (familiesFor(this.options).includes('ipv4')) this.#offersCapabilities = false;
  }

  resetFailures(): void {
    this.#idleHold.reset();
  }

  countFailure(connection: Connection): void {
    // The end of a connection that another one replaces is no failure of the peer.
    if (isCarrying(this.#otherThan(connection))) return;
    const isSession = this.#state === 'Established';
    this.#idleHold.countFailure(isSession ? this.runtime.clock.nowMs() - this.#stateBeganMs : 0);
  }

  damp(): void {
    if (!this.#isStarted || this.#idleHold.isRunning || this.#connections.some(isCarrying)) return;
    this.#idleHold.start();
    for (const connection of this.#connections) connection.silence();
  }

  routesBegin(connection: Connection, session: Session): void {
    const other = this.#otherThan(connection);
    if (other?.state === 'Established') other.dump();
    this.#hasHadSession = true;
    this.#offersCapabilities = true;
    this.#lastError = undefined;
    this.#routes.begin(connection.localAddress!, session);
  }

  nextMessage(): Uint8Array | undefined {
    return this.#routes.next();
  }

  allSent(): void {
    const news = this.#routes.news();
    if (news !== undefined) this.#context.emit(news);
  }

  routesEnd(): void {
    this.#routes.end();
  }

  // Routes of the peer are checked and counted; a MUX sends packets to its hosts, never by them.
  received({ faults }: UpdateMessage): void {
    for (const { disposition, text } of faults) this.#context.emit({ kind: 'fault', disposition, text });
  }

  refresh(family: Family): void {
    this.#context.emit({ kind: 'refresh', family });
    this.#routes.refresh(family);
  }

  count(direction: 'sent' | 'received', kind: Message['kind']): void {
    this.#counts[direction][kind] += 1;
  }

  get #connections(): readonly Connection[] {
    return [this.#outgoing, this.#incoming].filter((connection) => connection !== undefined);
  }

  get #established(): Connection | undefined {
    return this.#connections.find(({ state }) => state === 'Established');
  }

  #otherThan(connection: Connection): Connection | undefined {
    return connection === this.#outgoing ? this.#incoming : this.#outgoing;
  }

  #updateState(): void {
    const previous = this.#state;
    this.#state = this.#connections.map(({ state }) => state).reduce((a, b) => (isAtLeast(a, b) ? a : b), 'Idle');
    if (this.#state === previous) return;
    this.#stateBeganMs = this.runtime.clock.nowMs();
    this.#context.emit({ kind: 'state', state: this.#state, previous });
  }

  #end(how: NotificationMessage | 'silently'): void {
    this.#isStarted = false;
    this.#idleHold.stop();
    for (const connection of this.#connections) {
      if (how === 'silently') connection.silence();
      else connection.stop(how);
    }
  }

  #startAgain(): void {
    for (const connection of this.#connections) connection.startAgain();
  }
}

/** What protects the connections to and from a peer. */
export function protectionOf({ md5Key, ttlSecurityHops }: PeerOptions): TcpProtection {
  return { ...(md5Key !== undefined && { md5Key }), ...(ttlSecurityHops !== undefined && { ttlSecurityHops }) };
}

/** A connection that may become the session, or is it. */
function isCarrying(connection: { readonly state: State } | undefined): boolean {
  return connection !== undefined && isAtLeast(connection.state, 'OpenSent');
}

function newCounts(): Record<Message['kind'], number> {
  return { open: 0, update: 0, notification: 0, keepalive: 0, 'route-refresh': 0 };
}
