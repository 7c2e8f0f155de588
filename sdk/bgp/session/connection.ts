/** One TCP connection with a peer, driven by its state machine: timers, messages in, messages out. */
import { EdgemuxError } from '../../errors.js';
import type { TcpConnection, TcpEnd, TcpHandlers } from '../../runtime/tcp.js';
import type { Action } from '../fsm/actions.js';
import type { FsmEvent } from '../fsm/events.js';
import { isAtLeast, type State } from '../fsm/states.js';
import { transition } from '../fsm/table.js';
import { messageKind } from '../wire/decode.js';
import { MessageFramer } from '../wire/framer.js';
import { encodeKeepalive } from '../wire/keepalive.js';
import { MessageError, notification } from '../wire/message-error.js';
import type {
  Message,
  NotificationMessage,
  OpenMessage,
  RouteRefreshMessage,
  UpdateMessage,
} from '../wire/messages.js';
import { encodeNotification } from '../wire/notification.js';
import { NOTIFICATION } from '../wire/notification-kinds.js';
import { encodeOpen } from '../wire/open.js';
import type { Session } from './agreement.js';
import { Alarm } from './alarm.js';
import { type Cause, isFailure, noticeFor, reasonOf } from './cause.js';
import type { ConnectionOwner } from './connection-owner.js';
import { Outlet } from './outlet.js';
import { faultOf, isKind, occurrenceOf } from './received-message.js';
import { ConnectionTimers } from './timers.js';

/**
 * Hold times without a byte leaving. RFC 9687 says two, and 8 minutes at the least, for routers with full tables. A load
 * balancer's table is small, and a router that does not read it sends packets to VIPs that are withdrawn.
 */
const SEND_HOLD_TIMES = 2;
/** Bytes written without letting anything else run. */
const TURN_BYTES_MAX = 65_536;

/** What an action is done for. */
interface Step {
  readonly event: FsmEvent;
  readonly cause: Cause;
  readonly notice: NotificationMessage | undefined;
}

/** A connection; `origin` says who opens it. It is used again for the next attempt. */
export class Connection {
  readonly origin: 'outgoing' | 'incoming';
  readonly #owner: ConnectionOwner;
  readonly #timers: ConnectionTimers;
  /** Others run before more is sent. */
  readonly #turn: Alarm;
  #state: State = 'Idle';
  #tcp: TcpConnection | undefined;
  #outlet: Outlet | undefined;
  /** Of the connection before, which may still have something to deliver. */
  #outletBefore: Outlet | undefined;
  #framer = new MessageFramer();
  #ours: OpenMessage | undefined;
  #session: Session | undefined;

