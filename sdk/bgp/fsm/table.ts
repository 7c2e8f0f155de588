/**
 * The finite state machine of a BGP connection, RFC 4271 section 8.2.2, as a table: state × event → state and actions.
 *
 * Every connection has a machine of its own: the one we open to a peer, and the one a peer opens to us. Optional
 * session attributes (section 8): AllowAutomaticStart, AllowAutomaticStop and DampPeerOscillations are TRUE,
 * PassiveTcpEstablishment is the condition `isPassive`; DelayOpen, SendNOTIFICATIONwithoutOPEN, TrackTcpState,
 * AcceptConnectionsUnconfiguredPeers and CollisionDetectEstablishedState are FALSE.
 *
 * It differs from the RFC's text in these cells, and in no other:
 *
 * | state | event | here | why |
 * |---|---|---|---|
 * | Idle | starts with PassiveTcpEstablishment | no ConnectRetryTimer | who only listens has nothing to retry |
 * | Connect | TcpConnectionFails | Active, and retry | the RFC stops in Idle, and nobody is there to start again |
 * | OpenSent | TcpConnectionFails | no ConnectRetryTimer if passive | as above |
 * | OpenSent | NotifMsg | no NOTIFICATION | section 6.4: a NOTIFICATION is never answered with another |
 * | OpenSent, OpenConfirm | NotifMsgVerErr | damped | nothing else would start the peer again |
 * | OpenConfirm, Established | BGPOpen | FSM error | it is a second OPEN on the same connection: RFC 6608 |
 * | Established | HoldTimer_Expires | routes deleted | the list of section 8.2.2 forgets it |
 * | Established | BGPHeaderErr | its own NOTIFICATION | section 6.1 wants it, section 8.2.2 forgets it |
 * | Established | NotifMsg, NotifMsgVerErr, TcpConnectionFails | damped | nothing else would start the peer again |
 */
import type { Action, Transition } from './actions.js';
import type { FsmEvent } from './events.js';
import type { State } from './states.js';

/** What a transition depends on beside state and event. */
export interface Conditions {
  /** The connection is the peer's to open: attribute PassiveTcpEstablishment. */
  readonly isPassive: boolean;
}

/**
 * What `event` does in `state`.
 *
 * @example
 * ```ts
 * transition('OpenConfirm', 'KeepAliveMsg', { isPassive: false });
 * // { state: 'Established', actions: ['restart HoldTimer', 'send routes'] }
 * ```
 */
export function transition(state: State, event: FsmEvent, conditions: Conditions): Transition<State> {
  const cell = TABLE[state][event];
  if (cell === 'ignore') return { state, actions: [] };
  return typeof cell === 'function' ? cell(conditions) : cell;
}

/** A cell that leads to the same whatever the conditions, one that asks them, or one where nothing happens. */
type Cell = Transition<State> | ((conditions: Conditions) => Transition<State>) | 'ignore';
type Row = Readonly<Record<FsmEvent, Cell>>;

/** The start events mean nothing to a connection that has been started. */
const STARTED = {
  ManualStart: 'ignore',
  AutomaticStart: 'ignore',
  ManualStart_with_PassiveTcpEstablishment: 'ignore',
  AutomaticStart_with_PassiveTcpEstablishment: 'ignore',
  AutomaticStart_with_DampPeerOscillations: 'ignore',
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: 'ignore',
} as const;

/** Another TCP connection of the peer is another machine's; the peer (session/peer.ts) looks after both. */
const TRACKED_ELSEWHERE = {
  TcpConnection_Valid: 'ignore',
  Tcp_CR_Invalid: 'ignore',
  Tcp_CR_Acked: 'ignore',
  TcpConnectionConfirmed: 'ignore',
} as const;

