/** The example with both families: a VIP, a prefix of the subnet and an address of each VM in IPv6 too. */
import { type Json, lb, nic, ref, rule, subnet } from '../resources/example.js';

export const VIP_4 = '80.80.80.80';
export const VIP_6 = '2001:db8:80::80';

/** Adds IPv6 to the example; its rule `http` has both VIPs then. */
export function dualStack(fabric: Json): void {
  fabric.virtualNetworks[0].properties.addressSpace.addressPrefixes.push('2001:db8:a::/48');
  subnet(fabric).edgemux.secondAddressPrefix = '2001:db8:a::/64';
  for (const [at, address] of ['2001:db8:a::4', '2001:db8:a::5'].entries()) {
    nic(fabric, at).ipConfigurations.push({
      resourceId: 'ip6',
      properties: {
        privateIPAddress: address,
        subnet: ref('/virtualNetworks/tenant-a/subnets/web'),
        loadBalancerBackendAddressPools: [ref('/loadBalancers/web/backendAddressPools/vms')],
      },
    });
  }
  lb(fabric).frontendIPConfigurations.push({ resourceId: 'fe6', properties: { privateIPAddress: VIP_6 } });
  rule(fabric).frontendIPConfigurations.push(ref('/loadBalancers/web/frontendIPConfigurations/fe6'));
}
