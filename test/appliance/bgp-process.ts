/** `edgemux bgp` while it runs, and the fabric file it follows. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { FABRIC } from './cli.js';
import { RunningEdgemux } from './running-edgemux.js';

export { until } from './running-edgemux.js';

/** The command while it runs; `end` must be called. */
export class BgpProcess extends RunningEdgemux {
  constructor(args: readonly string[]) {
    super(['bgp', ...args]);
  }
}

/** A router as a MUX is told of it. */
export type RouterResource = Readonly<Record<string, unknown>>;

/** What differs from the example. */
export interface FabricChange {
  /** Of the first MUX. */
  readonly routers: readonly RouterResource[];
  /** Beside its own. */
  readonly vips?: readonly string[];
  /** Of the first MUX. */
  readonly localASN?: number;
}

/** Writes the example with changes, all at once as a careful editor does. */
export function writeFabric(path: string, { routers, vips = [], localASN = 64628 }: FabricChange): void {
  const fabric = JSON.parse(readFileSync(FABRIC, 'utf8'));
  const { routerConfiguration } = fabric.loadBalancerMuxes[0].properties;
  Object.assign(routerConfiguration, { localASN, peerRouterConfigurations: routers });
  for (const [i, ipAddress] of vips.entries()) {
    const publicIPAddressVersion = ipAddress.includes(':') ? 'IPv6' : 'IPv4';
    fabric.publicIPAddresses.push({ resourceId: `vip-${i}`, properties: { ipAddress, publicIPAddressVersion } });
    fabric.loadBalancers[0].properties.frontendIPConfigurations.push({
      resourceId: `fe-${i}`,
      properties: { publicIPAddress: { resourceRef: `/publicIPAddresses/vip-${i}` } },
    });
  }
  writeFileSync(`${path}.new`, JSON.stringify(fabric));
  renameSync(`${path}.new`, path);
}
