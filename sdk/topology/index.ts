/** Host topology: hosts, MUXes, tenant networks, and which DIP lives where. */
export type { Dip, Machine, Topology } from './topology.js';
export { topologyOf, withNicOnServer } from './topology.js';
