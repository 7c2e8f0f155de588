/**
 * Option lists of a SYN: as stacks send them, at any alignment, and as they never should be.
 */

import { concat } from './bytes.js';
import type { Random } from './random.js';

const END = Uint8Array.of(0);
const NOP = Uint8Array.of(1);
const WINDOW_SCALE = Uint8Array.of(3, 3, 7);
const SACK_PERMITTED = Uint8Array.of(4, 2);
/** Lengths that cannot be true, or are not those of their kind. */
const MALFORMED = [[2], [2, 0], [2, 1], [2, 3, 5], [2, 4, 5], [2, 40, 5, 180], [8, 0], [30, 1], [3, 255]];

/** At most 40 bytes; a long list ends in the middle of an option. */
export function randomSynOptions(random: Random): Uint8Array {
  const options = Array.from({ length: random.pick([random.between(1, 5), 20]) }, () => randomOption(random));
  return concat(...options).slice(0, 40);
}

function randomOption(random: Random): Uint8Array {
  const dice = random.below(20);
  if (dice < 9) return mss(random);
  if (dice < 13) return NOP;
  if (dice < 15) return WINDOW_SCALE;
  if (dice < 17) return SACK_PERMITTED;
  if (dice === 17) return random.oneIn(4) ? END : NOP;
  return random.oneIn(4) ? Uint8Array.from(random.pick(MALFORMED)) : WINDOW_SCALE;
}

/** Of Ethernet, of jumbo frames, at the ends of the range, and around what the usual fabrics allow. */
function mss(random: Random): Uint8Array {
  const size = random.pick([1460, 1440, 8960, 0, 536, 65535, random.between(1365, 1415), random.below(65536)]);
  return Uint8Array.of(2, 4, size >> 8, size & 0xff);
}
