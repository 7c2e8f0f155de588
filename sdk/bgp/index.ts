/** BGP for embedders: a speaker that announces the VIPs of a MUX. */
export { checkPeerOptions, checkSpeakerOptions } from './check-options.js';
export type { State } from './fsm/states.js';
export type { BfdTimers, GracefulRestartOptions, PeerOptions, Route, SpeakerOptions } from './options.js';
export { resolveRoutes } from './rib/resolve-routes.js';
export type { UnannouncedRoute } from './rib/session-routes.js';
export { Speaker, type StopHow } from './speaker.js';
export type {
  BfdEvent,
  BfdStatus,
  DownEvent,
  FaultEvent,
  MessageCounts,
  PeerStatus,
  RefreshEvent,
  RoutesEvent,
  SpeakerEvent,
  SpeakerStatus,
  StateEvent,
} from './status.js';
export type { Family } from './wire/messages.js';
