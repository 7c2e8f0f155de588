/**
 * Datagrams that come in fragments: what the first fragment settled for the others, which have no ports.
 *
 * Set-associative, four records to a set; a set that is full forgets its oldest record. The place of a datagram depends
 * on the secret key of the flow hash, so that nobody can aim at a set. A record lives for 30 ticks from its first
 * fragment on and no longer, as an identification comes round again (RFC 6864).
 *
 * The value belongs to the pipeline: on a MUX it is the pin (pin.ts), on a host agent the new address.
 *
 *   0      8        24            40   44    46         47       48      52         53            64      96       128
 *   | hash | source | destination | id | NIC | protocol | family | ticks | poisoned | range count | value | ranges |
 *
 *   key { hash … family }: 48 bytes; family 0 is an empty record. An IPv4 address has 12 bytes of zeros behind it.
 */
import {
  DATAGRAM_BYTES,
  DATAGRAM_DESTINATION,
  DATAGRAM_FAMILY,
  DATAGRAM_HASH,
  DATAGRAM_ID,
  DATAGRAM_KEY_BYTES,
  DATAGRAM_NIC,
  DATAGRAM_PROTOCOL,
  DATAGRAM_SOURCE,
  DATAGRAM_TICKS,
  DATAGRAM_TICKS_MAX,
  DATAGRAM_VALUE,
  FIXED_STATE,
  FRAGMENT_SET_BYTES,
  STATE_DATAGRAM_KEY,
} from '../abi';
import { sipHash } from '../flow-hash';
import { fragmentsBase, fragmentsMask } from '../layout';

const KEY: usize = FIXED_STATE + STATE_DATAGRAM_KEY;
/** Ticks are 32-bit milliseconds less their low ten bits. */
const TICKS_MASK: u32 = 0x3fffff;

/**
 * Writes the key of an IPv4 datagram; returns its address, where the next key will be too. Addresses and identification
 * as they lie in memory.
 *
 * @param nic index of the local VM on a host agent, as two tenants may use one address; 0 on a MUX
 */
export function writeDatagramKey4(source: u32, destination: u32, id: u32, protocol: u32, nic: u32): usize {
  memory.fill(KEY, 0, DATAGRAM_KEY_BYTES);
  store<u32>(KEY, source, DATAGRAM_SOURCE);
  store<u32>(KEY, destination, DATAGRAM_DESTINATION);
  return finishKey(id, protocol, nic, 4);
}

/** The same of an IPv6 datagram, whose addresses of 16 bytes lie at `source` and `destination`. */
export function writeDatagramKey6(source: usize, destination: usize, id: u32, protocol: u32, nic: u32): usize {
  v128.store(KEY, v128.load(source), DATAGRAM_SOURCE);
  v128.store(KEY, v128.load(destination), DATAGRAM_DESTINATION);
  return finishKey(id, protocol, nic, 6);
}

/** The record of a datagram; 0 when it is unknown or older than 30 ticks. */
export function findDatagram(key: usize, now: u32): usize {
  const set = setOf(key);
  for (let record = set; record < set + FRAGMENT_SET_BYTES; record += DATAGRAM_BYTES) {
    if (isOf(record, key)) return ageOf(record, now) < <u32>DATAGRAM_TICKS_MAX ? record : 0;
  }
  return 0;
}

/** A fresh record for a datagram that is not found, all zeros behind its key and time; there is always room. */
export function insertDatagram(key: usize, now: u32): usize {
  const record = roomFor(key, now);
  memory.copy(record, key, DATAGRAM_KEY_BYTES);
  memory.fill(record + DATAGRAM_KEY_BYTES, 0, DATAGRAM_BYTES - DATAGRAM_KEY_BYTES);
  store<u32>(record, now, DATAGRAM_TICKS);
  return record;
}

/** Where the 32 bytes lie that the pipeline keeps about a datagram. */
export function datagramValue(record: usize): usize {
  return record + DATAGRAM_VALUE;
}

/** Forgets every datagram of a NIC, so that its index can be given to another one. */
export function datagramPurge(nic: u32): void {
  for (let record: usize = fragmentsBase; record < datagramsEnd(); record += DATAGRAM_BYTES) {
    if (load<u16>(record, DATAGRAM_NIC) == nic) forgetDatagram(record);
  }
}

/** Ticks since `then`, across the wrap of the caller's milliseconds. */
export function datagramTicksSince(then: u32, now: u32): u32 {
  return (now - then) & TICKS_MASK;
}

export function forgetDatagram(record: usize): void {
  store<u8>(record, 0, DATAGRAM_FAMILY);
}

/** Where the table ends that begins at fragmentsBase. */
export function datagramsEnd(): usize {
  return fragmentsBase + (fragmentsMask + 1) * FRAGMENT_SET_BYTES;
}

/** The record of an earlier datagram of the same key, else an empty one, else the oldest of the set. */
function roomFor(key: usize, now: u32): usize {
  const set = setOf(key);
  let room = set;
  let roomAge: u32 = 0;
  for (let record = set; record < set + FRAGMENT_SET_BYTES; record += DATAGRAM_BYTES) {
    if (isOf(record, key)) return record;
    const age = load<u8>(record, DATAGRAM_FAMILY) == 0 ? u32.MAX_VALUE : ageOf(record, now);
    if (age > roomAge) {
      room = record;
      roomAge = age;
    }
  }
  return room;
}

/** Most records differ in the hash, and no two live ones in the hash alone: the rest is compared all the same. */
function isOf(record: usize, key: usize): bool {
  return load<u64>(record) == load<u64>(key) && memory.compare(record, key, DATAGRAM_KEY_BYTES) == 0;
}

function ageOf(record: usize, now: u32): u32 {
  return datagramTicksSince(load<u32>(record, DATAGRAM_TICKS), now);
}

function setOf(key: usize): usize {
  return fragmentsBase + (load<u32>(key, DATAGRAM_HASH) & fragmentsMask) * FRAGMENT_SET_BYTES;
}

function finishKey(idNet: u32, protocol: u32, nic: u32, family: u32): usize {
  store<u32>(KEY, idNet, DATAGRAM_ID);
  store<u16>(KEY, <u16>nic, DATAGRAM_NIC);
  store<u8>(KEY, <u8>protocol, DATAGRAM_PROTOCOL);
  store<u8>(KEY, <u8>family, DATAGRAM_FAMILY);
  // A chain over words of a fixed number: as CBC-MAC, it is no weaker than what it is made of.
  let hash = mix(load<u64>(KEY, DATAGRAM_SOURCE), load<u64>(KEY, DATAGRAM_SOURCE + 8));
  hash = mix(hash ^ load<u64>(KEY, DATAGRAM_DESTINATION), load<u64>(KEY, DATAGRAM_DESTINATION + 8));
  store<u64>(KEY, mix(hash, load<u64>(KEY, DATAGRAM_ID)), DATAGRAM_HASH);
  return KEY;
}

/** One copy of the hash for the three, as it is inlined where it is called. */
function mix(word0: u64, word1: u64): u64 {
  return sipHash(word0, word1);
}
