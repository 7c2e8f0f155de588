/**
 * Provider addresses: every MUX has one, no two machines share one, and none of them is a VIP.
 */
import { Claims } from './claims.js';
import { frontendAddressOf, muxProviderAddressOf } from './lookups.js';
import type { Report } from './problem.js';
import type { ResourceIndex } from './resource-index.js';

/** Checks the provider addresses of servers and loadBalancerMuxes. */
export function checkProviderAddresses(index: ResourceIndex, report: Report): void {
  const claims = new Claims('a provider address', report);
  const machines = new Map<string, string>();
  for (const { path, ref, resource } of index.all('server')) {
    for (const [i, address] of (resource.properties.edgemux?.providerAddresses ?? []).entries()) {
      claims.claim(address, ref, `${path}.properties.edgemux.providerAddresses[${i}]`, address);
      machines.set(address, ref);
    }
  }
  for (const { path, ref, resource } of index.all('loadBalancerMux')) {
    const address = muxProviderAddressOf(resource);
    const addressPath = `${path}.properties.edgemux.providerAddress`;
    if (address === undefined) {
      report(addressPath, 'a provider address, here or as localIPAddress of a peer router', undefined);
      continue;
    }
    claims.claim(address, ref, addressPath, address);
    machines.set(address, ref);
  }
  checkVips(index, machines, report);
}

/** A VIP that is a machine's own address would balance the tunnels that carry the balancing. */
function checkVips(index: ResourceIndex, machines: ReadonlyMap<string, string>, report: Report): void {
  for (const { path, ref } of index.all('frontendIPConfiguration')) {
    const vip = frontendAddressOf(index, ref);
    const owner = vip === undefined ? undefined : machines.get(vip);
    if (owner !== undefined) report(path, `a VIP that is no provider address: ${owner} has this one`, vip);
  }
}
