/** What a connection needs of the peer it belongs to, and tells it. */
import type { EdgemuxError } from '../../errors.js';
import type { Runtime } from '../../runtime/index.js';
import type { TcpConnectOptions } from '../../runtime/tcp.js';
import type { State } from '../fsm/states.js';
import type { Family, Message, OpenMessage, UpdateMessage } from '../wire/messages.js';
import type { Session } from './agreement.js';
import type { Connection } from './connection.js';

/** The owner of a connection: a peer. */
export interface ConnectionOwner {
  readonly runtime: Runtime;
  /** Where to connect to, and how. */
  readonly connectOptions: TcpConnectOptions;
  readonly connectRetryMs: number;

  /** The OPEN to send now. */
  ourOpen(): OpenMessage;
  /** What follows from both OPENs; throws a MessageError when the peer's is not acceptable. */
  agree(ours: OpenMessage, theirs: OpenMessage): Session;
  /** Whether this connection stays now that its OPEN has come, RFC 4271 section 6.8. */
  survives(connection: Connection, open: OpenMessage): boolean;
  /** The state has changed; the actions that go with that are done. */
  changed(connection: Connection, previous: State): void;
  /** Something failed in `state` that nobody here asked for. */
  failed(connection: Connection, state: State, reason: string): void;
  /** The platform cannot make this connection at all. */
  cannotConnect(error: EdgemuxError): void;
  /** The peer wants no optional parameters, RFC 5492 section 3. */
  capabilitiesRefused(): void;
  resetFailures(): void;
  countFailure(connection: Connection): void;
  /** The peer is to be left alone for a while, unless its other connection carries it. */
  damp(): void;

  /** From now on there is a session to send routes in. */
  routesBegin(connection: Connection, session: Session): void;
  /** The next UPDATE or ROUTE-REFRESH for the peer; `undefined` when it has been told everything. */
  nextMessage(): Uint8Array | undefined;
  /** Everything there was to send has left this process. */
  allSent(): void;
  /** The session is over, and what the peer had of us with it. */
  routesEnd(): void;
  received(message: UpdateMessage): void;
  refresh(family: Family): void;
  count(direction: 'sent' | 'received', kind: Message['kind']): void;
}
