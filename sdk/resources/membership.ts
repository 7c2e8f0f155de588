/**
 * Which ipConfigurations a pool has and which one an inbound NAT rule sends to: the references the network interfaces
 * write, read from the other end.
 */
import { referenceKey } from './reference.js';
import type { Located, ResourceIndex } from './resource-index.js';

/** An ipConfiguration and the network interface it is on. */
export interface Member {
  readonly ipConfiguration: Located<'ipConfiguration'>;
  readonly networkInterface: Located<'networkInterface'>;
}

/** A claim that an inbound NAT rule sends to an ipConfiguration, and the reference that makes it. */
export interface NatClaim {
  /** Who holds the reference. */
  readonly by: 'networkInterface' | 'inboundNatRule';
  readonly ruleRef: string;
  readonly member: Member;
  readonly path: string;
}

/** The members of pools and the targets of inbound NAT rules. */
export class Membership {
  /** Every claim there is, in the order of the file, the network interfaces' before the rules' own. */
  readonly natClaims: readonly NatClaim[];
  /** The ipConfigurations with an instance-level address, in the order of the file. */
  readonly withInstanceAddress: readonly Member[];
  readonly #membersByPool = new Map<string, Member[]>();
  readonly #targetByRule = new Map<string, Member>();

  constructor(index: ResourceIndex) {
    const members = membersOf(index);
    for (const member of members.values()) {
      for (const pool of member.ipConfiguration.resource.properties.loadBalancerBackendAddressPools) {
        this.#addMember(referenceKey(pool.resourceRef), member);
      }
    }
    this.withInstanceAddress = [...members.values()].filter(
      ({ ipConfiguration }) => ipConfiguration.resource.properties.publicIPAddress !== undefined,
    );
    this.natClaims = [...claimsByInterfaces(members), ...claimsByRules(index, members)];
    for (const { ruleRef, member } of this.natClaims) this.#targetByRule.set(referenceKey(ruleRef), member);
  }

  /** The members of a pool, in the order of the file, each once; empty for a pool nobody is in. */
  membersOfPool(poolRef: string): readonly Member[] {
    return this.#membersByPool.get(referenceKey(poolRef)) ?? [];
  }

  /** Where an inbound NAT rule sends to; undefined for a rule that is not in use. */
  targetOfNatRule(ruleRef: string): Member | undefined {
    return this.#targetByRule.get(referenceKey(ruleRef));
  }

  /** Every member of any pool and every target of an inbound NAT rule, each once. */
  balanced(): ReadonlySet<Member> {
    return new Set([...this.#membersByPool.values()].flat().concat([...this.#targetByRule.values()]));
  }

  /** Everybody packets for a VIP may go to, each once: who is balanced, and who has an instance-level address. */
  all(): ReadonlySet<Member> {
    return new Set([...this.balanced(), ...this.withInstanceAddress]);
  }

  #addMember(poolKey: string, member: Member): void {
    const members = this.#membersByPool.get(poolKey);
    if (members === undefined) this.#membersByPool.set(poolKey, [member]);
    else if (members.at(-1) !== member) members.push(member);
  }
}

/** All ipConfigurations by their key, so that every one is the same `Member` wherever it turns up. */
function membersOf(index: ResourceIndex): ReadonlyMap<string, Member> {
  const members = new Map<string, Member>();
  for (const ipConfiguration of index.all('ipConfiguration')) {
    const networkInterface = index.find('networkInterface', ipConfiguration.parentRef ?? '');
    if (networkInterface === undefined) continue;
    members.set(referenceKey(ipConfiguration.ref), { ipConfiguration, networkInterface });
  }
  return members;
}

function claimsByInterfaces(members: ReadonlyMap<string, Member>): NatClaim[] {
  return [...members.values()].flatMap((member) => {
    const { path, resource } = member.ipConfiguration;
    return resource.properties.loadBalancerInboundNatRules.map((rule, i) => ({
      by: 'networkInterface' as const,
      ruleRef: rule.resourceRef,
      member,
      path: `${path}.properties.loadBalancerInboundNatRules[${i}].resourceRef`,
    }));
  });
}

function claimsByRules(index: ResourceIndex, members: ReadonlyMap<string, Member>): NatClaim[] {
  return index.all('inboundNatRule').flatMap(({ ref, path, resource }) => {
    const target = resource.properties.backendIPConfiguration;
    const member = target && members.get(referenceKey(target.resourceRef));
    if (member === undefined) return [];
    const claimPath = `${path}.properties.backendIPConfiguration.resourceRef`;
    return [{ by: 'inboundNatRule', ruleRef: ref, member, path: claimPath }];
  });
}
