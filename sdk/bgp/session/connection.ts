/** One TCP connection with a peer, driven by its state machine: timers, messages in, messages out. */
import { EdgemuxError } from '../../errors.js';
import type { Runtime } from '../../runtime/index.js';
import type { TcpConnection, TcpConnectOptions, TcpEnd, TcpHandlers } from '../../runtime/tcp.js';
import type { Action } from '../fsm/actions.js';
import type { FsmEvent } from '../fsm/events.js';
import { isAtLeast, type State } from '../fsm/states.js';
import { transition } from '../fsm/table.js';
import { decodeMessage, messageKind } from '../wire/decode.js';
import { MessageFramer } from '../wire/framer.js';
import { MESSAGE_TYPE } from '../wire/header.js';
import { encodeKeepalive } from '../wire/keepalive.js';
import { MessageError, notification } from '../wire/message-error.js';
import type {
  Family,
  Message,
  NotificationMessage,
  OpenMessage,
  RouteRefreshMessage,
  UpdateMessage,
} from '../wire/messages.js';
import { encodeNotification } from '../wire/notification.js';
import { NOTIFICATION, type NotificationKind } from '../wire/notification-kinds.js';
import { notificationText } from '../wire/notification-text.js';
import { encodeOpen } from '../wire/open.js';
import type { Session } from './agreement.js';
import { Alarm, jittered } from './alarm.js';
import { Outlet } from './outlet.js';

/**
 * Milliseconds to wait for the peer's OPEN. RFC 4271 suggests four minutes; a router that has accepted TCP and says
 * nothing is hung, and a MUX that waits for it is missing from it meanwhile.
 */
const OPEN_WAIT_MS = 60_000;
/** A timer that goes off so much too late was held up with its process, and so was reading what the peer sent. */
const LATE_MS_MAX = 100;
/** Time to read that. */
const CATCH_UP_MS = 50;
/** Bytes written without letting anything else run. */
const TURN_BYTES_MAX = 65_536;
/** Twice the hold time without sending a byte: RFC 9687 says no less than 8 minutes, for routers with full tables. */
const SEND_HOLD_TIMES = 2;

/** What a connection asks of the peer it belongs to. */
export interface ConnectionOwner {
  readonly runtime: Runtime;
  /** Where to connect to, and how. */
  readonly connectOptions: TcpConnectOptions;
  readonly connectRetryMs: number;
  /** The OPEN to send now. */
  ourOpen(): OpenMessage;
  /** What follows from both OPENs; throws a MessageError when the peer's is not acceptable. */
  agree(ours: OpenMessage, theirs: OpenMessage): Session;
  /** Whether this connection stays now that its OPEN has come, RFC 4271 section 6.8; ends the other one if so. */
  survives(connection: Connection, open: OpenMessage): boolean;
  /** The next UPDATE or ROUTE-REFRESH for the peer, `undefined` when it has been told everything. */
  nextMessage(): Uint8Array | undefined;
  /** Everything there was to send has left this process. */
  allSent(): void;
  /** Routes are to be sent from now on: `nextMessage` speaks to this session. */
  established(connection: Connection, session: Session): void;
  /** The peer has no routes of us any more. */
  routesDeleted(): void;
  update(message: UpdateMessage): void;
  refresh(family: Family): void;
  changed(connection: Connection, previous: State): void;
  /** A connection, or an attempt at one, came to an end in `state` that nobody here asked for. */
  failed(connection: Connection, state: State, reason: string): void;
  counter(change: 'reset' | 'increment', connection: Connection): void;
  damp(connection: Connection): void;
  count(direction: 'sent' | 'received', kind: Message['kind']): void;
  /** The platform cannot make this connection at all. */
  cannotConnect(error: EdgemuxError): void;
  /** The peer wants no optional parameters, RFC 5492 section 3. */
  capabilitiesRefused(): void;
}

/** Why an event happened: the NOTIFICATION it calls for, or the words for it. */
interface Cause {
  readonly notification?: NotificationMessage;
  /** Type of a message that came when it should not. */
  readonly messageType?: number;
  /** For people, where no NOTIFICATION says it. */
  readonly text?: string;
  readonly message?: Message;
}

