/** A network in memory, to test what speaks over it: virtual time, and every fault by name. */
export type { Path } from './path.js';
export { SeededRandom } from './seeded-random.js';
export { type Death, SimulatedHost } from './simulated-host.js';
export { SimulatedNetwork, type SimulatedNetworkOptions } from './simulated-network.js';
export { VirtualClock } from './virtual-clock.js';
