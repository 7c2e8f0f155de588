/** Fabrics made from the example that comes with edgemux. */
import { readFileSync } from 'node:fs';
import { FABRIC } from '../appliance/cli.js';

/** A JSON value as its authors see it: anything, reached into without asking. */
// biome-ignore lint/suspicious/noExplicitAny: every step would need a cast that says nothing.
type Json = any;

/**
 * The example with a second tenant beside the first, on the same hosts, with the very same addresses:
 *
 *   tenant-a  VNI 5001  VIP 80.80.80.80  vm-1 10.0.0.4 on host-1, vm-2 10.0.0.5 on host-2
 *   tenant-b  VNI 5002  VIP 80.80.80.81  vm-3 10.0.0.4 on host-1, vm-4 10.0.0.5 on host-2 with three times the weight
 */
export function twoTenants(): Json {
  const fabric: Json = JSON.parse(readFileSync(FABRIC, 'utf8'));
  const [network, address, balancer] = ['virtualNetworks', 'publicIPAddresses', 'loadBalancers'].map((collection) => {
    const copy = tenantB(fabric[collection][0]);
    fabric[collection].push(copy);
    return copy;
  });
  network.properties.subnets[0].properties.edgemux.vni = 5002;
  address.properties.ipAddress = '80.80.80.81';
  delete balancer.properties.outboundNatRules;
  const [vm3, vm4] = fabric.networkInterfaces.map(tenantB);
  vm3.properties.privateMacAddress = '001DD8000014';
  vm4.properties.privateMacAddress = '001DD8000015';
  vm4.properties.ipConfigurations[0].properties.edgemux = { weight: 3 };
  fabric.networkInterfaces.push(vm3, vm4);
  return fabric;
}

/** A copy of a resource with tenant B's names in place of tenant A's. */
function tenantB(resource: Json): Json {
  const renamed: readonly [RegExp, string][] = [
    [/tenant-a/g, 'tenant-b'],
    [/"web-pip"/g, '"api-pip"'],
    [/publicIPAddresses\/web-pip/g, 'publicIPAddresses/api-pip'],
    [/"resourceId":"web","properties":\{"frontend/g, '"resourceId":"api","properties":{"frontend'],
    [/loadBalancers\/web\//g, 'loadBalancers/api/'],
    [/vm-1/g, 'vm-3'],
    [/vm-2/g, 'vm-4'],
  ];
  return JSON.parse(renamed.reduce((text, [from, to]) => text.replace(from, to), JSON.stringify(resource)));
}
