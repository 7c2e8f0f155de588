/** MUX, first stage: a fragment for a VIP. */
import { REASON_FRAGMENT } from './abi';
import { dropFor } from './parse';

/**
 * What is to happen with a fragment. Its payload begins behind the IPv4 header, or behind walkedFragment; the header of
 * the upper protocol at `l4`.
 */
export function classifyFragment(_parsed: usize, _vip: u32, _l4: usize): u32 {
  return dropFor(REASON_FRAGMENT);
}
