/**
 * Networks: subnets lie in their address space, pools in their subnets, and every VNI and public address is one's own.
 */
import { parseIp } from '../net/address.js';
import { parsePrefix, parseRange, prefixContains } from '../net/prefix.js';
import { Claims } from './claims.js';
import type { Report } from './problem.js';
import type { ResourceIndex } from './resource-index.js';

/** Checks logicalNetworks, virtualNetworks and publicIPAddresses. */
export function checkNetworks(index: ResourceIndex, report: Report): void {
  checkIpPools(index, report);
  checkAddressSpaces(index, report);
  checkVnis(index, report);
  checkPublicAddresses(index, report);
}

function checkIpPools(index: ResourceIndex, report: Report): void {
  for (const { path, parentRef, resource } of index.all('ipPool')) {
    const { startIPAddress, endIPAddress } = resource.properties;
    const subnet = index.find('logicalNetworkSubnet', parentRef ?? '');
    if (subnet === undefined) continue;
    const { addressPrefix } = subnet.resource.properties;
    const prefix = parsePrefix(addressPrefix);
    const inSubnet = (address: string) => prefixContains(prefix, parseIp(address));
    const expected = `an address in its subnet's prefix ${addressPrefix}`;
    if (!inSubnet(startIPAddress)) report(`${path}.properties.startIPAddress`, expected, startIPAddress);
    if (!inSubnet(endIPAddress)) report(`${path}.properties.endIPAddress`, expected, endIPAddress);
    else if (!isRange(startIPAddress, endIPAddress)) {
      report(`${path}.properties.endIPAddress`, `an address not before ${startIPAddress}`, endIPAddress);
    }
  }
}

function checkAddressSpaces(index: ResourceIndex, report: Report): void {
  for (const { path, parentRef, resource } of index.all('virtualNetworkSubnet')) {
    const space = index.find('virtualNetwork', parentRef ?? '')?.resource.properties.addressSpace.addressPrefixes;
    const { addressPrefix } = resource.properties;
    if (space === undefined) continue;
    if (space.some((outer) => prefixContains(parsePrefix(outer), parsePrefix(addressPrefix)))) continue;
    report(`${path}.properties.addressPrefix`, `a prefix in the address space ${space.join(', ')}`, addressPrefix);
  }
}

function checkVnis(index: ResourceIndex, report: Report): void {
  const claims = new Claims('a VNI', report);
  for (const { path, ref, resource } of [...index.all('logicalNetworkSubnet'), ...index.all('virtualNetworkSubnet')]) {
    const { vni } = resource.properties.edgemux;
    if (vni !== undefined) claims.claim(String(vni), ref, `${path}.properties.edgemux.vni`, vni);
  }
}

function checkPublicAddresses(index: ResourceIndex, report: Report): void {
  const claims = new Claims('an address', report);
  for (const { path, ref, resource } of index.all('publicIPAddress')) {
    const { ipAddress, publicIPAddressVersion } = resource.properties;
    if (ipAddress === undefined) continue;
    if (publicIPAddressVersion !== `IPv${parseIp(ipAddress).family}`) {
      report(`${path}.properties.ipAddress`, `${publicIPAddressVersion} address`, ipAddress);
    }
    claims.claim(ipAddress, ref, `${path}.properties.ipAddress`, ipAddress);
  }
}

function isRange(start: string, end: string): boolean {
  try {
    parseRange(start, end);
    return true;
  } catch {
    return false;
  }
}
