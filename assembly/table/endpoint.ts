/**
 * Endpoints: (VIP, protocol, port) → service.
 *
 * Open addressing with linear probing; the SDK keeps the table at most half full. The first eight bytes are the key,
 * and as the family is never 0 neither is a key: one compare says "this one", "another one" or "empty".
 *
 * Each VIP has one more entry, with protocol 255: it says that the address is ours, and names the service of an
 * instance-level address, which takes all there is for it.
 *
 *   0              4          6          7        8         12      16
 *   | address word | port net | protocol | family | service | spare |
 */
import { ENDPOINT_BYTES, ENDPOINT_PROTOCOL_VIP, ENDPOINT_SERVICE, NO_INDEX } from '../abi';
import { endpointsBase, endpointsMask } from '../layout';
import { spread } from './spread';

const ANY_PORT: u32 = 0;
const ANY_PROTOCOL: u32 = 0;

/** The service of exactly this (VIP, protocol, port), or NO_INDEX. @inline */
export function findService(address: u32, family: u32, protocol: u32, portNet: u32): u32 {
  const entry = probe(keyOf(address, family, protocol, portNet));
  return load<u64>(entry) == 0 ? NO_INDEX : load<u32>(entry, ENDPOINT_SERVICE);
}

/** The service of any port of a protocol, else that of any protocol, or NO_INDEX. */
export function findWiderService(address: u32, family: u32, protocol: u32): u32 {
  // For protocol 255 the entry of the VIP itself answers: NO_INDEX, as an instance-level address never comes here.
  const service = findService(address, family, protocol, ANY_PORT);
  return service != NO_INDEX ? service : findService(address, family, ANY_PROTOCOL, ANY_PORT);
}

export function isVip(address: u32, family: u32): bool {
  return findVip(address, family) != 0;
}

/** The entry that says an address is ours, 0 when it is not. */
export function findVip(address: u32, family: u32): usize {
  const entry = probe(keyOf(address, family, ENDPOINT_PROTOCOL_VIP, ANY_PORT));
  return load<u64>(entry) == 0 ? 0 : entry;
}

/** The service of an instance-level address; NO_INDEX for a frontend. */
export function vipInstanceService(vip: usize): u32 {
  return load<u32>(vip, ENDPOINT_SERVICE);
}

export function endpointClear(): void {
  memory.fill(endpointsBase, 0, (endpointsMask + 1) * ENDPOINT_BYTES);
}

/** Adds or replaces an entry; port in network order. */
export function endpointInsert(address: u32, family: u32, protocol: u32, portNet: u32, service: u32): void {
  const key = keyOf(address, family, protocol, portNet);
  const entry = probe(key);
  store<u64>(entry, key);
  store<u32>(entry, service, ENDPOINT_SERVICE);
}

function keyOf(address: u32, family: u32, protocol: u32, portNet: u32): u64 {
  return <u64>address | ((<u64>portNet) << 32) | ((<u64>protocol) << 48) | ((<u64>family) << 56);
}

/** The entry of a key, or the empty one where it would be; half of the table is empty, so there is always one. */
function probe(key: u64): usize {
  let slot = spread(key);
  let entry = entryAt(slot);
  for (let found = load<u64>(entry); found != key && found != 0; found = load<u64>(entry)) entry = entryAt(++slot);
  return entry;
}

function entryAt(slot: u32): usize {
  return endpointsBase + (slot & endpointsMask) * ENDPOINT_BYTES;
}
