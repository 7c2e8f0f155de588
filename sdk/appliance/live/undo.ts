/** Nothing half set up: what has been opened is closed in the opposite order. */

/** A pile of things to close. */
export class Undo {
  readonly #steps: (() => unknown)[] = [];

  /** Adds what closes something that has just been opened. */
  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** Closes everything, the latest first. A step that fails keeps none from being done; the first failure is thrown. */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
