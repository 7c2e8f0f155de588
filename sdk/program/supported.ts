/** What a fabric may ask for and this release cannot do: said before anything is compiled, all at once. */
import { EdgemuxError, type Problem } from '../errors.js';
import { parseIp } from '../net/address.js';
import { vipsOfRule } from '../resources/index.js';
import { type Machine, tunnelBetween } from '../topology/index.js';
import { candidatesOf, membersOf, type Rule, type Sources } from './policy.js';

/** @throws EdgemuxError `ERR_UNSUPPORTED` with every part of the policy that cannot be compiled */
export function checkSupported(sources: Sources): void {
  const problems = [
    ...vlans(sources),
    ...unreachableHosts(sources),
    ...sharedInterfaces(sources),
    ...rulesBetweenFamilies(sources),
    ...outboundRulesBetweenFamilies(sources),
  ];
  if (problems.length > 0) throw new EdgemuxError('ERR_UNSUPPORTED', 'this release cannot forward all of it', problems);
}

/** A machine has one VLAN for what it sends, whatever the family. */
function vlans({ index, topology }: Sources): Problem[] {
  return [
    ...index.all('server').map(({ path, resource }) => [path, topology.hosts.get(resource.resourceId)] as const),
    ...index
      .all('loadBalancerMux')
      .map(({ path, resource }) => [path, topology.muxes.get(resource.resourceId)] as const),
  ].flatMap(([path, machine]) => {
    const [first, second] = machine?.ends ?? [];
    if (!first || !second || first.vlanId === second.vlanId) return [];
    const got = [first, second].map(({ address, vlanId }) => `${address} in ${vlanId}`).join(', ');
    return [{ path, expected: 'both provider addresses in one VLAN', got: JSON.stringify(got) }];
  });
}

function unreachableHosts({ index, topology }: Sources): Problem[] {
  const used = new Set([...topology.dips.values()].map(({ host }) => host));
  return index.all('server').flatMap(({ path, resource }) => {
    const host = topology.hosts.get(resource.resourceId);
    if (!host || !used.has(host.id)) return [];
    return [...topology.muxes.values()]
      .filter((mux) => !tunnelBetween(mux, host))
      .map((mux) => ({
        path: `${path}.properties.edgemux.providerAddresses`,
        expected: `an ${familiesOf(mux)} address, as MUX ${mux.id} has`,
        got: JSON.stringify(host.providerAddresses),
      }));
  });
}

function familiesOf({ ends }: Machine): string {
  return ends.map(({ family }) => `IPv${family}`).join(' or ');
}

/**
 * A host tells local VMs apart by MAC address alone: what arrives for one can mean one network, and for one pool one
 * address of a family.
 */
function sharedInterfaces({ index, topology }: Sources): Problem[] {
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
    vniOfNic.set(dip.nic, vniOfNic.get(dip.nic) ?? dip.vni);
    const { family } = parseIp(dip.address);
    for (const { resourceRef } of new Map(pools.map((pool) => [pool.resourceRef, pool])).values()) {
      const key = `${dip.nic} ${resourceRef.toLowerCase()} ${family}`;
      const expected = `one IPv${family} ipConfiguration of a network interface per pool`;
      if (poolsOfNic.has(key)) problems.push({ path, expected, got: JSON.stringify(resourceRef) });
      poolsOfNic.add(key);
    }
    return problems;
  });
}

/** Nothing here turns IPv4 into IPv6: a VIP needs members of its own family, or a floating IP. */
function rulesBetweenFamilies(sources: Sources): Problem[] {
  const rules: Rule[] = [...sources.index.all('loadBalancingRule'), ...sources.index.all('inboundNatRule')];
  return rules.flatMap((rule) => {
    if (candidatesOf(sources, rule).length === 0) return [];
    return vipsOfRule(sources.index, rule.resource.properties)
      .filter((vip) => membersOf(sources, rule, vip).length === 0)
      .map((vip) => betweenFamilies(rule, vip));
  });
}

function outboundRulesBetweenFamilies(sources: Sources): Problem[] {
  const { index } = sources;
  return index.all('outboundNatRule').flatMap((rule) => {
    const families = new Set(candidatesOf(sources, rule).map(({ dip }) => parseIp(dip.address).family));
    if (families.size === 0) return [];
    return vipsOfRule(index, rule.resource.properties)
      .filter((vip) => !families.has(parseIp(vip).family))
      .map((vip) => betweenFamilies(rule, vip));
  });
}

function betweenFamilies({ path }: { readonly path: string }, vip: string): Problem {
  const expected = `a member with an IPv${parseIp(vip).family} address, as the VIP has`;
  return { path: `${path}.properties.frontendIPConfigurations`, expected, got: JSON.stringify(vip) };
}
