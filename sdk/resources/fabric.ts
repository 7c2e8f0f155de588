/**
 * The fabric file: one JSON object with a key per collection of the Network Controller, each an array of resources.
 */
import * as v from 'valibot';
import { LoadBalancerSchema } from './load-balancer.js';
import { LoadBalancerManagerSchema } from './load-balancer-manager.js';
import { LoadBalancerMuxSchema } from './load-balancer-mux.js';
import { LogicalNetworkSchema } from './logical-network.js';
import { NetworkInterfaceSchema } from './network-interface.js';
import { PublicIpAddressSchema } from './public-ip-address.js';
import { list, object } from './schema.js';
import { ServerSchema } from './server.js';
import { VirtualNetworkSchema } from './virtual-network.js';
import { VirtualNetworkManagerSchema } from './virtual-network-manager.js';

// Collections of the Network Controller's REST API that have no bearing on load balancing.
const COLLECTIONS_UNREAD = [
  'accessControlLists',
  'auditingSettings',
  'credentials',
  'diagnostics',
  'gatewayPools',
  'gateways',
  'iDNSServer',
  'internalResourceInstances',
  'learnedIPAddresses',
  'macPools',
  'monitoring',
  'networkControllerBackup',
  'networkControllerRestore',
  'operationResults',
  'operations',
  'routeTables',
  'securityTags',
  'serviceInsertions',
  'virtualGateways',
  'virtualServers',
  'virtualSwitchManager',
];

/** Schema of a fabric file. */
export const FabricSchema = object(
  {
    loadBalancerManager: v.exactOptional(LoadBalancerManagerSchema),
    virtualNetworkManager: v.exactOptional(VirtualNetworkManagerSchema),
    logicalNetworks: list(LogicalNetworkSchema),
    servers: list(ServerSchema),
    loadBalancerMuxes: list(LoadBalancerMuxSchema),
    virtualNetworks: list(VirtualNetworkSchema),
    networkInterfaces: list(NetworkInterfaceSchema),
    publicIPAddresses: list(PublicIpAddressSchema),
    loadBalancers: list(LoadBalancerSchema),
  },
  COLLECTIONS_UNREAD,
);

/** The resources of a fabric, without what reading them brought to light. */
export type FabricResources = v.InferOutput<typeof FabricSchema>;

/**
 * All policy of a fabric: checked, complete and canonical.
 *
 * Every default is filled in, every number is a number, every address and reference has its one spelling, every
 * reference names a resource that exists.
 */
export type Fabric = FabricResources & {
  /** Paths of members that mean nothing to edgemux and are not known to mean nothing: most likely misspelt. */
  readonly ignored: readonly string[];
};
