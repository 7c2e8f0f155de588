/** The first hop of a tunnel. */
import type { Machine, Tunnel } from '../topology/index.js';

/** The destination of the outer Ethernet header: the other machine in one subnet, else the default gateway where it is known. */
export function nextHopOf(from: Machine, to: Machine, tunnel: Tunnel): string {
  const isLocal = tunnel.from.subnet === tunnel.to.subnet;
  return isLocal ? to.macAddress : (from.gatewayMacAddress ?? to.macAddress);
}
