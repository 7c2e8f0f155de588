/**
 * Destinations that local VMs reach under their own address: a list, looked through once per new outbound connection.
 *
 *   0         16     32    36       40
 *   | address | mask | VNI | family |
 */
import { EXEMPTION_ADDRESS, EXEMPTION_BYTES, EXEMPTION_FAMILY, EXEMPTION_MASK, EXEMPTION_VNI, NO_INDEX } from '../abi';
import { exemptionCountMax, exemptionsBase } from '../layout';

/**
 * Whether an address lies in a prefix for every tenant network or for this one.
 *
 * @param low the first eight bytes of the address as they lie in memory; of an IPv4 address four, and zeros
 */
export function isExempt(family: u32, low: u64, high: u64, vni: u32): bool {
  const end = exemptionsBase + exemptionCountMax * EXEMPTION_BYTES;
  for (let at: usize = exemptionsBase; at < end; at += EXEMPTION_BYTES) {
    const itsFamily = load<u32>(at, EXEMPTION_FAMILY);
    if (itsFamily == 0) return false;
    if (itsFamily == family && isOfNetwork(at, vni) && contains(at, low, high)) return true;
  }
  return false;
}

function isOfNetwork(exemption: usize, vni: u32): bool {
  const itsVni = load<u32>(exemption, EXEMPTION_VNI);
  return itsVni == <u32>NO_INDEX || itsVni == vni;
}

function contains(exemption: usize, low: u64, high: u64): bool {
  return (
    (low & load<u64>(exemption, EXEMPTION_MASK)) == load<u64>(exemption, EXEMPTION_ADDRESS) &&
    (high & load<u64>(exemption, EXEMPTION_MASK + 8)) == load<u64>(exemption, EXEMPTION_ADDRESS + 8)
  );
}
