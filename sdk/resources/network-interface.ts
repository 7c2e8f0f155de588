/**
 * networkInterfaces: the NICs of VMs. Here stands which pools and inbound NAT rules a VM is in. MS-NCNBI.
 */
import * as v from 'valibot';
import {
  boolean,
  integer,
  ipAddress,
  list,
  macAddress,
  object,
  oneOf,
  properties,
  reference,
  resource,
} from './schema.js';

// An edgemux extension, see `IpConfiguration`.
const IpConfigurationExtensionSchema = object({
  weight: v.optional(integer(0, 65535), 1),
  adminState: v.optional(oneOf(['None', 'Up', 'Down']), 'None'),
});

const IpConfigurationSchema = resource(
  properties(
    {
      privateIPAddress: v.exactOptional(ipAddress()),
      privateIPAllocationMethod: v.exactOptional(oneOf(['Dynamic', 'Static', 'Unmanaged'])),
      subnet: v.exactOptional(reference('virtualNetworkSubnet', 'logicalNetworkSubnet')),
      publicIPAddress: v.exactOptional(reference('publicIPAddress')),
      loadBalancerBackendAddressPools: list(reference('backendAddressPool')),
      loadBalancerInboundNatRules: list(reference('inboundNatRule')),
      edgemux: v.optional(IpConfigurationExtensionSchema, {}),
    },
    ['accessControlList', 'networkConnections', 'serviceInsertion', 'gatewayPools'],
  ),
);

/** Schema of `NetworkInterface`. */
export const NetworkInterfaceSchema = resource(
  properties(
    {
      privateMacAddress: v.exactOptional(macAddress()),
      privateMacAllocationMethod: v.exactOptional(oneOf(['Dynamic', 'Static', 'Unmanaged'])),
      isPrimary: v.optional(boolean(), false),
      server: v.exactOptional(reference('server')),
      ipConfigurations: list(IpConfigurationSchema),
    },
    [
      'isHostVirtualNetworkInterface',
      'isMultitenantStack',
      'portSettings',
      'portId',
      'dnsSettings',
      'internalDnsNameLabel',
      'serviceInsertionElements',
      'virtualGateway',
    ],
  ),
);

/** A VM's network interface; `server` is the host the VM is on now. */
export type NetworkInterface = v.InferOutput<typeof NetworkInterfaceSchema>;

/**
 * One address (DIP) of a network interface, and the pools and inbound NAT rules that send to it. Its publicIPAddress, an
 * instance-level address, is its alone: whatever comes for that goes to it, and it reaches out under that.
 *
 * The extension `edgemux` has `weight`, 0..65535, default 1: its share of new connections, 0 for none; and
 * `adminState`: `Up` and `Down` overrule the probe, `None` (the default) follows it.
 */
export type IpConfiguration = v.InferOutput<typeof IpConfigurationSchema>;
