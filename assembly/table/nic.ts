/**
 * NICs: MAC address → the local VM that has it. Open addressing, linear probing, at most half full.
 *
 *   0     6       8     12      16
 *   | MAC | state | VNI | index |
 */
import { NIC_BYTES, NIC_INDEX, NIC_STATE, NIC_VNI } from '../abi';
import { nicsBase, nicsMask } from '../layout';
import { spread } from './spread';

const MAC_MASK: u64 = 0x0000ffffffffffff;
/** The state beside a MAC address, so that one compare says "this one", "another one" or "empty". */
const IN_USE: u64 = 0x0001000000000000;

/** The entry of a MAC address, 0 when no local VM has it. */
export function findNic(mac: u64): usize {
  return findNicInline(mac);
}

/** The same as one piece of code with its caller, for what most packets pass. @inline */
export function findNicInline(mac: u64): usize {
  const entry = probe(mac);
  return load<u64>(entry) == 0 ? 0 : entry;
}

/** The entry with an index, 0 when there is none: looked for one by one, for those who have no MAC address. */
export function findNicByIndex(index: u32): usize {
  for (let slot: u32 = 0; slot <= nicsMask; slot++) {
    const entry = entryAt(slot);
    if (load<u16>(entry, NIC_STATE) != 0 && nicIndex(entry) == index) return entry;
  }
  return 0;
}

export function nicMac(nic: usize): u64 {
  return load<u64>(nic) & MAC_MASK;
}

export function nicIndex(nic: usize): u32 {
  return load<u32>(nic, NIC_INDEX);
}

export function nicVni(nic: usize): u32 {
  return load<u32>(nic, NIC_VNI);
}

export function nicClear(): void {
  memory.fill(nicsBase, 0, (nicsMask + 1) * NIC_BYTES);
}

/** Adds a NIC; the MAC address as its first four and last two bytes lie in memory. */
export function nicInsert(macLow: u32, macHigh: u32, vni: u32, index: u32): void {
  const mac = <u64>macLow | ((<u64>macHigh) << 32);
  const entry = probe(mac);
  store<u64>(entry, mac | IN_USE);
  store<u32>(entry, vni, NIC_VNI);
  store<u32>(entry, index, NIC_INDEX);
}

/** The entry of a MAC address, or the empty one where it would be. @inline */
function probe(mac: u64): usize {
  const wanted = mac | IN_USE;
  let slot = spread(mac);
  let entry = entryAt(slot);
  for (let found = load<u64>(entry); found != wanted && found != 0; found = load<u64>(entry)) entry = entryAt(++slot);
  return entry;
}

function entryAt(slot: u32): usize {
  return nicsBase + (slot & nicsMask) * NIC_BYTES;
}
