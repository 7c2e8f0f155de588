/**
 * Leased ports of a MUX: (VIP, block of eight ports) → the backend whose outbound connections use them. What comes back
 * to such a port goes there, and no flow is remembered: the lease is the state.
 *
 * Open addressing with linear probing, at most half full. The first eight bytes are the key, and as the family is never
 * 0 neither is a key.
 *
 *   0              4       6        7  8         12      16
 *   | address word | block | family | 0 | backend | spare |
 */
import { NO_INDEX, SNAT_BLOCK_BACKEND, SNAT_BLOCK_BYTES, SNAT_BLOCK_PORT_SHIFT } from '../abi';
import { snatBlocksBase, snatBlocksMask } from '../layout';
import { spread } from './spread';

/** The backend that has leased a port of a VIP (in network order), or NO_INDEX. */
export function findSnatBackend(address: u32, family: u32, portNet: u32): u32 {
  const block = <u32>bswap<u16>(<u16>portNet) >>> SNAT_BLOCK_PORT_SHIFT;
  const entry = probe(keyOf(address, family, block));
  return load<u64>(entry) == 0 ? NO_INDEX : load<u32>(entry, SNAT_BLOCK_BACKEND);
}

export function snatBlockClear(): void {
  memory.fill(snatBlocksBase, 0, (snatBlocksMask + 1) * SNAT_BLOCK_BYTES);
}

/** Adds or replaces a block: the eight ports from `block` × 8 on. */
export function snatBlockInsert(address: u32, family: u32, block: u32, backend: u32): void {
  const key = keyOf(address, family, block);
  const entry = probe(key);
  store<u64>(entry, key);
  store<u32>(entry, backend, SNAT_BLOCK_BACKEND);
}

function keyOf(address: u32, family: u32, block: u32): u64 {
  return <u64>address | ((<u64>block) << 32) | ((<u64>family) << 48);
}

/** The entry of a key, or the empty one where it would be; half of the table is empty, so there is always one. */
function probe(key: u64): usize {
  let slot = spread(key);
  let entry = entryAt(slot);
  for (let found = load<u64>(entry); found != key && found != 0; found = load<u64>(entry)) entry = entryAt(++slot);
  return entry;
}

function entryAt(slot: u32): usize {
  return snatBlocksBase + (slot & snatBlocksMask) * SNAT_BLOCK_BYTES;
}
