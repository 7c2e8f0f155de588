/**
 * Load balancers: every frontend has one address, every rule makes sense by itself, and no two rules want the same
 * connections.
 */
import { parseIp } from '../net/address.js';
import { parsePrefix, prefixContains } from '../net/prefix.js';
import { Claims } from './claims.js';
import { serviceName, subnetOf, vipsOfRule } from './lookups.js';
import type { Report } from './problem.js';
import { referenceKey } from './reference.js';
import type { Located, ResourceIndex } from './resource-index.js';

/** Checks loadBalancers and all they hold. */
export function checkLoadBalancers(index: ResourceIndex, report: Report): void {
  for (const frontend of index.all('frontendIPConfiguration')) checkFrontend(index, frontend, report);
  for (const probe of index.all('probe')) checkProbe(probe, report);
  for (const rule of index.all('loadBalancingRule')) checkPorts(rule, report);
  checkVipsAndPorts(index, report);
  checkOutboundNatRules(index, report);
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
  const prefix = subnet && subnetOf(index, subnet.resourceRef)?.resource.properties.addressPrefix;
  if (privateIPAddress === undefined || prefix === undefined) return;
  if (prefixContains(parsePrefix(prefix), parseIp(privateIPAddress))) return;
  report(at('privateIPAddress'), `an address in its subnet's prefix ${prefix}`, privateIPAddress);
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

/** Any protocol means any port, and any port cannot be mapped to one port: that is what HA ports are. */
function checkPorts({ path, resource }: Located<'loadBalancingRule'>, report: Report): void {
  const { protocol, frontendPort, backendPort } = resource.properties;
  if (protocol === 'All' && frontendPort !== 0) {
    report(`${path}.properties.frontendPort`, '0, because protocol is All', frontendPort);
  }
  if ((protocol === 'All' || frontendPort === 0) && backendPort !== 0) {
    const because = protocol === 'All' ? 'protocol is All' : 'frontendPort is 0';
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
