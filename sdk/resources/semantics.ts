/**
 * What no schema can say: resources that are each well formed may still contradict each other.
 *
 * The checks look at resources whose shape is sound; one that is missing from the index is skipped, because its own
 * problem has been reported.
 */
import { checkInterfaces } from './check-interfaces.js';
import { checkLoadBalancers } from './check-load-balancers.js';
import { checkMuxes } from './check-muxes.js';
import { checkNetworks } from './check-networks.js';
import { checkProviderAddresses } from './check-provider-addresses.js';
import { Membership } from './membership.js';
import type { Report } from './problem.js';
import type { ResourceIndex } from './resource-index.js';

/** Reports every contradiction between the resources of an index. */
export function checkSemantics(index: ResourceIndex, report: Report): void {
  checkNetworks(index, report);
  checkProviderAddresses(index, report);
  checkMuxes(index, report);
  const membership = new Membership(index);
  checkInterfaces(index, membership, report);
  checkLoadBalancers(index, membership, report);
}