/** A connection; `origin` says who opens it. It is used again for the next attempt. */
export class Connection {
  readonly origin: 'outgoing' | 'incoming';
  readonly #owner: ConnectionOwner;
  readonly #connectRetry: Alarm;
  readonly #hold: Alarm;
  readonly #keepalive: Alarm;
  readonly #turn: Alarm;
  #state: State = 'Idle';
  #tcp: TcpConnection | undefined;
  #outlet: Outlet | undefined;
  #closing: Outlet | undefined;
  #framer = new MessageFramer();
  #ours: OpenMessage | undefined;
  #session: Session | undefined;
  #holdTimeMs = 0;
  #isCatchingUp = false;

  constructor(origin: 'outgoing' | 'incoming', owner: ConnectionOwner) {
    this.origin = origin;
    this.#owner = owner;
    const { clock } = owner.runtime;
    this.#connectRetry = new Alarm(clock, () => this.#on('ConnectRetryTimer_Expires'));
    this.#hold = new Alarm(clock, () => this.#holdExpired());
    this.#keepalive = new Alarm(clock, () => this.#on('KeepaliveTimer_Expires'));
    this.#turn = new Alarm(clock, () => this.pump());
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

  /** Everything written has left this process, also what was written to the connection before. */
  get isDrained(): boolean {
    return !this.#turn.isRunning && [this.#outlet, this.#closing].every((outlet) => outlet?.isDrained ?? true);
  }

  /** Begins: connects, or waits for the peer to. */
  start(): void {
    this.#on(this.#isPassive ? 'ManualStart_with_PassiveTcpEstablishment' : 'ManualStart');
  }

  /** The time of damping is over. */
  startAgain(): void {
    this.#on('IdleHoldTimer_Expires');
  }

  /** Ends with a Cease that says why. */
  stop(cease: NotificationMessage): void {
    this.#on('ManualStop', { notification: cease });
  }

  /** Ends because the other connection of the peer stays. */
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

  /** Takes over a connection the peer has opened; only while this one waits for it (Active). */
  accept(tcp: TcpConnection): TcpHandlers {
    this.#begin(tcp);
    this.#on('TcpConnectionConfirmed');
    return this.#handlers();
  }

  /** Sends what there is to send while there is room; called whenever there may be more of it. */
  pump(): void {
    const outlet = this.#outlet;
    if (this.#state !== 'Established' || outlet === undefined || this.#turn.isRunning) return;
    for (let byteCount = 0; outlet.hasRoom; ) {
      // Where the kernel takes everything there is always room, and other peers and timers want their turn too.
      if (byteCount >= TURN_BYTES_MAX) return this.#turn.start(0);
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

  #handlers(): TcpHandlers {
    return {
      opened: () => this.#on('Tcp_CR_Acked'),
      received: (bytes) => this.#received(bytes),
      drained: () => {
        this.#outlet?.drained();
        this.pump();
      },
      closed: (end) => this.#on('TcpConnectionFails', { text: textOf(end) }),
    };
  }

  #begin(tcp: TcpConnection): void {
    this.#tcp = tcp;
    this.#framer = new MessageFramer();
    this.#outlet = new Outlet(this.#owner.runtime.clock, tcp, () =>
      this.#on('SendHoldTimer_Expires', { text: 'send hold timer expired: the peer takes nothing' }),
    );
  }

  /** Runs the machine: the one place where the state changes. */
  #on(event: FsmEvent, cause: Cause = {}): void {
    const previous = this.#state;
    const { state, actions } = transition(previous, event, { isPassive: this.#isPassive });
    this.#state = state;
    const notice = this.#noticeFor(actions, previous, cause);
    for (const action of actions) this.#do(action, event, cause, notice);
    const isFailure = actions.includes('damp') || event === 'TcpConnectionFails' || isUnanswered(event, previous);
    if (isFailure && event !== 'OpenCollisionDump') this.#owner.failed(this, previous, reasonOf(event, cause, notice));
    if (state !== previous) this.#owner.changed(this, previous);
    if (actions.includes('send routes')) this.pump();
  }

  #do(action: Action, event: FsmEvent, cause: Cause, notice: NotificationMessage | undefined): void {
    const owner = this.#owner;
    switch (action) {
      case 'reset ConnectRetryCounter':
        return owner.counter('reset', this);
      case 'increment ConnectRetryCounter':
        return owner.counter('increment', this);
      case 'start ConnectRetryTimer':
        return this.#connectRetry.start(jittered(owner.connectRetryMs, () => owner.runtime.random()));
      case 'stop ConnectRetryTimer':
        return this.#connectRetry.stop();
      case 'initiate TCP':
        return this.#connect();
      case 'drop TCP':
        return this.#drop(event);
      case 'send OPEN':
        this.#ours = owner.ourOpen();
        return this.#send('open', encodeOpen(this.#ours));
      case 'wait for OPEN':
        return this.#hold.start(OPEN_WAIT_MS);
      case 'send KEEPALIVE':
        // Who has that much to read hears of us anyway.
        if (this.#outlet?.hasRoom) this.#send('keepalive', encodeKeepalive());
        return;
      case 'start negotiated timers':
        return this.#startTimers();
      case 'restart HoldTimer':
        this.#isCatchingUp = false;
        if (this.#holdTimeMs > 0) this.#hold.start(this.#holdTimeMs);
        return;
      case 'restart KeepaliveTimer':
        return this.#startKeepalive();
      case 'send NOTIFICATION: Cease':
      case 'send NOTIFICATION: FSM error':
      case 'send NOTIFICATION: hold timer expired':
      case 'send NOTIFICATION: message error':
        return this.#send('notification', encodeNotification(notice!));
      case 'send routes':
        return owner.established(this, this.#session!);
      case 'delete routes':
        return owner.routesDeleted();
      case 'process UPDATE':
        return owner.update(cause.message as UpdateMessage);
      case 'process ROUTE-REFRESH':
        return this.#refresh(cause.message as RouteRefreshMessage);
      case 'release resources':
        return this.#release();
      case 'damp':
        return owner.damp(this);
    }
  }

  /** The NOTIFICATION that goes out with these actions, if one does. */
  #noticeFor(actions: readonly Action[], previous: State, cause: Cause): NotificationMessage | undefined {
    if (actions.includes('send NOTIFICATION: hold timer expired')) return notification(NOTIFICATION.HOLD_TIMER_EXPIRED);
    if (actions.includes('send NOTIFICATION: FSM error')) return fsmError(previous, cause.messageType);
    const isOther = actions.some((action) => action.startsWith('send NOTIFICATION'));
    return isOther ? (cause.notification ?? notification(NOTIFICATION.CEASE.UNSPECIFIC)) : undefined;
  }

  #connect(): void {
    try {
      this.#begin(this.#owner.runtime.tcp.connect(this.#owner.connectOptions, this.#handlers()));
    } catch (error) {
      if (!(error instanceof EdgemuxError)) throw error;
      this.#owner.cannotConnect(error);
    }
  }

  #drop(event: FsmEvent): void {
    // A connection that is not open yet, is gone, or takes nothing has nothing to deliver any more.
    const isUseless = this.#ours === undefined || event === 'TcpConnectionFails' || event === 'SendHoldTimer_Expires';
    if (isUseless) this.#outlet?.abort();
    else this.#outlet?.close();
    this.#closing = isUseless ? undefined : this.#outlet;
    this.#ours = undefined;
    this.#tcp = undefined;
    this.#outlet = undefined;
  }

  #release(): void {
    for (const alarm of [this.#hold, this.#keepalive, this.#turn]) alarm.stop();
    this.#session = undefined;
    this.#framer = new MessageFramer();
  }

  #startTimers(): void {
    this.#holdTimeMs = this.#session!.holdTimeSeconds * 1000;
    if (this.#holdTimeMs === 0) return this.#hold.stop();
    this.#hold.start(this.#holdTimeMs);
    this.#startKeepalive();
    this.#outlet!.watch(SEND_HOLD_TIMES * this.#holdTimeMs);
  }

  #startKeepalive(): void {
    if (this.#holdTimeMs === 0) return;
    this.#keepalive.start(jittered(this.#holdTimeMs / 3, () => this.#owner.runtime.random()));
  }

  #holdExpired(): void {
    if (this.#hold.lateMs > LATE_MS_MAX && !this.#isCatchingUp) {
      this.#isCatchingUp = true;
      return this.#hold.start(CATCH_UP_MS);
    }
    const waited =
      this.#session === undefined
        ? `no OPEN for ${OPEN_WAIT_MS / 1000} s`
        : `nothing received for ${this.#holdTimeMs / 1000} s`;
    this.#on('HoldTimer_Expires', { text: waited });
  }

  #send(kind: Message['kind'], bytes: Uint8Array): void {
    this.#outlet?.write(bytes);
    this.#owner.count('sent', kind);
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
      this.#on(FAULT_EVENTS[error.notification.code] ?? 'BGPHeaderErr', {
        notification: error.notification,
        text: error.message,
      });
    }
  }

  /** Tells the machine of a message; one that comes in a state that does not expect it is not even read. */
  #message(frame: Uint8Array): void {
    const kind = messageKind(frame);
    this.#owner.count('received', kind);
    const unread = { messageType: MESSAGE_TYPE[kind], text: kind.toUpperCase() };
    const isEstablished = this.#state === 'Established';
    switch (kind) {
      case 'open':
        return this.#state === 'OpenSent'
          ? this.#opened(decodeMessage(frame) as OpenMessage)
          : this.#on('BGPOpen', unread);
      case 'update':
        return this.#on(
          'UpdateMsg',
          isEstablished ? { message: decodeMessage(frame, this.#session!.agreement) } : unread,
        );
      case 'route-refresh':
        return this.#on('RouteRefreshMsg', isEstablished ? { message: decodeMessage(frame) } : unread);
      case 'notification':
        return this.#notified(decodeMessage(frame) as NotificationMessage);
      case 'keepalive':
        return this.#on('KeepAliveMsg', unread);
    }
  }

  #opened(open: OpenMessage): void {
    const session = this.#owner.agree(this.#ours!, open);
    if (!this.#owner.survives(this, open)) return this.dump();
    this.#session = session;
    this.#on('BGPOpen');
  }

  #notified(message: NotificationMessage): void {
    if (isKind(message, NOTIFICATION.OPEN.UNSUPPORTED_OPTIONAL_PARAMETER)) this.#owner.capabilitiesRefused();
    const isVersion = isKind(message, NOTIFICATION.OPEN.UNSUPPORTED_VERSION);
    this.#on(isVersion ? 'NotifMsgVerErr' : 'NotifMsg', { text: `received ${notificationText(message)}` });
  }

  #refresh({ family, subtype }: RouteRefreshMessage): void {
    // The marks of RFC 7313 are about routes of the peer, and nobody keeps those.
    if (subtype !== 'request' || family === undefined || !this.#session!.agreement.families.has(family)) return;
    this.#owner.refresh(family);
    this.pump();
  }
}

