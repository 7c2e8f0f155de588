/**
 * What happens to a BGP connection: the events of RFC 4271 section 8.1 by their names there, and those that came later.
 *
 * Left out are events 12 and 20, which need a DelayOpenTimer: a MUX has nothing to gain from sending its OPEN late.
 */

/** What each event is: its number in RFC 4271 (or the RFC that added it). */
export const EVENTS = {
  ManualStart: 1,
  ManualStop: 2,
  AutomaticStart: 3,
  ManualStart_with_PassiveTcpEstablishment: 4,
  AutomaticStart_with_PassiveTcpEstablishment: 5,
  AutomaticStart_with_DampPeerOscillations: 6,
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: 7,
  AutomaticStop: 8,
  ConnectRetryTimer_Expires: 9,
  HoldTimer_Expires: 10,
  KeepaliveTimer_Expires: 11,
  IdleHoldTimer_Expires: 13,
  TcpConnection_Valid: 14,
  Tcp_CR_Invalid: 15,
  /** The connection we began is established. */
  Tcp_CR_Acked: 16,
  /** A connection the peer began is established. */
  TcpConnectionConfirmed: 17,
  TcpConnectionFails: 18,
  BGPOpen: 19,
  BGPHeaderErr: 21,
  BGPOpenMsgErr: 22,
  /** The other connection of the peer has won, section 6.8. */
  OpenCollisionDump: 23,
  NotifMsgVerErr: 24,
  NotifMsg: 25,
  KeepAliveMsg: 26,
  UpdateMsg: 27,
  UpdateMsgErr: 28,
  /** The peer takes nothing any more. */
  SendHoldTimer_Expires: 'RFC 9687 section 3',
  BfdDown: 'RFC 9384 section 3',
  RouteRefreshMsg: 'RFC 2918 section 4',
  RouteRefreshMsgErr: 'RFC 7313 section 5',
  /**
   * The connection is to end without a NOTIFICATION: before a planned restart (section 4), or because the peer has
   * restarted and is back on another connection (section 5).
   */
  SilentStop: 'RFC 4724 sections 4 and 5',
} as const satisfies Readonly<Record<string, number | string>>;

/** The name of an event. */
export type FsmEvent = keyof typeof EVENTS;
