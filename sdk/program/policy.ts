/**
 * Rules resolved: load balancing and inbound NAT rules in one shape, each with its VIP and the DIPs it may send to.
 */
import { frontendAddressOf, type Located, Membership, type ResourceIndex } from '../resources/index.js';
import type { Dip, Topology } from '../topology/index.js';
import { ANY_PROTOCOL, PROTOCOL_TCP, PROTOCOL_UDP, type Ring, type Service } from './types.js';

/** Whether a DIP answers its probe; `undefined` when nobody knows, which counts as up. */
export type Health = (dip: string, probe: string) => boolean | undefined;

/** A rule on one frontend, and the members it may send to. */
export interface Endpoint {
  readonly service: Omit<Service, 'target'>;
  /** Sorted by key. */
  readonly members: readonly EndpointMember[];
  /** Slots of the ring; `undefined` for a rule with one fixed member. */
  readonly slotCount: number | undefined;
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
  /** The backends: every member of a pool and every target of an inbound NAT rule, sorted by key. */
  readonly dips: readonly Dip[];
}

const PROTOCOLS = { Tcp: PROTOCOL_TCP, Udp: PROTOCOL_UDP, All: ANY_PROTOCOL } as const;
const PROTOCOL_NAMES: Readonly<Record<number, string>> = { [PROTOCOL_TCP]: 'tcp', [PROTOCOL_UDP]: 'udp' };
const MINUTE_MS = 60_000;

/** Resolves every rule of a fabric to the DIPs it may send to. */
export function policyOf(index: ResourceIndex, topology: Topology, health: Health): Policy {
  const membership = new Membership(index);
  const endpoints = [
    ...balancingEndpoints(index, topology, membership, health),
    ...natEndpoints(index, topology, membership),
  ].sort((a, b) => compareText(a.service.key, b.service.key));

  const dips = [...membership.all()]
    .flatMap(({ ipConfiguration }) => topology.dips.get(ipConfiguration.ref) ?? [])
    .sort((a, b) => compareText(a.key, b.key));
  const backendIndex = new Map(dips.map(({ key }, at) => [key, at]));
  const rings = new RingList(backendIndex);
  const services = endpoints.flatMap((endpoint): Service[] => {
    const { service, members, slotCount } = endpoint;
    if (slotCount !== undefined) return [{ ...service, target: { ring: rings.add(slotCount, members) } }];
    const backend = members[0] && backendIndex.get(members[0].dip.key);
    return backend === undefined ? [] : [{ ...service, target: { backend } }];
  });
  return { vips: vipsOf(index), endpoints, services, rings: rings.rings, dips };
}

function balancingEndpoints(
  index: ResourceIndex,
  topology: Topology,
  membership: Membership,
  health: Health,
): Endpoint[] {
  return index.all('loadBalancingRule').flatMap((rule) => {
    const { backendAddressPool, probe, loadDistribution, edgemux } = rule.resource.properties;
    const probeRef = probe && index.find('probe', probe.resourceRef)?.ref;
    const members = membership.membersOfPool(backendAddressPool.resourceRef).flatMap(({ ipConfiguration }) => {
      const dip = topology.dips.get(ipConfiguration.ref);
      return dip ? [{ dip, weight: weightOf(ipConfiguration, probeRef, health) }] : [];
    });
    members.sort((a, b) => compareText(a.dip.key, b.dip.key));
    return vipsOfRule(index, rule).map((vip) => ({
      service: serviceOf(rule, vip, loadDistribution),
      members,
      slotCount: edgemux.ringSlotCount,
    }));
  });
}

function natEndpoints(index: ResourceIndex, topology: Topology, membership: Membership): Endpoint[] {
  return index.all('inboundNatRule').flatMap((rule) => {
    const target = membership.targetOfNatRule(rule.ref);
    const dip = target && topology.dips.get(target.ipConfiguration.ref);
    if (!dip) return [];
    return vipsOfRule(index, rule).map((vip) => ({
      service: serviceOf(rule, vip, 'Default'),
      members: [{ dip, weight: 1 }],
      slotCount: undefined,
    }));
  });
}

type Rule = Located<'loadBalancingRule'> | Located<'inboundNatRule'>;

function serviceOf({ ref, resource }: Rule, vip: string, distribution: Service['distribution']): Endpoint['service'] {
  const {
    protocol: name,
    frontendPort: port,
    backendPort,
    idleTimeoutInMinutes,
    enableFloatingIP,
  } = resource.properties;
  const protocol = PROTOCOLS[name];
  return {
    key: `${vip}:${port === 0 ? '*' : port}/${PROTOCOL_NAMES[protocol] ?? '*'}`,
    vip,
    protocol,
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

function vipsOfRule(index: ResourceIndex, { resource }: Rule): string[] {
  const vips = resource.properties.frontendIPConfigurations.flatMap(
    ({ resourceRef }) => frontendAddressOf(index, resourceRef) ?? [],
  );
  return [...new Set(vips)];
}

function vipsOf(index: ResourceIndex): string[] {
  const vips = index.all('frontendIPConfiguration').flatMap(({ ref }) => frontendAddressOf(index, ref) ?? []);
  return [...new Set(vips)].sort(compareText);
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

/** By code units, so that no locale has a say. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
