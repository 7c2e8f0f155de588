import { SeededRandom } from '../../sdk/runtime/simulated/index.js';

/**
 * Seeded random numbers: the same seed gives the same packets, so that a failing simulation only has to print its seed.
 *
 * The numbers are those of the simulated network; nothing here needs to be unpredictable.
 */
export class Random {
  readonly #numbers: SeededRandom;

  constructor(readonly seed: number) {
    this.#numbers = new SeededRandom(seed);
  }

  uint32(): number {
    return this.#numbers.next() * 2 ** 32;
  }

  /** 0 .. count − 1 */
  below(count: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * count);
  }

  /** first .. last, both included */
  between(first: number, last: number): number {
    return first + this.below(last - first + 1);
  }

  /** True once in `count` times. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  pick<T>(from: readonly T[]): T {
    if (from.length === 0) {
      throw new RangeError('expected something to pick from, got an empty list');
    }
    return from[this.below(from.length)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}
