/**
 * The topology: what stands where. Hosts and MUXes with their provider addresses, and which DIP lives on which host in
 * which tenant network.
 *
 * A snapshot is immutable and is made from resources alone: equal resources, equal topology.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { EdgemuxError } from '../errors.js';
import { parseIp } from '../net/address.js';
import { formatMac } from '../net/mac.js';
import { parsePrefix, prefixContains } from '../net/prefix.js';
import {
  type Fabric,
  type LoadBalancerMux,
  type Located,
  muxProviderAddressOf,
  ResourceIndex,
  type Server,
  subnetOf,
} from '../resources/index.js';

/** A machine of ours on the provider network: a host or a MUX. */
export interface Machine {
  /** resourceId */
  readonly id: string;
  /** Its provider addresses; the first is the one others send to. */
  readonly providerAddresses: readonly string[];
  /** As the fabric says, else `02:00` and the four bytes of the first provider address. */
  readonly macAddress: string;
  readonly gatewayMacAddress: string | undefined;
  /** Canonical reference of the logical network's subnet its provider address lies in. */
  readonly subnet: string | undefined;
  /** VLAN of that subnet; 0 is untagged. */
  readonly vlanId: number;
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
}

/**
 * Takes a snapshot of a fabric.
 *
 * A subnet that does not say its VNI gets one out of 4096..16777214 from the hash of its reference, as the Network
 * Controller assigns VSIDs: the same on every machine, and independent of the other subnets unless two collide.
 */
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
  return { hosts, muxes, dips, vnis };
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
  const address = muxProviderAddressOf(mux);
  return address === undefined ? undefined : machineOf(index, mux.resourceId, [address], mux.properties.edgemux);
}

function machineOf(
  index: ResourceIndex,
  id: string,
  providerAddresses: readonly string[],
  macs: { readonly macAddress?: string; readonly gatewayMacAddress?: string },
): Machine {
  const [address] = providerAddresses;
  const subnet = subnetOfAddress(index, address);
  return {
    id,
    providerAddresses,
    macAddress: macs.macAddress ?? macFor(address),
    gatewayMacAddress: macs.gatewayMacAddress,
    subnet: subnet?.ref,
    vlanId: subnet?.resource.properties.vlanID ?? 0,
  };
}

/** A locally administered address that no other machine of the provider network has. */
function macFor(providerAddress: string): string {
  return formatMac(Uint8Array.of(0x02, 0x00, ...parseIp(providerAddress).bytes.slice(-4)));
}

function subnetOfAddress(index: ResourceIndex, providerAddress: string): Located<'logicalNetworkSubnet'> | undefined {
  const address = parseIp(providerAddress);
  // The longest prefix, as routers do; of two equal ones the first by name, so that the order of the file has no say.
  return index
    .all('logicalNetworkSubnet')
    .map((subnet) => ({ subnet, prefix: parsePrefix(subnet.resource.properties.addressPrefix) }))
    .filter(({ prefix }) => prefixContains(prefix, address))
    .sort((a, b) => b.prefix.length - a.prefix.length || (a.subnet.ref < b.subnet.ref ? -1 : 1))[0]?.subnet;
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
  return { key: ref, nic: nic.ref, address: privateIPAddress, macAddress: privateMacAddress, vni, host };
}

const VNI_MIN = 4096;
const VNI_COUNT = 2 ** 24 - 1 - VNI_MIN;

function assignVnis(index: ResourceIndex): Map<string, number> {
  const subnets = [...index.all('virtualNetworkSubnet'), ...index.all('logicalNetworkSubnet')];
  const vnis = new Map<string, number>();
  for (const { ref, resource } of subnets) {
    if (resource.properties.edgemux.vni !== undefined) vnis.set(ref, resource.properties.edgemux.vni);
  }
  const taken = new Set(vnis.values());
  const unassigned = subnets.map(({ ref }) => ref).filter((ref) => !vnis.has(ref));
  for (const ref of unassigned.sort()) {
    let candidate = hashOf(ref) % VNI_COUNT;
    while (taken.has(VNI_MIN + candidate)) candidate = (candidate + 1) % VNI_COUNT;
    taken.add(VNI_MIN + candidate);
    vnis.set(ref, VNI_MIN + candidate);
  }
  return vnis;
}

function hashOf(text: string): number {
  const digest = sha256(new TextEncoder().encode(text));
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0, true);
}
