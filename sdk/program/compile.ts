/**
 * From policy and topology to programs. Pure: the same fabric and health give the same bytes on every runtime.
 *
 * Everything is sorted by stable keys on the way, so that the order of a fabric file has no influence.
 */
import { EdgemuxError, type Problem } from '../errors.js';
import { parseIp } from '../net/address.js';
import { type Fabric, frontendAddressOf, type Located, Membership, ResourceIndex } from '../resources/index.js';
import { type Dip, type Machine, type Topology, topologyOf } from '../topology/index.js';
import { withDigest } from './artifact.js';
import {
  ANY_PROTOCOL,
  type Attachment,
  type Backend,
  type HostProgram,
  type MuxProgram,
  type Nic,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  type Ring,
  type Service,
  type Translation,
} from './types.js';

/**
 * The key of the flow hash of a fabric that does not choose one. It is public: set
 * `loadBalancerManager.properties.edgemux.flowHashKey` where clients may be hostile.
 */
export const FLOW_HASH_KEY_DEFAULT = '656467656d757820666c6f7720686173';

/** Whether a DIP answers its probe; `undefined` when nobody knows, which counts as up. */
export type Health = (dip: string, probe: string) => boolean | undefined;

export interface CompileOptions {
  /** Health by canonical references of ipConfiguration and probe; by default everything is up. */
  readonly health?: Health;
}

/** The programs of a fabric. */
export interface CompiledFabric {
  readonly topology: Topology;
  /** resourceIds of the MUXes. */
  readonly muxes: readonly string[];
  /** resourceIds of the hosts. */
  readonly hosts: readonly string[];
  /** @throws EdgemuxError `ERR_UNKNOWN_ID` */
  forMux(id: string): MuxProgram;
  /** @throws EdgemuxError `ERR_UNKNOWN_ID` */
  forHost(id: string): HostProgram;
}

/**
 * Compiles a fabric.
 *
 * @throws EdgemuxError `ERR_UNSUPPORTED` with every part of the policy that this release cannot forward (IPv6, NVGRE)
 * @example
 * ```ts
 * const program = compile(readFabric(text)).forMux('mux-1');
 * console.log(program.digest);
 * ```
 */
export function compile(fabric: Fabric, options: CompileOptions = {}): CompiledFabric {
  const index = new ResourceIndex(fabric);
  const topology = topologyOf(fabric, index);
  checkSupported(fabric, index, topology);
  const policy = policyOf(index, topology, options.health ?? (() => undefined));
  const flowHashKey = fabric.loadBalancerManager?.properties.edgemux.flowHashKey ?? FLOW_HASH_KEY_DEFAULT;
  return {
    topology,
    muxes: [...topology.muxes.keys()],
    hosts: [...topology.hosts.keys()],
    forMux(id) {
      const mux = known(topology.muxes, 'loadBalancerMuxes', id);
      const attachment = attachmentOf(mux);
      const { vips, services, rings, dips } = policy;
      const backends = dips.map((dip) => backendOf(dip, mux, topology));
      return withDigest<MuxProgram>({ kind: 'mux', id, attachment, flowHashKey, vips, services, rings, backends });
    },
    forHost(id) {
      const attachment = attachmentOf(known(topology.hosts, 'servers', id));
      return withDigest<HostProgram>({
        kind: 'host',
        id,
        attachment,
        flowHashKey,
        ...hostPolicy(policy, id),
      });
    },
  };
}

// Rules: load balancing and inbound NAT rules in one shape.

/** A rule on one frontend, and the members it may send to. */
interface Endpoint {
  readonly service: Omit<Service, 'target'>;
  readonly members: readonly EndpointMember[];
  /** Slots of the ring; `undefined` for a rule with one fixed member. */
  readonly slotCount: number | undefined;
}

interface EndpointMember {
  readonly dip: Dip;
  /** 0 keeps connections but takes no new ones. */
  readonly weight: number;
}

