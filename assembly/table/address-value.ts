/**
 * The way back from the word of an IPv6 address to the address: the host agent writes VIPs and DIPs into packets. The
 * SDK fills it, and table/address.ts has the other direction.
 *
 *   0             16
 *   | address net |
 */
import { ADDRESS_VALUE_BYTES } from '../abi';
import { addressValuesBase } from '../layout';

/** Where the 16 bytes of an address lie. */
export function addressValue(word: u32): usize {
  return addressValuesBase + word * ADDRESS_VALUE_BYTES;
}

/** Whether the SDK has taken the word back: no address of ours is `::`. */
export function isAddressRetired(word: u32): bool {
  const value = addressValue(word);
  return (load<u64>(value) | load<u64>(value, 8)) == 0;
}
