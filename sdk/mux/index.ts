/** The MUX. */
export { type BackendSource, Explanation, type ExplanationFields } from './explanation.js';
export type { RateLimits, VipLoad } from './fair-share.js';
export { capacitiesFor, Mux, type Programmed } from './mux.js';
export type { RingChange } from './ring-table.js';