interface Policy {
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

function policyOf(index: ResourceIndex, topology: Topology, health: Health): Policy {
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
  return resource.properties.frontendIPConfigurations.flatMap(
    ({ resourceRef }) => frontendAddressOf(index, resourceRef) ?? [],
  );
}

function vipsOf(index: ResourceIndex): string[] {
  const vips = index.all('frontendIPConfiguration').flatMap(({ ref }) => frontendAddressOf(index, ref) ?? []);
  return [...new Set(vips)].sort(compareText);
}

function backendOf(dip: Dip, mux: Machine, topology: Topology): Backend {
  const host = topology.hosts.get(dip.host) as Machine;
  const isLocal = host.subnet === mux.subnet;
  return {
    key: dip.key,
    dip: dip.address,
    vni: dip.vni,
    macAddress: dip.macAddress,
    host: dip.host,
    hostProviderAddress: host.providerAddresses[0],
    nextHopMacAddress: isLocal ? host.macAddress : (mux.gatewayMacAddress ?? host.macAddress),
  };
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
    const ringMembers = members
      .filter(({ weight }) => weight > 0)
      .map(({ dip, weight }) => ({ backend: this.#backendIndex.get(dip.key) as number, weight }))
      // Backends are sorted by key, so their indexes sort the same way.
      .sort((a, b) => a.backend - b.backend);
    const text = JSON.stringify([slotCount, ringMembers]);
    const known = this.#indexes.get(text);
    if (known !== undefined) return known;
    this.#indexes.set(text, this.rings.length);
    return this.rings.push({ slotCount, members: ringMembers }) - 1;
  }
}

// Hosts.

function hostPolicy(policy: Policy, host: string): Pick<HostProgram, 'nics' | 'translations'> {
  const nicIndex = new Map<string, number>();
  const local = policy.dips.filter((dip) => dip.host === host);
  const nics: Nic[] = [];
  for (const dip of local) {
    if (nicIndex.has(dip.nic)) continue;
    nicIndex.set(dip.nic, nics.push({ key: dip.nic, macAddress: dip.macAddress, vni: dip.vni }) - 1);
  }
  const translations = policy.endpoints.flatMap(({ service, members }) =>
    members.flatMap(({ dip }): Translation[] => {
      const nic = dip.host === host ? nicIndex.get(dip.nic) : undefined;
      if (nic === undefined) return [];
      const { vip, protocol, port, backendPort, floatingIp, idleTimeoutMs, rule } = service;
      return [{ nic, vip, protocol, port, dip: dip.address, backendPort, floatingIp, idleTimeoutMs, rule }];
    }),
  );
  return { nics, translations };
}

// Helpers.

function attachmentOf(machine: Machine): Attachment {
  const { providerAddresses, macAddress, gatewayMacAddress, vlanId } = machine;
  return { providerAddress: providerAddresses[0], macAddress, gatewayMacAddress, vlanId };
}

function known(machines: ReadonlyMap<string, Machine>, collection: string, id: string): Machine {
  const machine = machines.get(id);
  if (machine) return machine;
  const ids = [...machines.keys()].join(', ');
  throw new EdgemuxError('ERR_UNKNOWN_ID', `the fabric has no such machine`, [
    {
      path: collection,
      expected: ids === '' ? 'a machine with a provider address' : `one of ${ids}`,
      got: JSON.stringify(id),
    },
  ]);
}

function checkSupported(fabric: Fabric, index: ResourceIndex, topology: Topology): void {
  const problems: Problem[] = [];
  const encapsulation = fabric.virtualNetworkManager?.properties.networkVirtualizationProtocol ?? 'Vxlan';
  if (encapsulation !== 'Vxlan') {
    const path = 'virtualNetworkManager.properties.networkVirtualizationProtocol';
    problems.push({ path, expected: '"Vxlan"', got: JSON.stringify(encapsulation) });
  }
  const check = (path: string, address: string | undefined) => {
    if (address === undefined || parseIp(address).family === 4) return;
    problems.push({ path, expected: 'an IPv4 address', got: JSON.stringify(address) });
  };
  for (const { ref, path } of index.all('frontendIPConfiguration')) check(path, frontendAddressOf(index, ref));
  for (const { ref, path } of index.all('ipConfiguration')) check(path, topology.dips.get(ref)?.address);
  for (const { path, resource } of index.all('server')) {
    check(path, topology.hosts.get(resource.resourceId)?.providerAddresses[0]);
  }
  for (const { path, resource } of index.all('loadBalancerMux')) {
    check(path, topology.muxes.get(resource.resourceId)?.providerAddresses[0]);
  }
  if (problems.length > 0)
    throw new EdgemuxError('ERR_UNSUPPORTED', 'this release forwards IPv4 in VXLAN only', problems);
}

/** By code units, so that no locale has a say. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
