/** The host agent. */
export { HostAgent } from './host-agent.js';
