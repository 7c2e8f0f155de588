/** The runtime of Node, which is that of Deno too as far as its node: modules go. */
import type { Runtime } from '../index.js';
import { nodeClock } from './clock.js';
import { nodeTcp } from './tcp.js';
import { nodeUdp } from './udp.js';

/**
 * The machine this process runs on: its clock, its TCP and UDP.
 *
 * Plain TCP needs nothing else. TCP MD5 signatures, GTSM and UDP with hop limits need Linux and the optional package
 * `koffi`, which is loaded when one of them is first asked for; whatever is missing is `ERR_UNSUPPORTED`.
 *
 * Under Deno a listener protects its connections, but no connection from here can be protected, there is no UDP with
 * hop limits, and a listener on `::` takes IPv4 too.
 *
 * @example
 * ```ts
 * const speaker = new Speaker(options, nodeRuntime());
 * ```
 */
export function nodeRuntime(): Runtime {
  return { clock: nodeClock, tcp: nodeTcp, udp: nodeUdp, random: Math.random };
}
