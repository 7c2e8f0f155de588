/**
 * What the address of a VM is on the way out: its instance-level public IP, and its SNAT rules in the order in which they
 * are tried. Entries of the translation table, of the kind `local`.
 */
import {
  TRANSLATION_DIP,
  TRANSLATION_FLAG_INSTANCE,
  TRANSLATION_FLAGS,
  TRANSLATION_KIND_LOCAL,
  TRANSLATION_RULE_COUNT,
  TRANSLATION_RULE_FIRST,
} from '../abi';
import { findEntry, insertEntry } from './translation';

const NO_PORT: u32 = 0;
const NO_PROTOCOL: u32 = 0;

/** The entry of an address of a NIC; 0 when it has neither a public IP of its own nor SNAT. */
export function findLocalAddress(nic: u32, address: u32, family: u32): usize {
  return findEntry(nic, address, NO_PORT, NO_PROTOCOL, family | TRANSLATION_KIND_LOCAL);
}

export function hasInstanceVip(local: usize): bool {
  return (load<u8>(local, TRANSLATION_FLAGS) & TRANSLATION_FLAG_INSTANCE) != 0;
}

export function instanceVip(local: usize): u32 {
  return load<u32>(local, TRANSLATION_DIP);
}

/** Index of its first SNAT rule; the others follow. */
export function localRuleFirst(local: usize): u32 {
  return load<u32>(local, TRANSLATION_RULE_FIRST);
}

export function localRuleCount(local: usize): u32 {
  return load<u32>(local, TRANSLATION_RULE_COUNT);
}

/** Adds a local address, or says of one that is there which VIP is its own. */
export function localAddressInstance(nic: u32, address: u32, family: u32, vip: u32): void {
  const local = insertEntry(nic, address, NO_PORT, NO_PROTOCOL, family | TRANSLATION_KIND_LOCAL);
  store<u32>(local, vip, TRANSLATION_DIP);
  store<u8>(local, TRANSLATION_FLAG_INSTANCE, TRANSLATION_FLAGS);
}

/** Adds a local address, or says of one that is there where its SNAT rules begin and how many they are. */
export function localAddressRules(nic: u32, address: u32, family: u32, first: u32, count: u32): void {
  const local = insertEntry(nic, address, NO_PORT, NO_PROTOCOL, family | TRANSLATION_KIND_LOCAL);
  store<u32>(local, first, TRANSLATION_RULE_FIRST);
  store<u32>(local, count, TRANSLATION_RULE_COUNT);
}
