/** The random numbers: the same for the same seed, and in the ranges of the helpers. */

import { describe, expect, it } from 'vitest';
import { Random } from './random.js';

describe('random numbers', () => {
  it('repeat with the seed', () => {
    expect(new Random(3).bytes(16)).toEqual(new Random(3).bytes(16));
    expect(new Random(3).bytes(16)).not.toEqual(new Random(4).bytes(16));
  });

  it('reach both ends of a range and nothing beyond', () => {
    const random = new Random(1);
    const drawn = new Set(Array.from({ length: 200 }, () => random.between(-1, 2)));
    expect([...drawn].sort((a, b) => a - b)).toEqual([-1, 0, 1, 2]);
  });

  it('do not pick from nothing', () => {
    expect(() => new Random(1).pick([])).toThrow(RangeError);
  });
});
