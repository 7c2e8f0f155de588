/** What a speaker's thread and its owner say to each other. All of it is plain data. */
import type { PeerOptions, Route, SpeakerEvent, SpeakerStatus, StopHow } from '../bgp/index.js';
import type { CrossingError } from './crossing-error.js';

/** What the speaker is asked to do and answers; `start` is the first. */
export type Call =
  | { readonly method: 'start' }
  | { readonly method: 'setPeers'; readonly peers: readonly PeerOptions[] }
  | { readonly method: 'prepareRestart'; readonly restartTimeSeconds: number }
  | { readonly method: 'stop'; readonly how: StopHow | undefined };

/** To the thread. */
export type Request =
  | { readonly kind: 'call'; readonly id: number; readonly call: Call }
  /** Gives up the call of that id, where it can be given up. */
  | { readonly kind: 'abort'; readonly id: number }
  | { readonly kind: 'announce'; readonly routes: readonly Route[] };

/** From the thread. */
export type Report =
  | { readonly kind: 'answer'; readonly id: number; readonly error?: CrossingError }
  /** How things are, and what happened to make them so. */
  | { readonly kind: 'news'; readonly status: SpeakerStatus; readonly events: readonly SpeakerEvent[] };
