/**
 * The questions a compiler asks of resources that take more than one step to answer.
 */
import { hostText, parseIp } from '../net/address.js';
import { formatMac } from '../net/mac.js';
import { parsePrefix, prefixContains } from '../net/prefix.js';
import type { LoadBalancerMux } from './load-balancer-mux.js';
import type { IpConfiguration } from './network-interface.js';
import type { Located, ResourceIndex } from './resource-index.js';
import type { ResourceReference } from './schema.js';

/** A subnet of a tenant's network or of the provider's. */
export type LocatedSubnet = Located<'virtualNetworkSubnet'> | Located<'logicalNetworkSubnet'>;

/** The VIP of a frontend: its own address or that of its publicIPAddress; undefined while neither is allocated. */
export function frontendAddressOf(index: ResourceIndex, frontendRef: string): string | undefined {
  const frontend = index.find('frontendIPConfiguration', frontendRef)?.resource.properties;
  if (frontend?.publicIPAddress === undefined) return frontend?.privateIPAddress;
  return index.find('publicIPAddress', frontend.publicIPAddress.resourceRef)?.resource.properties.ipAddress;
}

/** The VIPs of a rule in the order of its frontends, each once. */
export function vipsOfRule(
  index: ResourceIndex,
  rule: { readonly frontendIPConfigurations: readonly ResourceReference[] },
): readonly string[] {
  const vips = rule.frontendIPConfigurations.flatMap(({ resourceRef }) => frontendAddressOf(index, resourceRef) ?? []);
  return [...new Set(vips)];
}

/** `80.80.80.80:80/tcp`, `[2001:db8::80]:80/tcp`; any port is `:*`, any protocol `/*`. */
export function serviceName(vip: string, protocol: string, port: number): string {
  return `${hostText(vip)}:${port === 0 ? '*' : port}/${protocol === 'All' ? '*' : protocol.toLowerCase()}`;
}

/** The subnet of either kind that a reference names. */
export function subnetOf(index: ResourceIndex, subnetRef: string): LocatedSubnet | undefined {
  return index.find('virtualNetworkSubnet', subnetRef) ?? index.find('logicalNetworkSubnet', subnetRef);
}

/** The prefixes of a subnet: one, or one of each family. */
export function subnetPrefixesOf(subnet: LocatedSubnet): readonly string[] {
  const { addressPrefix, edgemux } = subnet.resource.properties;
  return edgemux.secondAddressPrefix === undefined ? [addressPrefix] : [addressPrefix, edgemux.secondAddressPrefix];
}

/** The publicIPAddress of an ipConfiguration, its instance-level address; undefined for one that has none. */
export function instanceAddressOf(
  index: ResourceIndex,
  { publicIPAddress }: IpConfiguration['properties'],
): Located<'publicIPAddress'> | undefined {
  return publicIPAddress && index.find('publicIPAddress', publicIPAddress.resourceRef);
}

/** The provider address of a MUX: the one it is given, or its own end of its first BGP session that says it. */
export function muxProviderAddressOf(mux: LoadBalancerMux): string | undefined {
  const { edgemux, routerConfiguration } = mux.properties;
  const peers = routerConfiguration?.peerRouterConfigurations ?? [];
  return edgemux.providerAddress ?? peers.find((peer) => peer.localIPAddress !== undefined)?.localIPAddress;
}

/** The BGP Identifier of a MUX: the one it is given, or its first IPv4 provider address. */
export function muxRouterIdOf(mux: LoadBalancerMux): string | undefined {
  const { routerId, secondProviderAddress } = mux.properties.edgemux;
  const addresses = [muxProviderAddressOf(mux), secondProviderAddress];
  return routerId ?? addresses.find((address) => address !== undefined && parseIp(address).family === 4);
}

/**
 * The subnet of the provider network an address lies in: that of the longest prefix, as routers do; of two equal ones
 * the first by name, so that the order of the file has no say.
 */
export function providerSubnetOf(index: ResourceIndex, address: string): Located<'logicalNetworkSubnet'> | undefined {
  const parsed = parseIp(address);
  return index
    .all('logicalNetworkSubnet')
    .flatMap((subnet) => subnetPrefixesOf(subnet).map((prefix) => ({ subnet, prefix: parsePrefix(prefix) })))
    .filter(({ prefix }) => prefixContains(prefix, parsed))
    .sort((a, b) => b.prefix.length - a.prefix.length || (a.subnet.ref < b.subnet.ref ? -1 : 1))[0]?.subnet;
}

/** The MAC address of a machine that says none: locally administered, and told apart by its provider address. */
export function defaultMacAddressOf(providerAddress: string): string {
  return formatMac(Uint8Array.of(0x02, 0x00, ...parseIp(providerAddress).bytes.slice(-4)));
}
