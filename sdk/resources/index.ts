/**
 * The policy language: Network Controller resources, read liberally, checked completely, written canonically.
 */
export type { BgpPeer } from './bgp-peer.js';
export type { BgpRoutes } from './bgp-routes.js';
export type { Fabric, FabricResources } from './fabric.js';
export { FabricSchema } from './fabric.js';
export type {
  BackendAddressPool,
  FrontendIPConfiguration,
  InboundNatRule,
  LoadBalancer,
  LoadBalancingRule,
  OutboundNatRule,
  Probe,
} from './load-balancer.js';
export { RING_SLOT_COUNTS, SNAT_BLOCK_PORT_COUNT, SNAT_PORT_COUNT } from './load-balancer.js';
export { FLOW_HASH_KEY_DEFAULT, type LoadBalancerManager } from './load-balancer-manager.js';
export type { LoadBalancerMux } from './load-balancer-mux.js';
export type { IpPool, LogicalNetwork, LogicalNetworkSubnet } from './logical-network.js';
export type { LocatedSubnet } from './lookups.js';
export {
  defaultMacAddressOf,
  frontendAddressOf,
  instanceAddressOf,
  muxProviderAddressOf,
  muxRouterIdOf,
  providerSubnetOf,
  serviceName,
  subnetOf,
  subnetPrefixesOf,
  vipsOfRule,
} from './lookups.js';
export type { Member, NatClaim } from './membership.js';
export { Membership } from './membership.js';
export type { IpConfiguration, NetworkInterface } from './network-interface.js';
export type { Note } from './notes.js';
export { notesOf } from './notes.js';
export type { OutboundClaim, OutboundLease } from './outbound-ports.js';
export { claimsByMember, leasedPortCount, outboundLeases } from './outbound-ports.js';
export type { PublicIpAddress } from './public-ip-address.js';
export { formatFabric, parseFabric, readFabric } from './read-fabric.js';
export type { ParsedReference, ResourceKind } from './reference.js';
export { parseReference, RESOURCE_KINDS } from './reference.js';
export type { Located, ResourceOfKind } from './resource-index.js';
export { ResourceIndex } from './resource-index.js';
export type { ResourceReference } from './schema.js';
export type { Server } from './server.js';
export type { VirtualNetwork, VirtualNetworkSubnet } from './virtual-network.js';
export type { VirtualNetworkManager } from './virtual-network-manager.js';
