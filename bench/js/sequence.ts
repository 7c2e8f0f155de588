/** Which connection each packet belongs to, and what its client is called; `native/traffic.h` has the same numbers. */

const WORD_COUNT = 2 ** 32;

export class Sequence {
  readonly #flowCount: number;
  #random = 0x9e3779b9 | 0;
  #next = 0;

  /** @param flowCount connections to draw from; 0: every packet is of a connection never seen before */
  constructor(flowCount: number) {
    this.#flowCount = flowCount;
  }

  /** The next one at random, or one after the other. */
  next(isInOrder: boolean): number {
    const flowCount = this.#flowCount;
    if (isInOrder || flowCount === 0) {
      const flow = flowCount === 0 ? this.#next : this.#next % flowCount;
      this.#next = (this.#next + 1) >>> 0;
      return flow;
    }
    let random = this.#random;
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    this.#random = random;
    return Math.floor(((random >>> 0) * flowCount) / WORD_COUNT);
  }
}

/** 32 bits of its own for every flow: the finalizer of MurmurHash3, which maps 32 bits one to one. */
export function sourceOf(flow: number): number {
  let hash = flow | 0;
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
