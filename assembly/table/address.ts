/**
 * IPv6 addresses of policy: address → the word that stands for it in the keys of the other tables.
 *
 * An IPv4 address is its own word. For an IPv6 address the SDK chooses one, 1 at least; the family beside it in every
 * key tells the two apart. Open addressing, linear probing, at most half full. An address that is not here is no VIP
 * and no DIP.
 *
 *   0             16     20      32
 *   | address net | word | spare |
 */
import { ADDRESS_BYTES, ADDRESS_WORD } from '../abi';
import { addressesBase, addressesMask } from '../layout';
import { spread } from './spread';

/** The word of the address whose 16 bytes lie at `address`; 0 when policy does not know it. @inline */
export function addressWord(address: usize): u32 {
  return load<u32>(probe(load<u64>(address), load<u64>(address, 8)), ADDRESS_WORD);
}

export function addressClear(): void {
  memory.fill(addressesBase, 0, (addressesMask + 1) * ADDRESS_BYTES);
}

/** Adds or replaces an address, as its four words lie in memory. */
export function addressInsert(word0: u32, word1: u32, word2: u32, word3: u32, word: u32): void {
  const low = <u64>word0 | ((<u64>word1) << 32);
  const high = <u64>word2 | ((<u64>word3) << 32);
  const entry = probe(low, high);
  store<u64>(entry, low);
  store<u64>(entry, high, 8);
  store<u32>(entry, word, ADDRESS_WORD);
}

/** The entry of an address, or the empty one where it would be; half of the table is empty, so there is always one. @inline */
function probe(low: u64, high: u64): usize {
  // Networks differ in the first bytes and hosts in the last: turned around, both come to lie low.
  let slot = spread(low ^ bswap<u64>(high));
  let entry = entryAt(slot);
  while (load<u32>(entry, ADDRESS_WORD) != 0 && (load<u64>(entry) != low || load<u64>(entry, 8) != high)) {
    entry = entryAt(++slot);
  }
  return entry;
}

function entryAt(slot: u32): usize {
  return addressesBase + (slot & addressesMask) * ADDRESS_BYTES;
}