  constructor(origin: 'outgoing' | 'incoming', owner: ConnectionOwner) {
    this.origin = origin;
    this.#owner = owner;
    this.#timers = new ConnectionTimers(owner.runtime, (event, text) =>
      this.#on(event, text === undefined ? {} : { text }),
    );
    this.#turn = new Alarm(owner.runtime.clock, () => this.pump());
  }

  get state(): State {
    return this.#state;
  }

  /** What was agreed, from the peer's OPEN on. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** Our end, once the connection is open. */
  get localAddress(): string | undefined {
    return isAtLeast(this.#state, 'OpenSent') ? this.#tcp?.local.address : undefined;
  }

  /** Everything to be sent now has left this process, and the last words of the connection before. */
  get isDrained(): boolean {
    const outlets = [this.#outlet, this.#outletBefore];
    return !this.#turn.isRunning && outlets.every((outlet) => outlet?.isDrained ?? true);
  }

  /** Begins: connects, or waits for the peer to. */
  start(): void {
    this.#on(this.#isPassive ? 'ManualStart_with_PassiveTcpEstablishment' : 'ManualStart');
  }

  /** Begins again: the time of damping is over. */
  startAgain(): void {
    this.#on('IdleHoldTimer_Expires');
  }

  /** Ends with a Cease that says why. */
  stop(cease: NotificationMessage): void {
    this.#on('ManualStop', { notification: cease });
  }

  /** Ends because the peer's other connection stays. */
  dump(): void {
    this.#on('OpenCollisionDump', { notification: notification(NOTIFICATION.CEASE.CONNECTION_COLLISION) });
  }

  /** Ends without a NOTIFICATION, RFC 4724. */
  silence(): void {
    this.#on('SilentStop');
  }

  /** BFD has lost the peer, RFC 9384. */
  bfdDown(): void {
    this.#on('BfdDown', { notification: notification(NOTIFICATION.CEASE.BFD_DOWN) });
  }

  /** Takes over a connection the peer has opened; to be called only while this one waits for it, in Active. */
  accept(tcp: TcpConnection): TcpHandlers {
    this.#begin(tcp);
    this.#on('TcpConnectionConfirmed');
    return this.#handlers();
  }

  /** Sends what there is to send while there is room; to be called whenever there may be more of it. */
  pump(): void {
    const outlet = this.#outlet;
    if (this.#state !== 'Established' || outlet === undefined || this.#turn.isRunning) return;
    for (let byteCount = 0; outlet.hasRoom; ) {
      if (byteCount >= TURN_BYTES_MAX) {
        // Where the kernel takes everything there is always room, and other peers and timers want their turn too.
        this.#turn.start(0);
        return;
      }
      const message = this.#owner.nextMessage();
      if (message === undefined) break;
      byteCount += message.length;
      this.#send(messageKind(message), message);
    }
    if (outlet.isDrained) this.#owner.allSent();
  }

  get #isPassive(): boolean {
    return this.origin === 'incoming';
  }

  /** Runs the machine: the one place where the state changes. */
  #on(event: FsmEvent, cause: Cause = {}): void {
    const previous = this.#state;
    const { state, actions } = transition(previous, event, { isPassive: this.#isPassive });
    const notice = noticeFor(actions, previous, cause);
    this.#state = state;
    for (const action of actions) this.#do[action]({ event, cause, notice });
    if (isFailure(event, previous, actions)) this.#owner.failed(this, previous, reasonOf(event, cause, notice));
    if (state !== previous) this.#owner.changed(this, previous);
    if (actions.includes('send routes')) this.pump();
  }

  readonly #do: Readonly<Record<Action, (step: Step) => void>> = {
    'reset ConnectRetryCounter': () => this.#owner.resetFailures(),
    'increment ConnectRetryCounter': () => this.#owner.countFailure(this),
    'start ConnectRetryTimer': () => this.#timers.startConnectRetry(this.#owner.connectRetryMs),
    'stop ConnectRetryTimer': () => this.#timers.stopConnectRetry(),
    'initiate TCP': () => this.#connect(),
    'drop TCP': ({ event }) => this.#drop(event),
    'send OPEN': () => this.#sendOpen(this.#owner.ourOpen()),
    'wait for OPEN': () => this.#timers.waitForOpen(),
    'send KEEPALIVE': () => this.#sendKeepalive(),
    'start negotiated timers': () => this.#startTimers(),
    'restart HoldTimer': () => this.#timers.restartHold(),
    'restart KeepaliveTimer': () => this.#timers.restartKeepalive(),
    'send NOTIFICATION: Cease': ({ notice }) => this.#send('notification', encodeNotification(notice!)),
    'send NOTIFICATION: hold timer expired': ({ notice }) => this.#send('notification', encodeNotification(notice!)),
    'send NOTIFICATION: FSM error': ({ notice }) => this.#send('notification', encodeNotification(notice!)),
    'send NOTIFICATION: message error': ({ notice }) => this.#send('notification', encodeNotification(notice!)),
    'send routes': () => this.#owner.routesBegin(this, this.#session!),
    'delete routes': () => this.#owner.routesEnd(),
    'process UPDATE': ({ cause }) => this.#owner.received(cause.message as UpdateMessage),
    'process ROUTE-REFRESH': ({ cause }) => this.#refresh(cause.message as RouteRefreshMessage),
    'release resources': () => this.#release(),
    damp: () => this.#owner.damp(),
  };

  #connect(): void {
    try {
      this.#begin(this.#owner.runtime.tcp.connect(this.#owner.connectOptions, this.#handlers()));
    } catch (error) {
      if (!(error instanceof EdgemuxError)) throw error;
      this.#owner.cannotConnect(error);
    }
  }

  #begin(tcp: TcpConnection): void {
    this.#tcp = tcp;
    this.#framer = new MessageFramer();
    this.#outlet = new Outlet(this.#owner.runtime.clock, tcp, () =>
      this.#on('SendHoldTimer_Expires', { text: 'send hold timer expired: the peer takes nothing' }),
    );
  }

  #handlers(): TcpHandlers {
    return {
      opened: () => this.#on('Tcp_CR_Acked'),
      received: (bytes) => this.#received(bytes),
      drained: () => this.pump(),
      closed: (end) => this.#on('TcpConnectionFails', { text: textOf(end) }),
    };
  }

  #drop(event: FsmEvent): void {
    // A connection that is not open yet, is gone, or takes nothing has nothing to deliver any more.
    const isUseless = this.#ours === undefined || event === 'TcpConnectionFails' || event === 'SendHoldTimer_Expires';
    if (isUseless) this.#outlet?.abort();
    else this.#outlet?.close();
    this.#outletBefore = isUseless ? undefined : this.#outlet;
    this.#outlet = undefined;
    this.#tcp = undefined;
    this.#ours = undefined;
  }

  #release(): void {
    this.#timers.stopSession();
    this.#turn.stop();
    this.#framer = new MessageFramer();
    this.#session = undefined;
  }

  #startTimers(): void {
    const holdTimeMs = this.#session!.holdTimeSeconds * 1000;
    this.#timers.startSession(holdTimeMs);
    this.#outlet!.watch(SEND_HOLD_TIMES * holdTimeMs);
  }

  #send(kind: Message['kind'], bytes: Uint8Array): void {
    this.#outlet!.write(bytes);
    this.#owner.count('sent', kind);
  }

  #sendOpen(open: OpenMessage): void {
    this.#ours = open;
    this.#send('open', encodeOpen(open));
  }

  #sendKeepalive(): void {
    // Who has that much to read hears of us anyway.
    if (this.#outlet!.hasRoom) this.#send('keepalive', encodeKeepalive());
  }

  #received(bytes: Uint8Array): void {
    const framer = this.#framer;
    framer.push(bytes);
    try {
      // What follows the message that ended a session was meant for that session.
      while (framer === this.#framer) {
        const frame = framer.next();
        if (frame === undefined) return;
        this.#message(frame);
      }
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      const { event, cause } = faultOf(error);
      this.#on(event, cause);
    }
  }

  #message(frame: Uint8Array): void {
    const kind = messageKind(frame);
    this.#owner.count('received', kind);
    const { event, cause } = occurrenceOf(kind, frame, this.#state, this.#session?.agreement);
    const { message } = cause;
    if (message?.kind === 'open') {
      const session = this.#owner.agree(this.#ours!, message);
      if (!this.#owner.survives(this, message)) {
        this.dump();
        return;
      }
      this.#session = session;
    }
    if (message?.kind === 'notification' && isKind(message, NOTIFICATION.OPEN.UNSUPPORTED_OPTIONAL_PARAMETER)) {
      this.#owner.capabilitiesRefused();
    }
    this.#on(event, cause);
  }

  #refresh({ family, subtype }: RouteRefreshMessage): void {
    const { agreement, isRefreshEnhanced } = this.#session!;
    // The marks of RFC 7313 are about routes of the peer, and nobody keeps those. Where it was not agreed on, the octet is
    // the reserved one of RFC 2918, which says nothing.
    if (isRefreshEnhanced && subtype !== 'request') return;
    if (family === undefined || !agreement.families.has(family)) return;
    this.#owner.refresh(family);
    this.pump();
  }
}

function textOf({ how, text }: TcpEnd): string {
  return how === 'ended' ? 'the peer closed the connection' : text;
}
