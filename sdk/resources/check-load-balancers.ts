/**
 * Load balancers: every frontend has one address, every rule makes sense by itself, and no two rules want the same
 * connections.
 */
import { parseIp } from '../net/address.js';
import { parsePrefix, prefixContains } from '../net/prefix.js';
import { unroutablePrefixOf } from '../net/unicast.js';
import { Claims } from './claims.js';
import { serviceName, subnetOf, subnetPrefixesOf, vipsOfRule } from './lookups.js';
import type { Membership } from './membership.js';
import { claimsByMember, leasablePortCount, leasedPortCount, outboundLeases } from './outbound-ports.js';
import type { Report } from './problem.js';
import { referenceKey } from './reference.js';
import type { Located, ResourceIndex } from './resource-index.js';

/** Checks loadBalancers and all they hold. */
export function checkLoadBalancers(index: ResourceIndex, membership: Membership, report: Report): void {
  for (const frontend of index.all('frontendIPConfiguration')) checkFrontend(index, frontend, report);
  for (const probe of index.all('probe')) checkProbe(probe, report);
  for (const rule of index.all('loadBalancingRule')) checkPorts(rule, report);
  checkVipsAndPorts(index, report);
  checkOutboundNatRules(index, report);
  checkAnyPortRules(index, report);
  checkOutboundPorts(index, membership, report);
}

function checkFrontend(index: ResourceIndex, frontend: Located<'frontendIPConfiguration'>, report: Report): void {
  const { privateIPAddress, publicIPAddress, subnet } = frontend.resource.properties;
  const at = (key: string) => `${frontend.path}.properties.${key}`;
  if (publicIPAddress !== undefined && privateIPAddress !== undefined) {
    report(at('privateIPAddress'), 'no address beside a publicIPAddress', privateIPAddress);
  }
  if (publicIPAddress === undefined && privateIPAddress === undefined) {
    report(at('privateIPAddress'), 'an address, here or as publicIPAddress', undefined);
  }
  if (publicIPAddress !== undefined) {
    const located = index.find('publicIPAddress', publicIPAddress.resourceRef);
    if (located !== undefined && located.resource.properties.ipAddress === undefined) {
      report(at('publicIPAddress.resourceRef'), 'a publicIPAddress with an ipAddress', publicIPAddress.resourceRef);
    }
  }
  if (privateIPAddress === undefined) return;
  const unroutable = unroutablePrefixOf(privateIPAddress);
  if (unroutable !== undefined) {
    report(at('privateIPAddress'), `an address clients can reach, none in ${unroutable}`, privateIPAddress);
  }
  const located = subnet && subnetOf(index, subnet.resourceRef);
  const prefixes = located ? subnetPrefixesOf(located) : [];
  const isInside = prefixes.some((prefix) => prefixContains(parsePrefix(prefix), parseIp(privateIPAddress)));
  if (prefixes.length === 0 || isInside) return;
  report(at('privateIPAddress'), `an address in its subnet's prefix ${prefixes.join(' or ')}`, privateIPAddress);
}

function checkProbe({ path, resource }: Located<'probe'>, report: Report): void {
  const { protocol, requestPath } = resource.properties;
  if (protocol === 'Tcp' && requestPath !== undefined) {
    report(`${path}.properties.requestPath`, 'no requestPath, because protocol is Tcp', requestPath);
  }
  if (protocol !== 'Tcp' && requestPath === undefined) {
    report(`${path}.properties.requestPath`, `a path such as /health, because protocol is ${protocol}`, undefined);
  }
}

/**
 * Any protocol means any port, and any port cannot be mapped to one port: that is what HA ports are. GRE and ESP have no
 * ports at all.
 */
function checkPorts({ path, resource }: Located<'loadBalancingRule'>, report: Report): void {
  const { protocol, frontendPort, backendPort } = resource.properties;
  const hasPorts = protocol === 'Tcp' || protocol === 'Udp';
  if (!hasPorts && frontendPort !== 0) {
    report(`${path}.properties.frontendPort`, `0, because protocol is ${protocol}`, frontendPort);
  }
  if ((!hasPorts || frontendPort === 0) && backendPort !== 0) {
    const because = hasPorts ? 'frontendPort is 0' : `protocol is ${protocol}`;
    report(`${path}.properties.backendPort`, `0, because ${because}`, backendPort);
  }
}

/**
 * A MUX has one place per (VIP, protocol, port). A rule for any port or any protocol only serves what no narrower rule
 * does, so it clashes with none but its like.
 */
function checkVipsAndPorts(index: ResourceIndex, report: Report): void {
  const claims = new Claims('a VIP, protocol and port', report);
  for (const { path, ref, resource } of [...index.all('loadBalancingRule'), ...index.all('inboundNatRule')]) {
    const { protocol, frontendPort } = resource.properties;
    for (const vip of vipsOfRule(index, resource.properties)) {
      const name = serviceName(vip, protocol, frontendPort);
      claims.claim(name, ref, `${path}.properties.frontendPort`, frontendPort, name);
    }
  }
}

function checkOutboundNatRules(index: ResourceIndex, report: Report): void {
  const claims = new Claims('a frontend and protocol', report);
  for (const { path, ref, resource } of index.all('outboundNatRule')) {
    const { frontendIPConfigurations, protocol } = resource.properties;
    for (const frontendRef of new Set(frontendIPConfigurations.map((frontend) => frontend.resourceRef))) {
      const key = `${referenceKey(frontendRef)} ${protocol}`;
      claims.claim(key, ref, `${path}.properties.protocol`, protocol, `${frontendRef} for ${protocol}`);
    }
  }
}

/** A MUX asks its rules first: with one for any port, nothing that answers an outbound connection would come back. */
function checkAnyPortRules(index: ResourceIndex, report: Report): void {
  const anyPort = index.all('loadBalancingRule').filter(({ resource }) => resource.properties.frontendPort === 0);
  for (const { path, resource } of index.all('outboundNatRule')) {
    for (const vip of vipsOfRule(index, resource.properties)) {
      const rule = anyPort.find(
        (other) =>
          isOverlap(other.resource.properties.protocol, resource.properties.protocol) &&
          vipsOfRule(index, other.resource.properties).includes(vip),
      );
      if (rule === undefined) continue;
      const expected = `a VIP without a rule for any port, as ${rule.ref} is`;
      report(`${path}.properties.frontendIPConfigurations`, expected, vip);
    }
  }
}

function isOverlap(protocol: string, outbound: string): boolean {
  const hasPorts = protocol === 'Tcp' || protocol === 'Udp';
  return protocol === 'All' || protocol === outbound || (outbound === 'All' && hasPorts);
}

/** The rules of a VIP are added up in the order of their names; each that adds more than is left is reported. */
function checkOutboundPorts(index: ResourceIndex, membership: Membership, report: Report): void {
  for (const lease of outboundLeases(index, membership)) {
    const available = leasablePortCount(lease);
    let before = 0;
    for (const [at, { rule }] of lease.claims.entries()) {
      const claims = lease.claims.slice(0, at + 1);
      const wanted = [...claimsByMember(claims).values()].reduce((sum, ofMember) => sum + leasedPortCount(ofMember), 0);
      const isTooMuch = wanted > available && wanted > before;
      before = wanted;
      if (!isTooMuch) continue;
      const { allocatedOutboundPorts: got } = rule.resource.properties.edgemux;
      const expected = `ports for all members: ${lease.vip} has ${available}, its outboundNatRules ask for ${wanted}`;
      report(`${rule.path}.properties.edgemux.allocatedOutboundPorts`, expected, got);
    }
  }
}
