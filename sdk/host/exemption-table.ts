/** The destinations local VMs reach under their own address, as a running host agent has them. */
import * as abi from '../../assembly/abi.js';
import type { DataPlane } from '../dataplane/instance.js';
import { parsePrefix } from '../net/prefix.js';
import type { Exemption } from '../program/types.js';

const ADDRESS_BYTES = 16;

/** Writes the list of exemptions; the record behind the last one ends it. */
export function writeExemptions(dataPlane: DataPlane, exemptions: readonly Exemption[]): void {
  const { bytes, view } = dataPlane;
  const { base, count } = dataPlane.region(abi.REGION_EXEMPTIONS);
  exemptions.forEach(({ prefix, vni }, index) => {
    const at = base + index * abi.EXEMPTION_BYTES;
    const { family, bytes: address, length } = parsePrefix(prefix);
    bytes.fill(0, at, at + abi.EXEMPTION_VNI);
    bytes.set(address, at + abi.EXEMPTION_ADDRESS);
    bytes.set(maskOf(length), at + abi.EXEMPTION_MASK);
    view.setUint32(at + abi.EXEMPTION_VNI, vni ?? abi.NO_INDEX, true);
    view.setUint32(at + abi.EXEMPTION_FAMILY, family, true);
  });
  if (exemptions.length < count) {
    view.setUint32(base + exemptions.length * abi.EXEMPTION_BYTES + abi.EXEMPTION_FAMILY, 0, true);
  }
}

function maskOf(length: number): Uint8Array {
  return Uint8Array.from({ length: ADDRESS_BYTES }, (_, index) => {
    const bits = Math.min(8, Math.max(0, length - index * 8));
    return (0xff00 >> bits) & 0xff;
  });
}
