/**
 * Network interfaces: addresses are one's own and in the right subnet, and whoever takes balanced connections can be
 * reached.
 */
import { parseIp } from '../net/address.js';
import { parsePrefix, prefixContains } from '../net/prefix.js';
import { Claims } from './claims.js';
import { subnetOf } from './lookups.js';
import type { Member, Membership } from './membership.js';
import type { Report } from './problem.js';
import { referenceKey } from './reference.js';
import type { ResourceIndex } from './resource-index.js';

/** Checks networkInterfaces, their ipConfigurations, and the inbound NAT rules that send to them. */
export function checkInterfaces(index: ResourceIndex, membership: Membership, report: Report): void {
  checkMacAddresses(index, report);
  checkPrivateAddresses(index, report);
  checkNatTargets(membership, report);
  checkReachable(index, membership, report);
}

function checkMacAddresses(index: ResourceIndex, report: Report): void {
  const claims = new Claims('a MAC address', report);
  for (const { path, ref, resource } of index.all('networkInterface')) {
    const { privateMacAddress: mac } = resource.properties;
    if (mac !== undefined) claims.claim(mac, ref, `${path}.properties.privateMacAddress`, mac);
  }
}

function checkPrivateAddresses(index: ResourceIndex, report: Report): void {
  const claims = new Claims('an address', report);
  for (const { path, ref, resource } of index.all('ipConfiguration')) {
    const { privateIPAddress: address, subnet } = resource.properties;
    const located = subnet && subnetOf(index, subnet.resourceRef);
    if (address === undefined || located === undefined) continue;
    const { addressPrefix } = located.resource.properties;
    const addressPath = `${path}.properties.privateIPAddress`;
    if (!prefixContains(parsePrefix(addressPrefix), parseIp(address))) {
      report(addressPath, `an address in its subnet's prefix ${addressPrefix}`, address);
    }
    claims.claim(`${referenceKey(located.ref)} ${address}`, ref, addressPath, address);
  }
}

function checkNatTargets(membership: Membership, report: Report): void {
  const targetByRule = new Map<string, Member>();
  for (const { by, ruleRef, member, path } of membership.natClaims) {
    const target = targetByRule.get(ruleRef);
    if (target === undefined) {
      targetByRule.set(ruleRef, member);
    } else if (target !== member) {
      const first = target.ipConfiguration.ref;
      if (by === 'networkInterface') {
        report(path, `an inboundNatRule that does not send to ${first} already`, ruleRef);
      } else {
        report(path, `the ipConfiguration that refers to this rule, ${first}`, member.ipConfiguration.ref);
      }
    }
  }
}

/** A DIP, its MAC address, its subnet's VNI and its host's provider address are all needed to get a packet there. */
function checkReachable(index: ResourceIndex, membership: Membership, report: Report): void {
  const because = 'because a backendAddressPool or inboundNatRule sends to this interface';
  const checked = new Set<string>();
  for (const { ipConfiguration, networkInterface } of membership.all()) {
    const { privateIPAddress, subnet } = ipConfiguration.resource.properties;
    const at = (key: string) => `${ipConfiguration.path}.properties.${key}`;
    if (privateIPAddress === undefined) report(at('privateIPAddress'), `an address, ${because}`, undefined);
    if (subnet === undefined) report(at('subnet'), `a subnet, ${because}`, undefined);

    if (checked.has(networkInterface.ref)) continue;
    checked.add(networkInterface.ref);
    const { privateMacAddress, server } = networkInterface.resource.properties;
    const on = (key: string) => `${networkInterface.path}.properties.${key}`;
    if (privateMacAddress === undefined) report(on('privateMacAddress'), `a MAC address, ${because}`, undefined);
    if (server === undefined) {
      report(on('server'), `a server, ${because}`, undefined);
      continue;
    }
    const host = index.find('server', server.resourceRef);
    if (host !== undefined && host.resource.properties.edgemux === undefined) {
      const expected = `a server with edgemux.providerAddresses, ${because}`;
      report(on('server.resourceRef'), expected, server.resourceRef);
    }
  }
}
