/** Changes of a running role happen one after the other, whoever asks for them. */

/** Runs what it is given in the order in which it was given. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs a change when those before it are done, however they ended. */
  take<T>(change: () => Promise<T>): Promise<T> {
    const taken = this.#last.then(change);
    this.#last = taken.catch(() => {});
    return taken;
  }
}
