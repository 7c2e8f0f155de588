/**
 * edgemux: an embeddable software load balancer.
 *
 * ```ts
 * import { Mux, compile, readFabric } from 'edgemux';
 * import muxModule from 'edgemux/mux-module';
 * ```
 */
export * from './dataplane/index.js';
export { EdgemuxError, type ErrorCode, formatProblem, type Problem } from './errors.js';
export * from './host/index.js';
export * from './mux/index.js';
export * from './program/index.js';
export * from './resources/index.js';
export * from './topology/index.js';