const IDLE: Row = {
  ManualStart: go('Connect', 'reset ConnectRetryCounter', 'start ConnectRetryTimer', 'initiate TCP'),
  AutomaticStart: go('Connect', 'reset ConnectRetryCounter', 'start ConnectRetryTimer', 'initiate TCP'),
  ManualStart_with_PassiveTcpEstablishment: go('Active', 'reset ConnectRetryCounter'),
  AutomaticStart_with_PassiveTcpEstablishment: go('Active', 'reset ConnectRetryCounter'),
  AutomaticStart_with_DampPeerOscillations: go('Connect', 'start ConnectRetryTimer', 'initiate TCP'),
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: go('Active'),
  // The time of damping is over: the counter stays, so that the next time is longer.
  IdleHoldTimer_Expires: ({ isPassive }) =>
    isPassive ? go('Active') : go('Connect', 'start ConnectRetryTimer', 'initiate TCP'),
  ManualStop: 'ignore',
  AutomaticStop: 'ignore',
  ConnectRetryTimer_Expires: 'ignore',
  HoldTimer_Expires: 'ignore',
  KeepaliveTimer_Expires: 'ignore',
  ...TRACKED_ELSEWHERE,
  TcpConnectionFails: 'ignore',
  BGPOpen: 'ignore',
  BGPHeaderErr: 'ignore',
  BGPOpenMsgErr: 'ignore',
  OpenCollisionDump: 'ignore',
  NotifMsgVerErr: 'ignore',
  NotifMsg: 'ignore',
  KeepAliveMsg: 'ignore',
  UpdateMsg: 'ignore',
  UpdateMsgErr: 'ignore',
  SendHoldTimer_Expires: 'ignore',
  BfdDown: 'ignore',
  RouteRefreshMsg: 'ignore',
  RouteRefreshMsgErr: 'ignore',
  SilentStop: 'ignore',
};

const CONNECT: Row = {
  ...STARTED,
  ManualStop: stopped(),
  ConnectRetryTimer_Expires: go('Connect', 'drop TCP', 'start ConnectRetryTimer', 'initiate TCP'),
  TcpConnection_Valid: 'ignore',
  Tcp_CR_Invalid: 'ignore',
  Tcp_CR_Acked: opened(),
  TcpConnectionConfirmed: opened(),
  TcpConnectionFails: go('Active', 'start ConnectRetryTimer', 'release resources'),
  AutomaticStop: failed(),
  HoldTimer_Expires: failed(),
  KeepaliveTimer_Expires: failed(),
  IdleHoldTimer_Expires: failed(),
  BGPOpen: failed(),
  BGPHeaderErr: failed(),
  BGPOpenMsgErr: failed(),
  OpenCollisionDump: failed(),
  NotifMsgVerErr: failed(),
  NotifMsg: failed(),
  KeepAliveMsg: failed(),
  UpdateMsg: failed(),
  UpdateMsgErr: failed(),
  SendHoldTimer_Expires: failed(),
  // Without a session there is nothing that BFD could take down; the peer is tried on (RFC 5882 section 4.2).
  BfdDown: 'ignore',
  RouteRefreshMsg: failed(),
  RouteRefreshMsgErr: failed(),
  SilentStop: silenced(),
};

const ACTIVE: Row = {
  ...CONNECT,
  ConnectRetryTimer_Expires: go('Connect', 'start ConnectRetryTimer', 'initiate TCP'),
  TcpConnectionFails: go(
    'Idle',
    'start ConnectRetryTimer',
    'release resources',
    'increment ConnectRetryCounter',
    'damp',
  ),
};

const OPEN_SENT: Row = {
  ...STARTED,
  ...TRACKED_ELSEWHERE,
  ManualStop: stopped('send NOTIFICATION: Cease'),
  AutomaticStop: failed('send NOTIFICATION: Cease'),
  HoldTimer_Expires: failed('send NOTIFICATION: hold timer expired'),
  TcpConnectionFails: ({ isPassive }) =>
    isPassive
      ? go('Active', 'drop TCP', 'release resources')
      : go('Active', 'drop TCP', 'release resources', 'start ConnectRetryTimer'),
  BGPOpen: go('OpenConfirm', 'stop ConnectRetryTimer', 'send KEEPALIVE', 'start negotiated timers'),
  BGPHeaderErr: failed('send NOTIFICATION: message error'),
  BGPOpenMsgErr: failed('send NOTIFICATION: message error'),
  OpenCollisionDump: failed('send NOTIFICATION: Cease'),
  NotifMsgVerErr: go('Idle', 'stop ConnectRetryTimer', 'release resources', 'drop TCP', 'damp'),
  NotifMsg: failed(),
  ConnectRetryTimer_Expires: failed('send NOTIFICATION: FSM error'),
  KeepaliveTimer_Expires: failed('send NOTIFICATION: FSM error'),
  IdleHoldTimer_Expires: failed('send NOTIFICATION: FSM error'),
  KeepAliveMsg: failed('send NOTIFICATION: FSM error'),
  UpdateMsg: failed('send NOTIFICATION: FSM error'),
  UpdateMsgErr: failed('send NOTIFICATION: FSM error'),
  SendHoldTimer_Expires: failed(),
  BfdDown: failed('send NOTIFICATION: Cease'),
  RouteRefreshMsg: failed('send NOTIFICATION: FSM error'),
  RouteRefreshMsgErr: failed('send NOTIFICATION: FSM error'),
  SilentStop: silenced(),
};

