/** `edgemux/node`: the SDK's runtime on Node, and a speaker and data planes on threads of their own. */
export { nodeRuntime } from '../runtime/node/index.js';
export type { DataPlaneStats, PortStats, Routes } from './live/data-plane-messages.js';
export { type DataPlaneEvent, type DataPlaneOptions, DataPlaneThread } from './live/data-plane-thread.js';
export { destinationsOf, locate, type Place } from './live/located-program.js';
export { SpeakerThread } from './speaker-thread.js';
