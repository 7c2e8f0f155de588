/**
 * Network interfaces: addresses are one's own and in the right subnet, and whoever takes balanced connections can be
 * reached.
 */
import { parseIp } from '../net/address.js';
import { parsePrefix, prefixContains } from '../net/prefix.js';
import { isUnicastMac, unusablePrefixOf } from '../net/unicast.js';
import { Claims } from './claims.js';
import { frontendAddressOf, instanceAddressOf, subnetOf, subnetPrefixesOf } from './lookups.js';
import type { Member, Membership } from './membership.js';
import type { Report } from './problem.js';
import { referenceKey } from './reference.js';
import type { ResourceIndex } from './resource-index.js';

/** Checks networkInterfaces, their ipConfigurations, and the inbound NAT rules that send to them. */
export function checkInterfaces(index: ResourceIndex, membership: Membership, report: Report): void {
  checkMacAddresses(index, report);
  checkPrivateAddresses(index, report);
  checkInstanceAddresses(index, report);
  checkNatTargets(membership, report);
  checkReachable(index, membership, report);
}

function checkMacAddresses(index: ResourceIndex, report: Report): void {
  const claims = new Claims('a MAC address', report);
  for (const { path, ref, resource } of index.all('networkInterface')) {
    const { privateMacAddress: mac } = resource.properties;
    if (mac === undefined) continue;
    const macPath = `${path}.properties.privateMacAddress`;
    if (isUnicastMac(mac)) claims.claim(mac, ref, macPath, mac);
    else report(macPath, 'the MAC address of a machine', mac);
  }
}

function checkPrivateAddresses(index: ResourceIndex, report: Report): void {
  const claims = new Claims('an address', report);
  for (const { path, ref, resource } of index.all('ipConfiguration')) {
    const { privateIPAddress: address, subnet } = resource.properties;
    const located = subnet && subnetOf(index, subnet.resourceRef);
    if (address === undefined || located === undefined) continue;
    const prefixes = subnetPrefixesOf(located);
    const addressPath = `${path}.properties.privateIPAddress`;
    const unusable = unusablePrefixOf(address);
    if (unusable !== undefined) report(addressPath, `an address of a machine, none in ${unusable}`, address);
    if (!prefixes.some((prefix) => prefixContains(parsePrefix(prefix), parseIp(address)))) {
      report(addressPath, `an address in its subnet's prefix ${prefixes.join(' or ')}`, address);
    }
    claims.claim(`${referenceKey(located.ref)} ${address}`, ref, addressPath, address);
  }
}

/** Whatever comes for an instance-level address goes to one DIP, so nobody else can have any of it. */
function checkInstanceAddresses(index: ResourceIndex, report: Report): void {
  const claims = new Claims('an address', report);
  const frontends = new Map(
    index.all('frontendIPConfiguration').map(({ ref }) => [frontendAddressOf(index, ref), ref]),
  );
  for (const { path, ref, resource } of index.all('ipConfiguration')) {
    const { publicIPAddress, privateIPAddress: dip } = resource.properties;
    const located = instanceAddressOf(index, resource.properties);
    if (publicIPAddress === undefined || located === undefined) continue;
    const refPath = `${path}.properties.publicIPAddress.resourceRef`;
    const { ipAddress: address } = located.resource.properties;
    if (address === undefined) {
      report(refPath, 'a publicIPAddress with an ipAddress', publicIPAddress.resourceRef);
      continue;
    }
    if (dip !== undefined && parseIp(dip).family !== parseIp(address).family) {
      report(refPath, `an IPv${parseIp(dip).family} address, because ${dip} is one`, address);
    }
    const frontend = frontends.get(address);
    if (frontend !== undefined) report(refPath, `an address that is no VIP: ${frontend} has this one`, address);
    claims.claim(address, ref, refPath, address);
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
  const balanced = membership.balanced();
  const checked = new Set<string>();
  for (const member of membership.all()) {
    const { ipConfiguration, networkInterface } = member;
    const sender = balanced.has(member) ? 'backendAddressPool or inboundNatRule' : 'publicIPAddress';
    const because = `because a ${sender} sends to this interface`;
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
