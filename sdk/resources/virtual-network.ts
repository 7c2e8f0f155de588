/**
 * virtualNetworks: the networks of tenants. Two of them may use the same addresses; the VNI tells them apart.
 */
import * as v from 'valibot';
import { SubnetExtensionSchema } from './logical-network.js';
import { ipPrefix, list, nonEmptyList, object, properties, reference, resource } from './schema.js';

const VirtualNetworkSubnetSchema = resource(
  properties({ addressPrefix: ipPrefix(), edgemux: v.optional(SubnetExtensionSchema, {}) }, [
    'ipConfigurations',
    'accessControlList',
    'routeTable',
    'serviceInsertion',
    'virtualSubnetId',
    'encryptionCredential',
  ]),
);

const AddressSpaceSchema = object({ addressPrefixes: nonEmptyList(ipPrefix(), 'IP prefix such as 10.0.0.0/16') });

/** Schema of `VirtualNetwork`. */
export const VirtualNetworkSchema = resource(
  properties(
    {
      addressSpace: AddressSpaceSchema,
      logicalNetwork: v.exactOptional(reference('logicalNetwork')),
      subnets: list(VirtualNetworkSubnetSchema),
    },
    ['dhcpOptions', 'virtualNetworkPeerings', 'encryptionCredentials'],
  ),
);

/** A tenant's network, carried over `logicalNetwork`; every subnet lies in its address space. */
export type VirtualNetwork = v.InferOutput<typeof VirtualNetworkSchema>;

/**
 * A subnet of a virtual network; its extension `edgemux` has `vni`, 1..16777215, unique in the fabric, and
 * `secondAddressPrefix`, of the other family than `addressPrefix`.
 */
export type VirtualNetworkSubnet = v.InferOutput<typeof VirtualNetworkSubnetSchema>;
