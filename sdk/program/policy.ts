/**
 * Rules resolved: load balancing and inbound NAT rules and instance-level addresses in one shape, each with its VIP and
 * the DIPs it may send to.
 */
import { parseIp } from '../net/address.js';
import {
  frontendAddressOf,
  type Located,
  type Membership,
  type ResourceIndex,
  serviceName,
  vipsOfRule,
} from '../resources/index.js';
import type { Dip, Topology } from '../topology/index.js';
import { compareText } from './order.js';
import { PROTOCOLS } from './protocols.js';
import { type Lease, leasesOf } from './snat.js';
import { ANY_PORT, ANY_PROTOCOL, type Ring, type Service, type SnatRange } from './types.js';

/** Whether a DIP answers its probe; `undefined` when nobody knows, which counts as up. */
export type Health = (dip: string, probe: string) => boolean | undefined;

/** A rule on one VIP, and the members it may send to. */
export interface Endpoint {
  readonly service: Omit<Service, 'target'>;
  /** Sorted by key. */
  readonly members: readonly EndpointMember[];
  /** Slots of the ring; `undefined` for a rule with one fixed member. */
  readonly slotCount: number | undefined;
  /** Whether both ends of an idle TCP connection are told that it is gone. */
  readonly tcpReset: boolean;
}

/** A DIP as one rule sees it. */
export interface EndpointMember {
  readonly dip: Dip;
  /** 0 keeps connections but takes no new ones. */
  readonly weight: number;
}

/** The policy of a fabric as all its programs share it. */
export interface Policy {
  readonly vips: readonly string[];
  readonly endpoints: readonly Endpoint[];
  readonly services: readonly Service[];
  readonly rings: readonly Ring[];
  /** The backends: every member of a pool, target of an inbound NAT rule and instance, sorted by key. */
  readonly dips: readonly Dip[];
  /** What outbound NAT leases to them, sorted by VIP and key. */
  readonly leases: readonly Lease[];
  /** The same for a MUX, sorted by VIP and port. */
  readonly snatRanges: readonly SnatRange[];
}

/** What a fabric says, in the forms its compilation asks. */
export interface Sources {
  readonly index: ResourceIndex;
  readonly topology: Topology;
  readonly membership: Membership;
  readonly isOutboundNatEnabled: boolean;
}

const MINUTE_MS = 60_000;

/** Resolves every rule of a fabric to the DIPs it may send to. */
export function policyOf(sources: Sources, health: Health): Policy {
  const { index, topology, membership, isOutboundNatEnabled } = sources;
  const dips = [...membership.all()]
    .flatMap(({ ipConfiguration }) => topology.dips.get(ipConfiguration.ref) ?? [])
    .sort((a, b) => compareText(a.key, b.key));
  const endpoints = [
    ...balancingEndpoints(sources, health),
    ...natEndpoints(sources),
    ...dips.flatMap(instanceEndpoints),
  ].sort((a, b) => compareText(a.service.key, b.service.key));

  const backendIndex = new Map(dips.map(({ key }, at) => [key, at]));
  const rings = new RingList(backendIndex);
  const services = endpoints.flatMap((endpoint): Service[] => {
    const { service, members, slotCount } = endpoint;
    if (slotCount !== undefined) return [{ ...service, target: { ring: rings.add(slotCount, members) } }];
    const backend = members[0] && backendIndex.get(members[0].dip.key);
    return backend === undefined ? [] : [{ ...service, target: { backend } }];
  });
  const leases = isOutboundNatEnabled ? leasesOf(index, membership) : [];
  return {
    vips: vipsOf(index, dips),
    endpoints,
    services,
    rings: rings.rings,
    dips,
    leases,
    snatRanges: snatRangesOf(leases, backendIndex),
  };
}

function balancingEndpoints(sources: Sources, health: Health): Endpoint[] {
  const { index } = sources;
  return index.all('loadBalancingRule').flatMap((rule) => {
    const { probe, loadDistribution, edgemux } = rule.resource.properties;
    const probeRef = probe && index.find('probe', probe.resourceRef)?.ref;
    return vipsOfRule(index, rule.resource.properties).map((vip) => ({
      service: serviceOf(rule, vip, loadDistribution),
      members: membersOf(sources, rule, vip).map(({ dip, ipConfiguration }) => ({
        dip,
        weight: weightOf(ipConfiguration, probeRef, health),
      })),
      slotCount: edgemux.ringSlotCount,
      tcpReset: edgemux.enableTcpReset,
    }));
  });
}

function natEndpoints(sources: Sources): Endpoint[] {
  const { index } = sources;
  return index.all('inboundNatRule').flatMap((rule) =>
    vipsOfRule(index, rule.resource.properties).flatMap((vip) =>
      membersOf(sources, rule, vip).map(({ dip }) => ({
        service: serviceOf(rule, vip, 'Default'),
        members: [{ dip, weight: 1 }],
        slotCount: undefined,
        tcpReset: rule.resource.properties.edgemux.enableTcpReset,
      })),
    ),
  );
}

