/**
 * The networks of tenants and of the provider as packets know them: by VXLAN network identifier.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { type ResourceIndex, subnetPrefixesOf } from '../resources/index.js';

/**
 * The VXLAN network identifier of every subnet, by its canonical reference.
 *
 * A subnet that does not say its VNI gets one out of 4096..16777214 from the hash of its reference, as the Network
 * Controller assigns VSIDs: the same on every machine, and independent of the other subnets unless two collide.
 */
export function assignVnis(index: ResourceIndex): Map<string, number> {
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

/**
 * What a VM reaches without leaving its network, by VNI: the address space of the tenant, or the subnets of the
 * provider's network; sorted.
 */
export function networkPrefixesOf(
  index: ResourceIndex,
  vnis: ReadonlyMap<string, number>,
): ReadonlyMap<number, readonly string[]> {
  const subnets = index.all('logicalNetworkSubnet');
  const prefixes = new Map<number, readonly string[]>();
  const add = (subnetRef: string, ofNetwork: readonly string[]) => {
    const vni = vnis.get(subnetRef);
    if (vni !== undefined) prefixes.set(vni, [...new Set(ofNetwork)].sort());
  };
  for (const { ref, parentRef } of index.all('virtualNetworkSubnet')) {
    add(ref, index.find('virtualNetwork', parentRef ?? '')?.resource.properties.addressSpace.addressPrefixes ?? []);
  }
  for (const { ref, parentRef } of subnets) {
    add(ref, subnets.filter((sibling) => sibling.parentRef === parentRef).flatMap(subnetPrefixesOf));
  }
  return prefixes;
}

const VNI_MIN = 4096;
const VNI_COUNT = 2 ** 24 - 1 - VNI_MIN;

function hashOf(text: string): number {
  const digest = sha256(new TextEncoder().encode(text));
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0, true);
}
