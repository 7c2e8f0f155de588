/**
 * The topology: what stands where. Hosts and MUXes with their provider addresses, and which DIP lives on which host in
 * which tenant network.
 *
 * A snapshot is immutable and is made from resources alone: equal resources, equal topology.
 */
import { EdgemuxError } from '../errors.js';
import { parseIp } from '../net/address.js';
import {
  defaultMacAddressOf,
  type Fabric,
  instanceAddressOf,
  type LoadBalancerMux,
  type Located,
  muxProviderAddressOf,
  providerSubnetOf,
  ResourceIndex,
  type Server,
  subnetOf,
} from '../resources/index.js';
import { assignVnis, networkPrefixesOf } from './networks.js';

/** A machine of ours on the provider network: a host or a MUX. */
export interface Machine {
  /** resourceId */
  readonly id: string;
  /** Its provider addresses. */
  readonly providerAddresses: readonly string[];
  /** Those others send to: the first of each family it has, in the order of `providerAddresses`. */
  readonly ends: readonly [TunnelEnd, ...TunnelEnd[]];
  /** As the fabric says, else `02:00` and the last four bytes of the first provider address. */
  readonly macAddress: string;
  readonly gatewayMacAddress: string | undefined;
  /** Bytes of the longest IP packet its provider network carries, where the fabric says it. */
  readonly mtuBytes: number | undefined;
}

/** A provider address that tunnels begin and end at, and where it lies. */
export interface TunnelEnd {
  readonly address: string;
  readonly family: 4 | 6;
  /** Canonical reference of the logical network's subnet the address lies in. */
  readonly subnet: string | undefined;
  /** VLAN of that subnet; 0 is untagged. */
  readonly vlanId: number;
}

/** The provider addresses a MUX sends from and a host receives at, of one family. */
export interface Tunnel {
  readonly from: TunnelEnd;
  readonly to: TunnelEnd;
}

/** One DIP: an ipConfiguration of a NIC, placed on a host. */
export interface Dip {
  /** Canonical reference of the ipConfiguration. */
  readonly key: string;
  /** Canonical reference of the NIC. */
  readonly nic: string;
  readonly address: string;
  readonly macAddress: string;
  /** VXLAN network identifier of its subnet. */
  readonly vni: number;
  /** resourceId of its host. */
  readonly host: string;
  /** Its instance-level public IP, left out when it has none. */
  readonly instance?: InstanceAddress;
}

/** An instance-level public IP. */
export interface InstanceAddress {
  readonly address: string;
  /** Canonical reference of the publicIPAddress. */
  readonly ref: string;
  readonly idleTimeoutInMinutes: number;
}

/** An immutable snapshot of what stands where. */
export interface Topology {
  /** By resourceId; servers without a provider address are not part of it. */
  readonly hosts: ReadonlyMap<string, Machine>;
  /** By resourceId. */
  readonly muxes: ReadonlyMap<string, Machine>;
  /** By key; an ipConfiguration without an address, MAC, subnet or placed host is not part of it. */
  readonly dips: ReadonlyMap<string, Dip>;
  /** VXLAN network identifier by canonical reference of the subnet. */
  readonly vnis: ReadonlyMap<string, number>;
  /** By VXLAN network identifier: the prefixes of the virtual or logical network its subnet belongs to, sorted. */
  readonly networkPrefixes: ReadonlyMap<number, readonly string[]>;
}

/** Takes a snapshot of a fabric; a subnet that does not say its VNI gets one (`assignVnis`). */
export function topologyOf(fabric: Fabric, index: ResourceIndex = new ResourceIndex(fabric)): Topology {
  const vnis = assignVnis(index);
  const hosts = new Map(
    index.all('server').flatMap(({ resource }) => {
      const host = hostOf(index, resource);
      return host ? [[host.id, host] as const] : [];
    }),
  );
  const muxes = new Map(
    index.all('loadBalancerMux').flatMap(({ resource }) => {
      const mux = muxOf(index, resource);
      return mux ? [[mux.id, mux] as const] : [];
    }),
  );
  const dips = new Map(
    index.all('ipConfiguration').flatMap((ipConfiguration) => {
      const dip = dipOf(index, ipConfiguration, hosts, vnis);
      return dip ? [[dip.key, dip] as const] : [];
    }),
  );
  return { hosts, muxes, dips, vnis, networkPrefixes: networkPrefixesOf(index, vnis) };
}

