/** BFD for the speaker and for embedders. */
export { Bfd, type BfdTimers, type BfdWatch, type BfdWatchOptions } from './bfd.js';
export type { DiscardReason } from './packet.js';
export { BFD_PORT } from './ports.js';
export { type BfdState, DIAGNOSTIC, diagnosticText } from './state.js';
