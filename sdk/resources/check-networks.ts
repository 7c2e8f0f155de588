/**
 * Networks: subnets lie in their address space, pools in their subnets, and every VNI and public address is one's own.
 */
import { parseIp } from '../net/address.js';
import { parsePrefix, parseRange, prefixContains } from '../net/prefix.js';
import { unroutablePrefixOf } from '../net/unicast.js';
import { Claims } from './claims.js';
import { subnetPrefixesOf } from './lookups.js';
import type { Report } from './problem.js';
import type { ResourceIndex } from './resource-index.js';

/** Checks logicalNetworks, virtualNetworks and publicIPAddresses. */
export function checkNetworks(index: ResourceIndex, report: Report): void {
  checkIpPools(index, report);
  checkAddressSpaces(index, report);
  checkSecondPrefixes(index, report);
  checkVnis(index, report);
  checkPublicAddresses(index, report);
}

function checkIpPools(index: ResourceIndex, report: Report): void {
  for (const { path, parentRef, resource } of index.all('ipPool')) {
    const { startIPAddress, endIPAddress } = resource.properties;
    const subnet = index.find('logicalNetworkSubnet', parentRef ?? '');
    if (subnet === undefined) continue;
    const prefixes = subnetPrefixesOf(subnet);
    const inSubnet = (address: string) =>
      prefixes.some((prefix) => prefixContains(parsePrefix(prefix), parseIp(address)));
    const expected = `an address in its subnet's prefix ${prefixes.join(' or ')}`;
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
    const { addressPrefix, edgemux } = resource.properties;
    if (space === undefined) continue;
    for (const [key, prefix] of [
      ['addressPrefix', addressPrefix],
      [SECOND_PREFIX, edgemux.secondAddressPrefix],
    ]) {
      if (prefix === undefined) continue;
      if (space.some((outer) => prefixContains(parsePrefix(outer), parsePrefix(prefix)))) continue;
      report(`${path}.properties.${key}`, `a prefix in the address space ${space.join(', ')}`, prefix);
    }
  }
}

const SECOND_PREFIX = 'edgemux.secondAddressPrefix';

function checkSecondPrefixes(index: ResourceIndex, report: Report): void {
  for (const { path, resource } of [...index.all('logicalNetworkSubnet'), ...index.all('virtualNetworkSubnet')]) {
    const { addressPrefix, edgemux } = resource.properties;
    if (edgemux.secondAddressPrefix === undefined) continue;
    const { family } = parsePrefix(addressPrefix);
    if (parsePrefix(edgemux.secondAddressPrefix).family !== family) continue;
    const expected = `an IPv${10 - family} prefix, because ${addressPrefix} is IPv${family}`;
    report(`${path}.properties.${SECOND_PREFIX}`, expected, edgemux.secondAddressPrefix);
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
    const unroutable = unroutablePrefixOf(ipAddress);
    if (unroutable !== undefined) {
      report(`${path}.properties.ipAddress`, `an address clients can reach, none in ${unroutable}`, ipAddress);
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
