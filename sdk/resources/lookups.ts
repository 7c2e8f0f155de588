/**
 * The questions a compiler asks of resources that take more than one step to answer.
 */
import type { LoadBalancerMux } from './load-balancer-mux.js';
import type { Located, ResourceIndex } from './resource-index.js';

/** A subnet of a tenant's network or of the provider's. */
export type LocatedSubnet = Located<'virtualNetworkSubnet'> | Located<'logicalNetworkSubnet'>;

/** The VIP of a frontend: its own address or that of its publicIPAddress; undefined while neither is allocated. */
export function frontendAddressOf(index: ResourceIndex, frontendRef: string): string | undefined {
  const frontend = index.find('frontendIPConfiguration', frontendRef)?.resource.properties;
  if (frontend?.publicIPAddress === undefined) return frontend?.privateIPAddress;
  return index.find('publicIPAddress', frontend.publicIPAddress.resourceRef)?.resource.properties.ipAddress;
}

/** The subnet of either kind that a reference names. */
export function subnetOf(index: ResourceIndex, subnetRef: string): LocatedSubnet | undefined {
  return index.find('virtualNetworkSubnet', subnetRef) ?? index.find('logicalNetworkSubnet', subnetRef);
}

/** The provider address of a MUX: the one it is given, or its own end of its first BGP session that says it. */
export function muxProviderAddressOf(mux: LoadBalancerMux): string | undefined {
  const { edgemux, routerConfiguration } = mux.properties;
  const peers = routerConfiguration?.peerRouterConfigurations ?? [];
  return edgemux.providerAddress ?? peers.find((peer) => peer.localIPAddress !== undefined)?.localIPAddress;
}
