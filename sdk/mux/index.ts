/** The MUX. */
export { type BackendSource, Explanation, type ExplanationFields } from './explanation.js';
export type { FlowsImported } from './flow-importer.js';
export { capacitiesFor, Mux, type Programmed } from './mux.js';
export type { RingChange } from './ring-table.js';
