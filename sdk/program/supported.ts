/** What a fabric may ask for and this release cannot do yet: said before anything is compiled, all at once. */
import { EdgemuxError, type Problem } from '../errors.js';
import { parseIp } from '../net/address.js';
import { type Fabric, frontendAddressOf, type ResourceIndex } from '../resources/index.js';
import type { Topology } from '../topology/index.js';

/** @throws EdgemuxError `ERR_UNSUPPORTED` with every part of the policy that cannot be compiled */
export function checkSupported(fabric: Fabric, index: ResourceIndex, topology: Topology): void {
  const problems = [...encapsulation(fabric), ...ipv6(index, topology), ...sharedInterfaces(index, topology)];
  if (problems.length > 0) throw new EdgemuxError('ERR_UNSUPPORTED', 'this release cannot forward all of it', problems);
}

function encapsulation(fabric: Fabric): Problem[] {
  const protocol = fabric.virtualNetworkManager?.properties.networkVirtualizationProtocol ?? 'Vxlan';
  const path = 'virtualNetworkManager.properties.networkVirtualizationProtocol';
  return protocol === 'Vxlan' ? [] : [{ path, expected: '"Vxlan"', got: JSON.stringify(protocol) }];
}

function ipv6(index: ResourceIndex, topology: Topology): Problem[] {
  const addresses = [
    ...index.all('frontendIPConfiguration').map(({ ref, path }) => [path, frontendAddressOf(index, ref)] as const),
    ...index.all('ipConfiguration').map(({ ref, path }) => [path, topology.dips.get(ref)?.address] as const),
    ...index
      .all('server')
      .map(({ path, resource }) => [path, topology.hosts.get(resource.resourceId)?.providerAddresses[0]] as const),
    ...index
      .all('loadBalancerMux')
      .map(({ path, resource }) => [path, topology.muxes.get(resource.resourceId)?.providerAddresses[0]] as const),
  ];
  return addresses.flatMap(([path, address]) =>
    address === undefined || parseIp(address).family === 4
      ? []
      : [{ path, expected: 'an IPv4 address', got: JSON.stringify(address) }],
  );
}

/**
 * A host tells local VMs apart by MAC address alone: what arrives for one can mean one network, and for one pool one
 * address.
 */
function sharedInterfaces(index: ResourceIndex, topology: Topology): Problem[] {
  const vniOfNic = new Map<string, number>();
  const poolsOfNic = new Set<string>();
  return index.all('ipConfiguration').flatMap(({ ref, path, resource }) => {
    const dip = topology.dips.get(ref);
    if (!dip) return [];
    const { subnet, loadBalancerBackendAddressPools: pools } = resource.properties;
    const problems: Problem[] = [];
    if ((vniOfNic.get(dip.nic) ?? dip.vni) !== dip.vni) {
      const expected = 'the subnet of the other ipConfigurations of its network interface';
      problems.push({ path, expected, got: JSON.stringify(subnet?.resourceRef) });
    }
    vniOfNic.set(dip.nic, dip.vni);
    for (const { resourceRef } of pools) {
      const key = `${dip.nic} ${resourceRef.toLowerCase()}`;
      const expected = 'one ipConfiguration of a network interface per pool';
      if (poolsOfNic.has(key)) problems.push({ path, expected, got: JSON.stringify(resourceRef) });
      poolsOfNic.add(key);
    }
    return problems;
  });
}
