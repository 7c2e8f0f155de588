/** Has each of several things come up once in a period, evenly spread over it. */
export class Rota<T> {
  readonly #periodMs: number;
  #position = 0;
  #credit = 0;

  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  /** Those that are due, `elapsedMs` after the last call; none twice, however long that was. */
  due(things: readonly T[], elapsedMs: number): T[] {
    this.#credit += (things.length * elapsedMs) / this.#periodMs;
    const count = Math.min(Math.floor(this.#credit), things.length);
    this.#credit = Math.min(this.#credit - count, 1);
    const due = Array.from({ length: count }, (_, i) => things[(this.#position + i) % things.length]!);
    this.#position = things.length === 0 ? 0 : (this.#position + count) % things.length;
    return due;
  }
}
