/** What a speaker tells about itself: its state when asked, and events as they happen. All of it is plain data. */
import type { BfdState } from '../bfd/index.js';
import type { Endpoint } from '../runtime/tcp.js';
import type { State } from './fsm/states.js';
import type { UnannouncedRoute } from './rib/session-routes.js';
import type { Family, Message } from './wire/messages.js';

/** Messages by kind. */
export type MessageCounts = Readonly<Record<Message['kind'], number>>;

/** A speaker, at one moment. */
export interface SpeakerStatus {
  /** Where it waits for peers; none before it is started, or when it does not listen. */
  readonly listeners: readonly Endpoint[];
  readonly peers: readonly PeerStatus[];
}

/** A peer and the session with it, at one moment. */
export interface PeerStatus {
  readonly name: string;
  readonly address: string;
  readonly as: number;
  /** Of its two connections the further one's. */
  readonly state: State;
  /** Milliseconds it has been in that state. */
  readonly sinceMs: number;
  /** The peer's BGP identifier, once its OPEN has come. */
  readonly routerId?: string;
  /** What both agreed on, 0 for none, once the peer's OPEN has come. */
  readonly holdTimeSeconds?: number;
  /** Families agreed on; none without a session. */
  readonly families: readonly Family[];
  /** Routes the peer has of us. */
  readonly announcedCount: number;
  /** Routes that are to be announced or withdrawn and have not been written yet. */
  readonly pendingCount: number;
  /** Routes this peer is not told, and why. */
  readonly unannounced: readonly UnannouncedRoute[];
  /** Messages since the peer was set. */
  readonly received: MessageCounts;
  /** Messages since the peer was set. */
  readonly sent: MessageCounts;
  /** Times that a session has been lost, or could not be made, since the last that lasted. */
  readonly failureCount: number;
  /** Why the last session ended, or could not be made. */
  readonly lastError?: string;
  /** Bidirectional forwarding detection, where it was asked for. */
  readonly bfd?: BfdStatus;
}

/** What BFD sees of a peer, RFC 5880 section 4.1. */
export interface BfdStatus {
  readonly state: BfdState;
  readonly remoteState: BfdState;
}

/** Something that happened with a peer; `peer` is its name. */
export type SpeakerEvent = { readonly peer: string; readonly address: string } & (
  | StateEvent
  | DownEvent
  | RoutesEvent
  | FaultEvent
  | BfdEvent
  | RefreshEvent
);

/** Another state. */
export interface StateEvent {
  readonly kind: 'state';
  readonly state: State;
  readonly previous: State;
}

/** A session was lost, or could not be made. Attempts that fail as the last one did are not told again. */
export interface DownEvent {
  readonly kind: 'down';
  /** How far it had come. */
  readonly state: State;
  /** For people: `hold timer expired`, `received Cease: administrative shutdown ("maintenance")`. */
  readonly reason: string;
}

/** The peer has been told everything there was to tell. */
export interface RoutesEvent {
  readonly kind: 'routes';
  /** Routes announced, again or for the first time, since the last such event. */
  readonly announced: number;
  readonly withdrawn: number;
  /** Routes it has of us now. */
  readonly total: number;
}

/** The peer sent an UPDATE with a fault that did not end the session, RFC 7606. */
export interface FaultEvent {
  readonly kind: 'fault';
  readonly disposition: 'treat-as-withdraw' | 'attribute-discard';
  readonly text: string;
}

/** BFD changed its mind. */
export interface BfdEvent extends BfdStatus {
  readonly kind: 'bfd';
  /** Why, for people: `control detection time expired`. */
  readonly diagnostic: string;
}

/** The peer asked for all routes of a family again, RFC 2918. */
export interface RefreshEvent {
  readonly kind: 'refresh';
  readonly family: Family;
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** An event, before it is known whose. */
export type PeerEvent = DistributiveOmit<SpeakerEvent, 'peer' | 'address'>;