/** How a MUX reaches a host: at the first of the host's ends the MUX has the family of; undefined when it has none. */
export function tunnelBetween(mux: Machine, host: Machine): Tunnel | undefined {
  for (const to of host.ends) {
    const from = mux.ends.find(({ family }) => family === to.family);
    if (from) return { from, to };
  }
  return undefined;
}

/**
 * The same fabric with a NIC on another server: what a live migration changes.
 *
 * @param nic resourceId of the network interface
 * @param server resourceId of the server
 * @throws EdgemuxError `ERR_UNKNOWN_ID`
 */
export function withNicOnServer(fabric: Fabric, nic: string, server: string): Fabric {
  const id = known(fabric.networkInterfaces, 'networkInterfaces', nic);
  const resourceRef = `/servers/${known(fabric.servers, 'servers', server)}`;
  return {
    ...fabric,
    networkInterfaces: fabric.networkInterfaces.map((networkInterface) =>
      networkInterface.resourceId === id
        ? { ...networkInterface, properties: { ...networkInterface.properties, server: { resourceRef } } }
        : networkInterface,
    ),
  };
}

/** A resourceId as its resource spells it. */
function known(resources: readonly { readonly resourceId: string }[], collection: string, id: string): string {
  const found = resources.find(({ resourceId }) => resourceId.toLowerCase() === id.toLowerCase());
  if (found) return found.resourceId;
  throw new EdgemuxError('ERR_UNKNOWN_ID', 'the fabric has no such resource', [
    { path: collection, expected: 'the resourceId of one of them', got: JSON.stringify(id) },
  ]);
}

function hostOf(index: ResourceIndex, server: Server): Machine | undefined {
  const edgemux = server.properties.edgemux;
  return edgemux && machineOf(index, server.resourceId, edgemux.providerAddresses, edgemux);
}

function muxOf(index: ResourceIndex, mux: LoadBalancerMux): Machine | undefined {
  const { edgemux } = mux.properties;
  const first = muxProviderAddressOf(mux);
  const { secondProviderAddress: second } = edgemux;
  if (first === undefined) return undefined;
  return machineOf(index, mux.resourceId, second === undefined ? [first] : [first, second], edgemux);
}

function machineOf(
  index: ResourceIndex,
  id: string,
  providerAddresses: readonly string[],
  settings: { readonly macAddress?: string; readonly gatewayMacAddress?: string; readonly mtuBytes?: number },
): Machine {
  const [first, ...others] = providerAddresses.map((address) => tunnelEndOf(index, address));
  const second = others.find(({ family }) => family !== first.family);
  return {
    id,
    providerAddresses,
    ends: second ? [first, second] : [first],
    macAddress: settings.macAddress ?? defaultMacAddressOf(first.address),
    gatewayMacAddress: settings.gatewayMacAddress,
    mtuBytes: settings.mtuBytes,
  };
}

function tunnelEndOf(index: ResourceIndex, address: string): TunnelEnd {
  const subnet = providerSubnetOf(index, address);
  const { family } = parseIp(address);
  return { address, family, subnet: subnet?.ref, vlanId: subnet?.resource.properties.vlanID ?? 0 };
}

function dipOf(
  index: ResourceIndex,
  { ref, parentRef, resource }: Located<'ipConfiguration'>,
  hosts: ReadonlyMap<string, Machine>,
  vnis: ReadonlyMap<string, number>,
): Dip | undefined {
  const nic = index.find('networkInterface', parentRef ?? '');
  const { privateIPAddress, subnet } = resource.properties;
  const { privateMacAddress, server } = nic?.resource.properties ?? {};
  const vni = subnet && vnis.get(subnetOf(index, subnet.resourceRef)?.ref ?? '');
  const host = server && index.find('server', server.resourceRef)?.resource.resourceId;
  if (!nic || !privateIPAddress || !privateMacAddress || vni === undefined || !host || !hosts.has(host)) {
    return undefined;
  }
  const dip = { key: ref, nic: nic.ref, address: privateIPAddress, macAddress: privateMacAddress, vni, host };
  const instance = instanceAddressOf(index, resource.properties);
  const { ipAddress: address, idleTimeoutInMinutes } = instance?.resource.properties ?? {};
  if (!instance || address === undefined || idleTimeoutInMinutes === undefined) return dip;
  return { ...dip, instance: { address, ref: instance.ref, idleTimeoutInMinutes } };
}
