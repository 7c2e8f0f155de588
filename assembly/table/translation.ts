/**
 * Translations: (NIC, VIP, protocol, port) → (DIP, port). Open addressing, linear probing, at most half full. Each
 * (NIC, VIP) has one more entry with protocol 255 that only says that this VIP may reach this NIC.
 *
 *   0         4          6          7       8         12                 14      16    20           24         32
 *   | VIP net | port net | protocol | state | DIP net | backend port net | spare | NIC | idle ticks | reserved |
 */
import {
  ENDPOINT_PROTOCOL_VIP,
  TRANSLATION_BACKEND_PORT,
  TRANSLATION_BYTES,
  TRANSLATION_DIP,
  TRANSLATION_IDLE_TICKS,
  TRANSLATION_NIC,
  TRANSLATION_STATE,
} from '../abi';
import { translationsBase, translationsMask } from '../layout';
import { spread } from './spread';

const ANY_PORT: u32 = 0;
const ANY_PROTOCOL: u32 = 0;
const KEY_MASK: u64 = 0x00ffffffffffffff;

/** The translation of a packet: its own port first, then any port of its protocol, then any protocol; 0 when none. */
export function findTranslation(nic: u32, vip: u32, protocol: u32, portNet: u32): usize {
  let entry = find(nic, vip, protocol, portNet);
  if (entry == 0) entry = find(nic, vip, protocol, ANY_PORT);
  if (entry == 0) entry = find(nic, vip, ANY_PROTOCOL, ANY_PORT);
  return entry;
}

export function nicHasVip(nic: u32, vip: u32): bool {
  return find(nic, vip, ENDPOINT_PROTOCOL_VIP, ANY_PORT) != 0;
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

export function translationClear(): void {
  memory.fill(translationsBase, 0, (translationsMask + 1) * TRANSLATION_BYTES);
}

/** Adds or replaces a translation; addresses and ports in network order, DIP 0 for a floating IP. */
export function translationInsert(
  nic: u32,
  vip: u32,
  portNet: u32,
  protocol: u32,
  dip: u32,
  backendPortNet: u32,
  idleTicks: u32,
): void {
  const key = keyOf(vip, protocol, portNet);
  const entry = probe(nic, key);
  store<u64>(entry, key);
  store<u8>(entry, 1, TRANSLATION_STATE);
  store<u32>(entry, dip, TRANSLATION_DIP);
  store<u16>(entry, <u16>backendPortNet, TRANSLATION_BACKEND_PORT);
  store<u32>(entry, nic, TRANSLATION_NIC);
  store<u32>(entry, idleTicks, TRANSLATION_IDLE_TICKS);
}

function find(nic: u32, vip: u32, protocol: u32, portNet: u32): usize {
  const entry = probe(nic, keyOf(vip, protocol, portNet));
  return load<u8>(entry, TRANSLATION_STATE) == 0 ? 0 : entry;
}

function keyOf(vip: u32, protocol: u32, portNet: u32): u64 {
  return <u64>vip | ((<u64>portNet) << 32) | ((<u64>protocol) << 48);
}

/** The entry of a key, or the empty one where it would be. */
function probe(nic: u32, key: u64): usize {
  let slot = spread(key ^ ((<u64>nic) << 40));
  let entry = entryAt(slot);
  while (load<u8>(entry, TRANSLATION_STATE) != 0 && !isFor(entry, nic, key)) entry = entryAt(++slot);
  return entry;
}

function isFor(entry: usize, nic: u32, key: u64): bool {
  return (load<u64>(entry) & KEY_MASK) == key && load<u32>(entry, TRANSLATION_NIC) == nic;
}

function entryAt(slot: u32): usize {
  return translationsBase + (slot & translationsMask) * TRANSLATION_BYTES;
}
