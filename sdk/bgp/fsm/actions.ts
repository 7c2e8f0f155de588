/** What a BGP connection does on its way from one state to the next; RFC 4271 section 8.2.2 in its own words. */

/** An action; the connection (session/connection.ts) knows how to do each of them. */
export type Action =
  | 'reset ConnectRetryCounter'
  | 'increment ConnectRetryCounter'
  | 'start ConnectRetryTimer'
  | 'stop ConnectRetryTimer'
  /** Begins a TCP connection to the peer, once what there was is dropped. */
  | 'initiate TCP'
  | 'drop TCP'
  | 'send OPEN'
  /** The HoldTimer gets its large value: how long to wait for the peer's OPEN. */
  | 'wait for OPEN'
  | 'send KEEPALIVE'
  /** KeepaliveTimer and HoldTimer get the values agreed on; nothing when those are zero. */
  | 'start negotiated timers'
  | 'restart HoldTimer'
  | 'restart KeepaliveTimer'
  | 'send NOTIFICATION: Cease'
  | 'send NOTIFICATION: hold timer expired'
  | 'send NOTIFICATION: FSM error'
  /** The one that the fault in the peer's message calls for. */
  | 'send NOTIFICATION: message error'
  | 'send routes'
  /** The peer forgets the routes it has of us; so what it has is nothing now. */
  | 'delete routes'
  | 'process UPDATE'
  | 'process ROUTE-REFRESH'
  /** Stops every timer of the session and forgets what was agreed. */
  | 'release resources'
  /** Keeps the peer in Idle for a while that grows with each failure. */
  | 'damp';

/** What an event leads to. */
export interface Transition<S extends string> {
  readonly state: S;
  /** In the order they are done. */
  readonly actions: readonly Action[];
}
