/**
 * logicalNetworks: networks of the provider: the one that carries encapsulated packets, and those VIPs come from.
 */
import * as v from 'valibot';
import { boolean, integer, ipAddress, ipPrefix, list, object, properties, resource } from './schema.js';

/**
 * What edgemux adds to a subnet: `vni`, 1..16777215, the VXLAN network identifier of the packets of its addresses, which
 * no other subnet may have; and `secondAddressPrefix`, its prefix of the other family when it is dual-stack.
 */
export const SubnetExtensionSchema = object({
  vni: v.exactOptional(integer(1, 16_777_215)),
  secondAddressPrefix: v.exactOptional(ipPrefix()),
});

const IpPoolSchema = resource(properties({ startIPAddress: ipAddress(), endIPAddress: ipAddress() }, ['usage']));

const LogicalNetworkSubnetSchema = resource(
  properties(
    {
      addressPrefix: ipPrefix(),
      vlanID: v.optional(integer(0, 4094), 0),
      defaultGateways: list(ipAddress()),
      dnsServers: list(ipAddress()),
      isPublic: v.optional(boolean(), false),
      ipPools: list(IpPoolSchema),
      edgemux: v.optional(SubnetExtensionSchema, {}),
    },
    ['networkInterfaces', 'ipConfigurations', 'gatewayPools', 'networkConnections', 'usage'],
  ),
);

/** Schema of `LogicalNetwork`. */
export const LogicalNetworkSchema = resource(
  properties(
    {
      networkVirtualizationEnabled: v.optional(boolean(), false),
      subnets: list(LogicalNetworkSubnetSchema),
    },
    ['virtualNetworks'],
  ),
);

/** A network of the provider; `networkVirtualizationEnabled` marks the one provider addresses (PA) live in. */
export type LogicalNetwork = v.InferOutput<typeof LogicalNetworkSchema>;

/** A subnet of a logical network; vlanID 0..4094, 0 is untagged. */
export type LogicalNetworkSubnet = v.InferOutput<typeof LogicalNetworkSubnetSchema>;

/** Addresses of a subnet that may be given out, both ends included. */
export type IpPool = v.InferOutput<typeof IpPoolSchema>;
