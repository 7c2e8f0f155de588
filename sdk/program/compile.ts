/**
 * From policy and topology to programs. Pure: the same fabric and health give the same bytes on every runtime.
 *
 * Everything is sorted by stable keys on the way, so that the order of a fabric file has no influence.
 */
import { EdgemuxError } from '../errors.js';
import { type Fabric, FLOW_HASH_KEY_DEFAULT, Membership, ResourceIndex } from '../resources/index.js';
import { type Dip, type Machine, type Topology, type Tunnel, topologyOf, tunnelBetween } from '../topology/index.js';
import { withDigest } from './artifact.js';
import { hostFastpathOf, redirectKeyOf } from './fastpath.js';
import { hostPolicyOf } from './host-policy.js';
import { nextHopOf } from './next-hop.js';
import { type Health, policyOf, type Sources } from './policy.js';
import { checkSupported } from './supported.js';
import type { Attachment, Backend, HostProgram, MuxProgram } from './types.js';

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
  const manager = fabric.loadBalancerManager?.properties;
  const sources: Sources = {
    index,
    topology,
    membership: new Membership(index),
    isOutboundNatEnabled: manager?.isOutboundNatEnabled ?? true,
  };
  checkSupported(sources);
  const policy = policyOf(sources, options.health ?? (() => undefined));
  const protocol = fabric.virtualNetworkManager?.properties.networkVirtualizationProtocol;
  const flowHashKey = manager?.edgemux.flowHashKey ?? FLOW_HASH_KEY_DEFAULT;
  const enableFastpath = manager?.edgemux.enableFastpath ?? false;
  const common = {
    flowHashKey,
    ...(protocol === 'Nvgre' && { encapsulation: 'nvgre' as const }),
  };
  return {
    topology,
    muxes: [...topology.muxes.keys()],
    hosts: [...topology.hosts.keys()],
    forMux(id) {
      const mux = known(topology.muxes, 'loadBalancerMuxes', id);
      const { vips, services, rings, dips, snatRanges } = policy;
      return withDigest<MuxProgram>({
        kind: 'mux',
        id: mux.id,
        attachment: attachmentOf(mux),
        ...common,
        vips,
        services,
        rings,
        backends: dips.map((dip) => backendOf(dip, mux, topology)),
        ...(snatRanges.length > 0 && { snatRanges }),
        ...(enableFastpath && { fastpath: { key: redirectKeyOf(flowHashKey) } }),
      });
    },
    forHost(id) {
      const host = known(topology.hosts, 'servers', id);
      return withDigest<HostProgram>({
        kind: 'host',
        id: host.id,
        attachment: attachmentOf(host),
        ...common,
        ...hostPolicyOf(policy, topology, manager?.outboundNatIPExemptions ?? [], host.id),
        ...(enableFastpath && { fastpath: hostFastpathOf(host, topology, flowHashKey) }),
      });
    },
  };
}

function backendOf(dip: Dip, mux: Machine, topology: Topology): Backend {
  const host = topology.hosts.get(dip.host) as Machine;
  const tunnel = tunnelBetween(mux, host) as Tunnel;
  return {
    key: dip.key,
    dip: dip.address,
    vni: dip.vni,
    macAddress: dip.macAddress,
    host: dip.host,
    hostProviderAddress: tunnel.to.address,
    nextHopMacAddress: nextHopOf(mux, host, tunnel),
  };
}

function attachmentOf({ ends: [first, second], macAddress, gatewayMacAddress, mtuBytes }: Machine): Attachment {
  return {
    providerAddress: first.address,
    ...(second && { secondProviderAddress: second.address }),
    macAddress,
    gatewayMacAddress,
    vlanId: first.vlanId,
    ...(mtuBytes !== undefined && { mtuBytes }),
  };
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
