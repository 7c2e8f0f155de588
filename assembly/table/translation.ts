/**
 * Translations: (NIC, VIP, protocol, port) → (DIP, port). Open addressing, linear probing, at most half full.
 *
 * Beside them the table has an entry for every VIP that may reach a NIC, one for every local address of a NIC with what
 * it is on the way out (table/local-address.ts), and of an agent that takes over one for every TCP port of a VM. The kind is part of the key, so that no IP protocol of a packet can
 * be taken for such an entry.
 *
 *   0         4      6          7      8           12             14      15      16    20           24           28     32
 *   | address | port | protocol | kind | address 2 | backend port | flags | spare | NIC | idle ticks | first rule | rules |
 */
import {
  TRANSLATION_BACKEND_PORT,
  TRANSLATION_BYTES,
  TRANSLATION_DIP,
  TRANSLATION_FLAG_INSTANCE,
  TRANSLATION_FLAG_SNAT,
  TRANSLATION_FLAG_TCP_RESET,
  TRANSLATION_FLAGS,
  TRANSLATION_IDLE_TICKS,
  TRANSLATION_KIND_ANSWER,
  TRANSLATION_KIND_VIP,
  TRANSLATION_NIC,
} from '../abi';
import { translationsBase, translationsMask } from '../layout';
import { PROTOCOL_TCP } from '../wire/tcp';
import { spread } from './spread';

const ANY_PORT: u32 = 0;
const ANY_PROTOCOL: u32 = 0;

/** The translation of exactly this protocol and port; 0 when there is none. @inline */
export function findTranslation(nic: u32, vip: u32, family: u32, protocol: u32, portNet: u32): usize {
  const entry = probe(nic, keyOf(vip, portNet, protocol, family));
  return load<u64>(entry) == 0 ? 0 : entry;
}

/** The one that takes any port of the protocol, else any protocol; 0 when there is none. */
export function findAnyTranslation(nic: u32, vip: u32, family: u32, protocol: u32): usize {
  const entry = findEntry(nic, vip, ANY_PORT, protocol, family);
  return entry != 0 ? entry : findEntry(nic, vip, ANY_PORT, ANY_PROTOCOL, family);
}

/**
 * What a TCP port of the VM is outside, where only one VIP and port lead to it, as a translation from inside; 0 when nobody
 * can say.
 */
export function findAnswer(nic: u32, local: u32, family: u32, portNet: u32): usize {
  const kind = family | TRANSLATION_KIND_ANSWER;
  const entry = findEntry(nic, local, portNet, PROTOCOL_TCP, kind);
  return entry != 0 ? entry : findEntry(nic, local, ANY_PORT, PROTOCOL_TCP, kind);
}

/** The entry of a VIP that may reach a NIC; 0 when it may not. */
export function findVip(nic: u32, vip: u32, family: u32): usize {
  return findEntry(nic, vip, ANY_PORT, ANY_PROTOCOL, family | TRANSLATION_KIND_VIP);
}

/** Whether connections of the NIC leave from the VIP of such an entry. */
export function vipHasSnat(vip: usize): bool {
  return (load<u8>(vip, TRANSLATION_FLAGS) & TRANSLATION_FLAG_SNAT) != 0;
}

/** Whether all that comes for the VIP of such an entry is for the VM: an instance-level public IP. */
export function isInstanceVip(vip: usize): bool {
  return (load<u8>(vip, TRANSLATION_FLAGS) & TRANSLATION_FLAG_INSTANCE) != 0;
}

/** The address the VM is to see: its DIP, or with a floating IP the VIP itself. */
export function translatedAddress(translation: usize, vip: u32): u32 {
  const dip = load<u32>(translation, TRANSLATION_DIP);
  return dip == 0 ? vip : dip;
}

/** The port the VM is to see, in network order. */
export function translatedPort(translation: usize, portNet: u32): u32 {
  const port: u32 = load<u16>(translation, TRANSLATION_BACKEND_PORT);
  return port == 0 ? portNet : port;
}

export function translationIdleTicks(translation: usize): u32 {
  return load<u32>(translation, TRANSLATION_IDLE_TICKS);
}

/** TRANSLATION_FLAG_TCP_RESET or 0: the one flag a flow takes over. */
export function translationResets(translation: usize): u32 {
  return <u32>load<u8>(translation, TRANSLATION_FLAGS) & TRANSLATION_FLAG_TCP_RESET;
}

/** Empties the table: translations, VIPs and local addresses. */
export function translationClear(): void {
  memory.fill(translationsBase, 0, (translationsMask + 1) * TRANSLATION_BYTES);
}

/**
 * Adds or replaces a translation, or with another TRANSLATION_KIND_… in its kind an entry of that kind.
 *
 * @param vip an IPv4 address in network order, or the word of an IPv6 address; `dip` likewise, 0 for a floating IP
 * @param kind the family plus TRANSLATION_KIND_…
 * @param flags TRANSLATION_FLAG_…
 */
export function translationInsert(
  nic: u32,
  vip: u32,
  portNet: u32,
  protocol: u32,
  kind: u32,
  dip: u32,
  backendPortNet: u32,
  idleTicks: u32,
  flags: u32,
): void {
  const entry = insertEntry(nic, vip, portNet, protocol, kind);
  store<u32>(entry, dip, TRANSLATION_DIP);
  store<u16>(entry, <u16>backendPortNet, TRANSLATION_BACKEND_PORT);
  store<u8>(entry, <u8>flags, TRANSLATION_FLAGS);
  store<u32>(entry, idleTicks, TRANSLATION_IDLE_TICKS);
}

/** The entry of a key, added with nothing but the key when it is not there. */
export function insertEntry(nic: u32, address: u32, portNet: u32, protocol: u32, kind: u32): usize {
  const key = keyOf(address, portNet, protocol, kind);
  const entry = probe(nic, key);
  store<u64>(entry, key);
  store<u32>(entry, nic, TRANSLATION_NIC);
  return entry;
}

/** The entry of a key; 0 when there is none. */
export function findEntry(nic: u32, address: u32, portNet: u32, protocol: u32, kind: u32): usize {
  const entry = probe(nic, keyOf(address, portNet, protocol, kind));
  return load<u64>(entry) == 0 ? 0 : entry;
}

function keyOf(address: u32, portNet: u32, protocol: u32, kind: u32): u64 {
  return <u64>address | ((<u64>(portNet | (protocol << 16) | (kind << 24))) << 32);
}

/** The entry of a key, or the empty one where it would be. @inline */
function probe(nic: u32, key: u64): usize {
  let slot = spread(key ^ ((<u64>nic) << 40));
  let entry = entryAt(slot);
  // The kind is never 0 and a part of the key: one of 0 is an empty entry.
  for (let found = load<u64>(entry); found != 0; found = load<u64>(entry)) {
    if (found == key && load<u32>(entry, TRANSLATION_NIC) == nic) break;
    entry = entryAt(++slot);
  }
  return entry;
}

function entryAt(slot: u32): usize {
  return translationsBase + (slot & translationsMask) * TRANSLATION_BYTES;
}
