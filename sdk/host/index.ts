/** The host agent. */
export { type HostDecision, HostExplanation, type HostExplanationFields, type TunnelFields } from './explanation.js';
export { HostAgent, hostCapacitiesFor } from './host-agent.js';
export type { SnatDemand } from './snat-table.js';
