/**
 * Provider addresses: every MUX has one, and no two machines share one.
 */
import { Claims } from './claims.js';
import { muxProviderAddressOf } from './lookups.js';
import type { Report } from './problem.js';
import type { ResourceIndex } from './resource-index.js';

/** Checks the provider addresses of servers and loadBalancerMuxes. */
export function checkProviderAddresses(index: ResourceIndex, report: Report): void {
  const claims = new Claims('a provider address', report);
  for (const { path, ref, resource } of index.all('server')) {
    for (const [i, address] of (resource.properties.edgemux?.providerAddresses ?? []).entries()) {
      claims.claim(address, ref, `${path}.properties.edgemux.providerAddresses[${i}]`, address);
    }
  }
  for (const { path, ref, resource } of index.all('loadBalancerMux')) {
    const address = muxProviderAddressOf(resource);
    const addressPath = `${path}.properties.edgemux.providerAddress`;
    if (address !== undefined) claims.claim(address, ref, addressPath, address);
    else report(addressPath, 'a provider address, here or as localIPAddress of a peer router', undefined);
  }
}
