/** What a speaker's thread and its owner say to each other. All of it is plain data. */
import type { PeerOptions, Route, SpeakerEvent, SpeakerStatus, StopHow } from '../bgp/index.js';
import { EdgemuxError, type ErrorCode, formatProblem, type Problem } from '../errors.js';

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

/** An error on its way: a message between threads keeps the message of an error, and nothing else of a class. */
export type CrossingError =
  | { readonly code: ErrorCode; readonly summary: string; readonly problems: readonly Problem[] }
  | { readonly foreign: unknown };

/** Takes an error apart. */
export function packError(error: unknown): CrossingError {
  if (!(error instanceof EdgemuxError)) return { foreign: error };
  const { code, message, problems } = error;
  // EdgemuxError writes its problems below its message, and will do so again.
  const listed = problems.map((problem) => `\n  ${formatProblem(problem)}`).join('');
  return { code, summary: message.slice(0, message.length - listed.length), problems };
}

/** The error again. */
export function unpackError(packed: CrossingError): unknown {
  if ('foreign' in packed) return packed.foreign;
  return new EdgemuxError(packed.code, packed.summary, packed.problems);
}
