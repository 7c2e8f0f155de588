/**
 * What can happen to the bytes of a frame, whatever they mean.
 */

import { concat } from './bytes.js';
import type { Random } from './random.js';

export interface Damage {
  readonly name: string;
  inflict(frame: Uint8Array, random: Random): Uint8Array;
}

export const damages: readonly Damage[] = [
  { name: 'truncated', inflict: (frame, random) => frame.slice(0, random.below(frame.length)) },
  { name: 'with bytes behind it', inflict: (frame, random) => concat(frame, random.bytes(random.between(1, 60))) },
  {
    name: 'with flipped bits',
    inflict(frame, random) {
      for (let flips = random.between(1, 4); flips > 0; flips--) {
        frame[random.below(Math.min(frame.length, 150))]! ^= 1 << random.below(8);
      }
      return frame;
    },
  },
  {
    name: 'with one byte replaced',
    inflict(frame, random) {
      frame[random.below(frame.length)] = random.pick([0, 0x7f, 0x80, 0xff, random.below(256)]);
      return frame;
    },
  },
  { name: 'replaced by random bytes', inflict: (_frame, random) => random.bytes(random.below(200)) },
  {
    name: 'with random bytes behind its first bytes',
    inflict: (frame, random) => concat(frame.subarray(0, random.below(110)), random.bytes(random.below(200))),
  },
  { name: 'replaced by nothing', inflict: () => new Uint8Array(0) },
  { name: 'replaced by one byte', inflict: (_frame, random) => random.bytes(1) },
];
