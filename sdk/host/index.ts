/** The host agent. */
export { HostAgent } from './host-agent.js';
export type { SnatDemand } from './snat-table.js';
