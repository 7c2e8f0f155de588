/** Indexes of a table in linear memory: fresh ones first, so that a released one rests as long as possible. */
export class IndexPool {
  readonly #countMax: number;
  readonly #beforeReuse: () => void;
  #fresh = 0;
  #released: number[] = [];
  #isClean = true;

  /** @param beforeReuse called once before the indexes released since the last call are given out again */
  constructor(countMax: number, beforeReuse: () => void = () => {}) {
    this.#countMax = countMax;
    this.#beforeReuse = beforeReuse;
  }

  /** The caller has made sure that there is room. */
  allocate(): number {
    if (this.#fresh < this.#countMax) return this.#fresh++;
    if (!this.#isClean) {
      this.#beforeReuse();
      this.#isClean = true;
    }
    const index = this.#released.shift();
    if (index === undefined) throw new RangeError(`no index left of ${this.#countMax}`);
    return index;
  }

  release(index: number): void {
    this.#released.push(index);
    this.#isClean = false;
  }
}
