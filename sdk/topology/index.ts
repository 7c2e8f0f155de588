/** Host topology: hosts, MUXes, tenant networks, and which DIP lives where. */
export type { Dip, InstanceAddress, Machine, Topology, Tunnel, TunnelEnd } from './topology.js';
export { topologyOf, tunnelBetween, tunnelsBetween, withNicOnServer } from './topology.js';