const OPEN_CONFIRM: Row = {
  ...OPEN_SENT,
  KeepaliveTimer_Expires: go('OpenConfirm', 'send KEEPALIVE', 'restart KeepaliveTimer'),
  TcpConnectionFails: failed(),
  BGPOpen: failed('send NOTIFICATION: FSM error'),
  KeepAliveMsg: go('Established', 'restart HoldTimer', 'send routes'),
};

const ESTABLISHED: Row = {
  ...STARTED,
  ...TRACKED_ELSEWHERE,
  ManualStop: stopped('send NOTIFICATION: Cease', 'delete routes'),
  AutomaticStop: failed('send NOTIFICATION: Cease', 'delete routes'),
  HoldTimer_Expires: failed('send NOTIFICATION: hold timer expired', 'delete routes'),
  KeepaliveTimer_Expires: go('Established', 'send KEEPALIVE', 'restart KeepaliveTimer'),
  TcpConnectionFails: failed('delete routes'),
  BGPHeaderErr: failed('send NOTIFICATION: message error', 'delete routes'),
  OpenCollisionDump: failed('send NOTIFICATION: Cease', 'delete routes'),
  NotifMsgVerErr: failed('delete routes'),
  NotifMsg: failed('delete routes'),
  KeepAliveMsg: go('Established', 'restart HoldTimer'),
  UpdateMsg: go('Established', 'process UPDATE', 'restart HoldTimer'),
  UpdateMsgErr: failed('send NOTIFICATION: message error', 'delete routes'),
  ConnectRetryTimer_Expires: failed('send NOTIFICATION: FSM error', 'delete routes'),
  IdleHoldTimer_Expires: failed('send NOTIFICATION: FSM error', 'delete routes'),
  BGPOpen: failed('send NOTIFICATION: FSM error', 'delete routes'),
  BGPOpenMsgErr: failed('send NOTIFICATION: FSM error', 'delete routes'),
  // Nothing more reaches this peer, a NOTIFICATION no more than what waits already.
  SendHoldTimer_Expires: failed('delete routes'),
  BfdDown: failed('send NOTIFICATION: Cease', 'delete routes'),
  RouteRefreshMsg: go('Established', 'process ROUTE-REFRESH', 'restart HoldTimer'),
  RouteRefreshMsgErr: failed('send NOTIFICATION: message error', 'delete routes'),
  SilentStop: silenced('delete routes'),
};

const TABLE: Readonly<Record<State, Row>> = {
  Idle: IDLE,
  Connect: CONNECT,
  Active: ACTIVE,
  OpenSent: OPEN_SENT,
  OpenConfirm: OPEN_CONFIRM,
  Established: ESTABLISHED,
};

function go(state: State, ...actions: Action[]): Transition<State> {
  return { state, actions };
}

/** TCP is there: an OPEN goes out. */
function opened(): Transition<State> {
  return go('OpenSent', 'stop ConnectRetryTimer', 'send OPEN', 'wait for OPEN');
}

/** Ends without a word, and as if it had not been: the counter stays. */
function silenced(...first: Action[]): Transition<State> {
  return go('Idle', ...first, 'stop ConnectRetryTimer', 'release resources', 'drop TCP');
}

/** Ends on purpose: nothing to count, nothing to damp. */
function stopped(...first: Action[]): Transition<State> {
  return go('Idle', ...first, 'stop ConnectRetryTimer', 'release resources', 'drop TCP', 'reset ConnectRetryCounter');
}

/** Ends in a failure. */
function failed(...first: Action[]): Transition<State> {
  return go(
    'Idle',
    ...first,
    'stop ConnectRetryTimer',
    'release resources',
    'drop TCP',
    'increment ConnectRetryCounter',
    'damp',
  );
}
