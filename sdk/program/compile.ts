/**
 * From policy and topology to programs. Pure: the same fabric and health give the same bytes on every runtime.
 *
 * Everything is sorted by stable keys on the way, so that the order of a fabric file has no influence.
 */
import { EdgemuxError } from '../errors.js';
import { type Fabric, ResourceIndex } from '../resources/index.js';
import { type Dip, type Machine, type Topology, topologyOf } from '../topology/index.js';
import { withDigest } from './artifact.js';
import { type Health, type Policy, policyOf } from './policy.js';
import { checkSupported } from './supported.js';
import type { Attachment, Backend, HostProgram, MuxProgram, Nic, Translation } from './types.js';

/**
 * The key of the flow hash of a fabric that does not choose one. It is public: set
 * `loadBalancerManager.properties.edgemux.flowHashKey` where clients may be hostile.
 */
export const FLOW_HASH_KEY_DEFAULT = '656467656d757820666c6f7720686173';

/** What a compilation may take into account beside the fabric. */
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
 * @throws EdgemuxError `ERR_UNSUPPORTED` with every part of the policy that this release cannot forward
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
      return withDigest<MuxProgram>({
        kind: 'mux',
        id: mux.id,
        attachment,
        flowHashKey,
        vips,
        services,
        rings,
        backends,
      });
    },
    forHost(id) {
      const host = known(topology.hosts, 'servers', id);
      const attachment = attachmentOf(host);
      return withDigest<HostProgram>({
        kind: 'host',
        id: host.id,
        attachment,
        flowHashKey,
        ...hostPolicy(policy, host.id),
      });
    },
  };
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

// Machines.

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

function attachmentOf(machine: Machine): Attachment {
  const { providerAddresses, macAddress, gatewayMacAddress, vlanId } = machine;
  return { providerAddress: providerAddresses[0], macAddress, gatewayMacAddress, vlanId };
}

function known(machines: ReadonlyMap<string, Machine>, collection: string, id: string): Machine {
  // resourceIds ignore case, in the fabric and here.
  const machine = machines.get(id) ?? [...machines.values()].find((one) => one.id.toLowerCase() === id.toLowerCase());
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
