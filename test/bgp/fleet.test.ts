/**
 * MUXes and model routers under random chaos, by seed: after quiet time every router has exactly what its live MUXes
 * announce, and at no time does one see what no sound speaker sends.
 *
 * `EDGEMUX_SEEDS=7,8,9 npx vitest run …` runs other seeds. A failure prints its seed and what had happened.
 */
import { describe, expect, test } from 'vitest';
import { Fleet } from '../support/fleet.js';
import { Chaos } from '../support/fleet-chaos.js';
import { Random } from '../support/random.js';

const ROUNDS = 3;
const STEPS_PER_ROUND = 40;
const seeds = (process.env.EDGEMUX_SEEDS ?? '1,2,3,4,5,6,7,8').split(',').map(Number);

describe.each(seeds)('seed %i', (seed) => {
  test('every router ends up with what its live MUXes announce', async () => {
    const random = new Random(seed);
    const fleet = new Fleet(random, random.between(1, 3), random.between(1, 3));
    const chaos = new Chaos(fleet, random);
    await fleet.start();
    for (let round = 0; round < ROUNDS; round++) {
      await chaos.play(STEPS_PER_ROUND);
      await chaos.quiet();
      const differences = fleet.differences();
      if (differences.length === 0) continue;
      const shown = [...chaos.diary.slice(-60), ...differences.slice(0, 20)];
      expect.fail(`seed ${seed}, ${differences.length} differences:\n${shown.join('\n')}`);
    }
  });
});