/** The event of a fault in a message, by the code of its NOTIFICATION. */
const FAULT_EVENTS: Readonly<Record<number, FsmEvent>> = {
  1: 'BGPHeaderErr',
  2: 'BGPOpenMsgErr',
  3: 'UpdateMsgErr',
  7: 'RouteRefreshMsgErr',
};

/** RFC 6608: which state was surprised, and by which type of message. */
function fsmError(state: State, messageType: number | undefined): NotificationMessage {
  const { UNEXPECTED_IN_OPEN_SENT, UNEXPECTED_IN_OPEN_CONFIRM, UNEXPECTED_IN_ESTABLISHED, UNSPECIFIC } =
    NOTIFICATION.FSM;
  if (messageType === undefined) return notification(UNSPECIFIC);
  const kinds: Partial<Record<State, NotificationKind>> = {
    OpenSent: UNEXPECTED_IN_OPEN_SENT,
    OpenConfirm: UNEXPECTED_IN_OPEN_CONFIRM,
    Established: UNEXPECTED_IN_ESTABLISHED,
  };
  return notification(kinds[state] ?? UNSPECIFIC, Uint8Array.of(messageType));
}

/** Nobody has answered our SYN: there is no event for that but the timer's. */
function isUnanswered(event: FsmEvent, state: State): boolean {
  return event === 'ConnectRetryTimer_Expires' && state === 'Connect';
}

function reasonOf(event: FsmEvent, { text }: Cause, notice: NotificationMessage | undefined): string {
  if (notice !== undefined) return `sent ${notificationText(notice)}${text === undefined ? '' : `: ${text}`}`;
  if (event === 'ConnectRetryTimer_Expires') return 'no answer: unreachable, filtered, or another MD5 key or hop limit';
  return text ?? event;
}

function isKind(message: NotificationMessage, kind: NotificationKind): boolean {
  return message.code === kind.code && message.subcode === kind.subcode;
}

function textOf({ how, text }: TcpEnd): string {
  return how === 'ended' ? 'the peer closed the connection' : text;
}
