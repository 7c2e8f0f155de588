/**
 * Machines on the provider network: every one has addresses and a MAC address of its own, and none of the addresses is a
 * VIP.
 */
import { parseIp } from '../net/address.js';
import { isUnicastMac, unusablePrefixOf } from '../net/unicast.js';
import { Claims } from './claims.js';
import {
  defaultMacAddressOf,
  frontendAddressOf,
  instanceAddressOf,
  muxProviderAddressOf,
  providerSubnetOf,
} from './lookups.js';
import type { Report } from './problem.js';
import type { ResourceIndex } from './resource-index.js';

/** Checks the provider addresses and MAC addresses of servers and loadBalancerMuxes. */
export function checkProviderAddresses(index: ResourceIndex, report: Report): void {
  const machines = [...serversOf(index), ...muxesOf(index, report)];
  checkAddresses(machines, report);
  checkMacAddresses(index, machines, report);
  checkVips(index, machines, report);
}

/** A server or MUX as the provider network sees it. */
interface ProviderMachine {
  readonly ref: string;
  /** Where its extension stands. */
  readonly path: string;
  readonly addresses: readonly { readonly address: string; readonly path: string }[];
  readonly macAddress: string | undefined;
  readonly gatewayMacAddress: string | undefined;
}

function serversOf(index: ResourceIndex): ProviderMachine[] {
  return index.all('server').flatMap(({ path: serverPath, ref, resource }) => {
    const { edgemux } = resource.properties;
    if (edgemux === undefined) return [];
    const path = `${serverPath}.properties.edgemux`;
    const { providerAddresses, macAddress, gatewayMacAddress } = edgemux;
    const addresses = providerAddresses.map((address, i) => ({ address, path: `${path}.providerAddresses[${i}]` }));
    return [{ ref, path, addresses, macAddress, gatewayMacAddress }];
  });
}

function muxesOf(index: ResourceIndex, report: Report): ProviderMachine[] {
  return index.all('loadBalancerMux').flatMap(({ path: muxPath, ref, resource }) => {
    const path = `${muxPath}.properties.edgemux`;
    const { secondProviderAddress: second, macAddress, gatewayMacAddress } = resource.properties.edgemux;
    const first = muxProviderAddressOf(resource);
    if (first === undefined) {
      report(`${path}.providerAddress`, 'a provider address, here or as localIPAddress of a peer router', undefined);
      return [];
    }
    const addresses = [{ address: first, path: `${path}.providerAddress` }];
    if (second !== undefined) {
      const secondPath = `${path}.secondProviderAddress`;
      const { family } = parseIp(first);
      if (parseIp(second).family === family) {
        report(secondPath, `an IPv${10 - family} address, because ${first} is IPv${family}`, second);
      }
      addresses.push({ address: second, path: secondPath });
    }
    return [{ ref, path, addresses, macAddress, gatewayMacAddress }];
  });
}

function checkAddresses(machines: readonly ProviderMachine[], report: Report): void {
  const claims = new Claims('a provider address', report);
  for (const { ref, addresses } of machines) {
    for (const { address, path } of addresses) {
      const unusable = unusablePrefixOf(address);
      if (unusable !== undefined) report(path, `an address of a machine, none in ${unusable}`, address);
      claims.claim(address, ref, path, address);
    }
  }
}

/** Two machines with one MAC address on one link get each other's frames. */
function checkMacAddresses(index: ResourceIndex, machines: readonly ProviderMachine[], report: Report): void {
  const claims = new Claims('a MAC address', report);
  for (const { ref, path, addresses, macAddress, gatewayMacAddress } of machines) {
    for (const [key, mac] of Object.entries({ macAddress, gatewayMacAddress })) {
      if (mac !== undefined && !isUnicastMac(mac)) report(`${path}.${key}`, 'the MAC address of a machine', mac);
    }
    const mac = macAddress ?? defaultMacAddressOf(addresses[0].address);
    const links = new Set(addresses.map(({ address }) => providerSubnetOf(index, address)?.ref ?? ''));
    for (const link of links) claims.claim(`${link} ${mac}`, ref, `${path}.macAddress`, macAddress, mac);
  }
}

/** A VIP that is a machine's own address would balance the tunnels that carry the balancing. */
function checkVips(index: ResourceIndex, machines: readonly ProviderMachine[], report: Report): void {
  const owners = new Map(machines.flatMap(({ ref, addresses }) => addresses.map(({ address }) => [address, ref])));
  const check = (path: string, vip: string | undefined) => {
    const owner = vip === undefined ? undefined : owners.get(vip);
    if (owner !== undefined) report(path, `a VIP that is no provider address: ${owner} has this one`, vip);
  };
  for (const { path, ref } of index.all('frontendIPConfiguration')) check(path, frontendAddressOf(index, ref));
  for (const { path, resource } of index.all('ipConfiguration')) {
    const instance = instanceAddressOf(index, resource.properties);
    check(`${path}.properties.publicIPAddress`, instance?.resource.properties.ipAddress);
  }
}
