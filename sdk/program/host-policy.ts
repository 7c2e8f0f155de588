/** The part of a fabric's policy that one host obeys: that of its own VMs. */
import type { Dip, Topology } from '../topology/index.js';
import { compareText } from './order.js';
import type { Policy } from './policy.js';
import { ANY_PROTOCOL, type Exemption, type HostProgram, type Nic, type SnatRule, type Translation } from './types.js';

/** What a host's program says beyond the machine itself. */
export type HostPolicy = Pick<HostProgram, 'nics' | 'translations' | 'snatRules' | 'exemptions'>;

/**
 * Picks what concerns one host.
 *
 * @param outboundExemptions prefixes no VM of the fabric is translated for
 */
export function hostPolicyOf(
  policy: Policy,
  topology: Topology,
  outboundExemptions: readonly string[],
  host: string,
): HostPolicy {
  const nicIndex = new Map<string, number>();
  const local = new Map(policy.dips.filter((dip) => dip.host === host).map((dip) => [dip.key, dip]));
  const nics: Nic[] = [];
  for (const dip of local.values()) {
    if (nicIndex.has(dip.nic)) continue;
    nicIndex.set(dip.nic, nics.push({ key: dip.nic, macAddress: dip.macAddress, vni: dip.vni }) - 1);
  }
  const nicOf = (dip: Dip) => nicIndex.get(dip.nic) as number;
  const snatRules = snatRulesOf(policy, local, nicOf);
  const leased = new Set(policy.leases.map(({ dip }) => dip));
  const outbound = [...local.values()].filter((dip) => dip.instance || leased.has(dip.key));
  const exemptions = exemptionsOf(topology, outboundExemptions, outbound);
  return {
    nics,
    translations: translationsOf(policy, local, nicOf),
    ...(snatRules.length > 0 && { snatRules }),
    ...(exemptions.length > 0 && { exemptions }),
  };
}

type LocalDips = ReadonlyMap<string, Dip>;

function translationsOf(policy: Policy, local: LocalDips, nicOf: (dip: Dip) => number): Translation[] {
  return policy.endpoints.flatMap(({ service, members, tcpReset }) =>
    members
      .filter(({ dip }) => local.has(dip.key))
      .map(({ dip }) => {
        const { vip, protocol, port, backendPort, floatingIp, idleTimeoutMs, rule, isInstanceAddress } = service;
        return {
          nic: nicOf(dip),
          vip,
          protocol,
          port,
          dip: dip.address,
          backendPort,
          floatingIp,
          idleTimeoutMs,
          rule,
          ...(tcpReset && { tcpReset }),
          ...(isInstanceAddress && { isInstanceAddress }),
        };
      }),
  );
}

/** By NIC and DIP; the protocol's own before those for any, then as the rules and their frontends are ordered. */
function snatRulesOf(policy: Policy, local: LocalDips, nicOf: (dip: Dip) => number): SnatRule[] {
  const rules = policy.leases.flatMap(({ vip, dip: key, rules: ofDip }) => {
    const dip = local.get(key);
    return dip ? ofDip.map((lease) => ({ nic: nicOf(dip), dip: dip.address, vip, ...lease })) : [];
  });
  rules.sort(
    (a, b) =>
      a.nic - b.nic ||
      compareText(a.dip, b.dip) ||
      Number(a.protocol === ANY_PROTOCOL) - Number(b.protocol === ANY_PROTOCOL) ||
      compareText(a.rule, b.rule) ||
      a.frontend - b.frontend,
  );
  return rules.map(({ frontend: _, ...rule }) => rule);
}

/** Only for the networks of those who reach out under another address than their own. */
function exemptionsOf(topology: Topology, everywhere: readonly string[], outbound: readonly Dip[]): Exemption[] {
  if (outbound.length === 0) return [];
  const vnis = [...new Set(outbound.map(({ vni }) => vni))].sort((a, b) => a - b);
  return [
    ...[...new Set(everywhere)].sort(compareText).map((prefix) => ({ prefix })),
    ...vnis.flatMap((vni) => (topology.networkPrefixes.get(vni) ?? []).map((prefix) => ({ prefix, vni }))),
  ];
}
