/**
 * How many ports of a VIP its outbound NAT rules ask for, and how many there are: 1024..65535 in blocks of 8, without
 * the blocks a rule of the VIP itself is in.
 */
import { parseIp } from '../net/address.js';
import { SNAT_BLOCK_PORT_COUNT, SNAT_PORT_COUNT } from './load-balancer.js';
import { vipsOfRule } from './lookups.js';
import type { Member, Membership } from './membership.js';
import type { Located, ResourceIndex } from './resource-index.js';

/** What one outbound NAT rule asks of one VIP. */
export interface OutboundClaim {
  readonly rule: Located<'outboundNatRule'>;
  /** Place of the VIP among those of the rule. */
  readonly frontend: number;
  /** For each member; a multiple of 8, at least 8. */
  readonly portCount: number;
  /** The members of the rule's pool that reach out under this VIP, sorted by key. */
  readonly members: readonly Member[];
}

/** All that is asked of one VIP. */
export interface OutboundLease {
  readonly vip: string;
  /** Sorted by the key of the rule. */
  readonly claims: readonly OutboundClaim[];
  /** Blocks (port divided by 8) that hold a frontend port of a rule, and are leased to nobody. */
  readonly reservedBlocks: ReadonlySet<number>;
}

/** What every VIP with outbound NAT rules has to lease, sorted by VIP. */
export function outboundLeases(index: ResourceIndex, membership: Membership): readonly OutboundLease[] {
  const claims = new Map<string, OutboundClaim[]>();
  for (const rule of [...index.all('outboundNatRule')].sort((a, b) => (a.ref < b.ref ? -1 : 1))) {
    for (const [frontend, vip] of vipsOfRule(index, rule.resource.properties).entries()) {
      claims.set(vip, [...(claims.get(vip) ?? []), { frontend, ...claimOf(rule, vip, membership) }]);
    }
  }
  const reserved = frontendBlocks(index);
  return [...claims]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([vip, ofVip]) => ({ vip, claims: ofVip, reservedBlocks: reserved.get(vip) ?? new Set() }));
}

/** The ports a VIP has for all claims on it. */
export function leasablePortCount({ reservedBlocks }: OutboundLease): number {
  return SNAT_PORT_COUNT - reservedBlocks.size * SNAT_BLOCK_PORT_COUNT;
}

/**
 * The ports one member gets of one VIP by its claims there.
 *
 * A port of TCP and the same port of UDP are two: a rule for TCP and one for UDP share their ports, a rule for both has
 * its own.
 */
export function leasedPortCount(claims: readonly OutboundClaim[]): number {
  const sum = (protocol: string) =>
    claims.reduce((ports, claim) => ports + (protocolOf(claim) === protocol ? claim.portCount : 0), 0);
  return sum('All') + Math.max(sum('Tcp'), sum('Udp'));
}

/** The claims of each member of a VIP. */
export function claimsByMember(claims: readonly OutboundClaim[]): ReadonlyMap<Member, readonly OutboundClaim[]> {
  const byMember = new Map<Member, OutboundClaim[]>();
  for (const claim of claims) {
    for (const member of claim.members) byMember.set(member, [...(byMember.get(member) ?? []), claim]);
  }
  return byMember;
}

/** Pool sizes and the ports each member then gets; Azure's table, its last row for all larger pools. */
const PREALLOCATED: readonly (readonly [poolSizeMax: number, portCount: number])[] = [
  [50, 1024],
  [100, 512],
  [200, 256],
  [400, 128],
  [800, 64],
  [Number.POSITIVE_INFINITY, 32],
];

function claimOf(
  rule: Located<'outboundNatRule'>,
  vip: string,
  membership: Membership,
): Omit<OutboundClaim, 'frontend'> {
  const { backendAddressPool, edgemux } = rule.resource.properties;
  const { family } = parseIp(vip);
  const pool = membership.membersOfPool(backendAddressPool.resourceRef).filter(({ ipConfiguration }) => {
    const { privateIPAddress: address } = ipConfiguration.resource.properties;
    return address !== undefined && parseIp(address).family === family;
  });
  // Whoever has an address of its own counts all the same: giving one to a VM must not change the ports of the others.
  const [, preallocated] = PREALLOCATED.find(([poolSizeMax]) => pool.length <= poolSizeMax) as readonly [
    number,
    number,
  ];
  return {
    rule,
    portCount: edgemux.allocatedOutboundPorts || preallocated,
    members: pool
      .filter(({ ipConfiguration }) => ipConfiguration.resource.properties.publicIPAddress === undefined)
      .sort((a, b) => (a.ipConfiguration.ref < b.ipConfiguration.ref ? -1 : 1)),
  };
}

function frontendBlocks(index: ResourceIndex): ReadonlyMap<string, ReadonlySet<number>> {
  const blocks = new Map<string, Set<number>>();
  const blockMin = (65_536 - SNAT_PORT_COUNT) / SNAT_BLOCK_PORT_COUNT;
  for (const { resource } of [...index.all('loadBalancingRule'), ...index.all('inboundNatRule')]) {
    const block = Math.floor(resource.properties.frontendPort / SNAT_BLOCK_PORT_COUNT);
    if (block < blockMin) continue;
    for (const vip of vipsOfRule(index, resource.properties)) {
      blocks.set(vip, (blocks.get(vip) ?? new Set()).add(block));
    }
  }
  return blocks;
}

function protocolOf({ rule }: OutboundClaim): string {
  return rule.resource.properties.protocol;
}
