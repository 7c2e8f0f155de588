/** What MUX and host agent have in common: one Wasm instance, its memory, its batch, its counters. */
export { Batch, type FramePort, type Link, type Processed } from './batch.js';
export type { Counters, Traffic } from './counters.js';
export { CAPACITIES_DEFAULT, type Capacities } from './plan.js';
export type { PortRoutes } from './port-routes.js';
export { PortTable } from './port-table.js';
export { DROP_REASONS, type DropReason, type Verdict } from './reasons.js';
