/**
 * Endpoints: (VIP, protocol, port) → service.
 *
 * Open addressing with linear probing; the SDK keeps the table at most half full. Each VIP has one more entry with
 * protocol 255 that only says that the address is ours.
 *
 *   0             4          6          7       8         12      16
 *   | address net | port net | protocol | state | service | spare |
 */
import { ENDPOINT_BYTES, ENDPOINT_PROTOCOL_VIP, ENDPOINT_SERVICE, ENDPOINT_STATE, NO_INDEX } from '../abi';
import { endpointsBase, endpointsMask } from '../layout';
import { spread } from './spread';

const ANY_PORT: u32 = 0;
const ANY_PROTOCOL: u32 = 0;
/** The key is the first eight bytes of an entry without its state. */
const KEY_MASK: u64 = 0x00ffffffffffffff;

/** The service of a packet: its own port first, then any port of its protocol, then any protocol. @inline */
export function findService(address: u32, protocol: u32, portNet: u32): u32 {
  const service = findEndpoint(address, protocol, portNet);
  return service != NO_INDEX ? service : findWiderService(address, protocol);
}

function findWiderService(address: u32, protocol: u32): u32 {
  const service = findEndpoint(address, protocol, ANY_PORT);
  return service != NO_INDEX ? service : findEndpoint(address, ANY_PROTOCOL, ANY_PORT);
}

export function isVip(address: u32): bool {
  return load<u8>(probe(keyOf(address, ENDPOINT_PROTOCOL_VIP, ANY_PORT)), ENDPOINT_STATE) != 0;
}

export function endpointClear(): void {
  memory.fill(endpointsBase, 0, (endpointsMask + 1) * ENDPOINT_BYTES);
}

/** Adds or replaces an entry; address and port in network order. */
export function endpointInsert(address: u32, portNet: u32, protocol: u32, service: u32): void {
  const key = keyOf(address, protocol, portNet);
  const entry = probe(key);
  store<u64>(entry, key);
  store<u8>(entry, 1, ENDPOINT_STATE);
  store<u32>(entry, service, ENDPOINT_SERVICE);
}

function findEndpoint(address: u32, protocol: u32, portNet: u32): u32 {
  const entry = probe(keyOf(address, protocol, portNet));
  return load<u8>(entry, ENDPOINT_STATE) == 0 ? NO_INDEX : load<u32>(entry, ENDPOINT_SERVICE);
}

function keyOf(address: u32, protocol: u32, portNet: u32): u64 {
  return <u64>address | ((<u64>portNet) << 32) | ((<u64>protocol) << 48);
}

/** The entry of a key, or the empty one where it would be; half of the table is empty, so there is always one. */
function probe(key: u64): usize {
  let slot = spread(key);
  let entry = entryAt(slot);
  while (load<u8>(entry, ENDPOINT_STATE) != 0 && (load<u64>(entry) & KEY_MASK) != key) entry = entryAt(++slot);
  return entry;
}

function entryAt(slot: u32): usize {
  return endpointsBase + (slot & endpointsMask) * ENDPOINT_BYTES;
}