function instanceEndpoints(dip: Dip): Endpoint[] {
  if (!dip.instance) return [];
  const { address: vip, ref, idleTimeoutInMinutes } = dip.instance;
  const service: Endpoint['service'] = {
    key: serviceName(vip, 'All', ANY_PORT),
    vip,
    protocol: ANY_PROTOCOL,
    port: ANY_PORT,
    distribution: 'Default',
    idleTimeoutMs: idleTimeoutInMinutes * MINUTE_MS,
    backendPort: ANY_PORT,
    floatingIp: false,
    rule: ref,
    isInstanceAddress: true,
  };
  return [{ service, members: [{ dip, weight: 1 }], slotCount: undefined, tcpReset: false }];
}

/** A rule that sends connections to DIPs. */
export type Rule = Located<'loadBalancingRule'> | Located<'inboundNatRule'>;

/** A DIP a rule names, and where the fabric says so. */
export interface RuleMember {
  readonly dip: Dip;
  readonly ipConfiguration: Located<'ipConfiguration'>;
}

/** Everybody a rule names, whatever the family: the members of its pool, or the target of an inbound NAT rule. */
export function candidatesOf(
  { membership, topology }: Sources,
  rule: Rule | Located<'outboundNatRule'>,
): readonly RuleMember[] {
  const members =
    rule.kind === 'inboundNatRule'
      ? [membership.targetOfNatRule(rule.ref)].filter((target) => target !== undefined)
      : membership.membersOfPool(rule.resource.properties.backendAddressPool.resourceRef);
  return members
    .flatMap(({ ipConfiguration }) => {
      const dip = topology.dips.get(ipConfiguration.ref);
      return dip ? [{ dip, ipConfiguration }] : [];
    })
    .sort((a, b) => compareText(a.dip.key, b.dip.key));
}

/**
 * The DIPs a rule may send to from one VIP, sorted by key: those of the VIP's family.
 *
 * With a floating IP the address of the packet stays and the family of the DIP says nothing: a network interface that
 * has no ipConfiguration of the VIP's family in the pool then takes part with the one it has.
 */
export function membersOf(sources: Sources, rule: Rule, vip: string): readonly RuleMember[] {
  const candidates = candidatesOf(sources, rule);
  const { family } = parseIp(vip);
  const isOfFamily = ({ dip }: RuleMember) => parseIp(dip.address).family === family;
  if (!rule.resource.properties.enableFloatingIP) return candidates.filter(isOfFamily);
  const nics = new Set(candidates.filter(isOfFamily).map(({ dip }) => dip.nic));
  return candidates.filter((member) => isOfFamily(member) || !nics.has(member.dip.nic));
}

function serviceOf({ ref, resource }: Rule, vip: string, distribution: Service['distribution']): Endpoint['service'] {
  const { protocol, frontendPort: port, backendPort, idleTimeoutInMinutes, enableFloatingIP } = resource.properties;
  return {
    key: serviceName(vip, protocol, port),
    vip,
    protocol: PROTOCOLS[protocol],
    port,
    distribution,
    idleTimeoutMs: idleTimeoutInMinutes * MINUTE_MS,
    backendPort,
    floatingIp: enableFloatingIP,
    rule: ref,
  };
}

function weightOf({ ref, resource }: Located<'ipConfiguration'>, probe: string | undefined, health: Health): number {
  const { adminState, weight } = resource.properties.edgemux;
  if (adminState === 'Down') return 0;
  if (adminState === 'None' && probe !== undefined && health(ref, probe) === false) return 0;
  return weight;
}

function vipsOf(index: ResourceIndex, dips: readonly Dip[]): string[] {
  const frontends = index.all('frontendIPConfiguration').flatMap(({ ref }) => frontendAddressOf(index, ref) ?? []);
  const instances = dips.flatMap(({ instance }) => instance?.address ?? []);
  return [...new Set([...frontends, ...instances])].sort(compareText);
}

function snatRangesOf(leases: readonly Lease[], backendIndex: ReadonlyMap<string, number>): SnatRange[] {
  return leases
    .flatMap(({ vip, dip, ranges }) => {
      const backend = backendIndex.get(dip);
      return backend === undefined ? [] : ranges.map((range) => ({ vip, ...range, backend }));
    })
    .sort((a, b) => compareText(a.vip, b.vip) || a.firstPort - b.firstPort);
}

/** The rings of a program, each once: rules with the same members and size share theirs. */
class RingList {
  readonly rings: Ring[] = [];
  readonly #backendIndex: ReadonlyMap<string, number>;
  readonly #indexes = new Map<string, number>();

  constructor(backendIndex: ReadonlyMap<string, number>) {
    this.#backendIndex = backendIndex;
  }

  add(slotCount: number, members: readonly EndpointMember[]): number {
    const all = members.map(({ dip, weight }) => ({ backend: this.#backendIndex.get(dip.key) as number, weight }));
    const ringMembers = all.filter(({ weight }) => weight > 0);
    const drained = all.filter(({ weight }) => weight === 0).map(({ backend }) => backend);
    const ring: Ring = { slotCount, members: ringMembers, ...(drained.length > 0 && { drained }) };
    const text = JSON.stringify(ring);
    const known = this.#indexes.get(text);
    if (known !== undefined) return known;
    this.#indexes.set(text, this.rings.length);
    return this.rings.push(ring) - 1;
  }
}
