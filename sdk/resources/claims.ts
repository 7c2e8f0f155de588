/**
 * Things that only one resource may have: a MAC address, a VIP and port, a VNI.
 */
import type { Report } from './problem.js';

/** Remembers who has what, and reports whoever comes second. */
export class Claims {
  readonly #owners = new Map<string, string>();

  /** @param what what is claimed, with an article: `a MAC address` */
  constructor(
    readonly what: string,
    readonly report: Report,
  ) {}

  /**
   * Claims `key` for the resource `ownerRef`; `path` and `got` are the place and the value that make the claim, and
   * `name` is the key as the reader knows it where the value alone does not tell.
   */
  claim(key: string, ownerRef: string, path: string, got: unknown, name = ''): void {
    const owner = this.#owners.get(key);
    if (owner === undefined) this.#owners.set(key, ownerRef);
    else this.report(path, `${this.what} of its own: ${owner} has ${name || 'this one'}`, got);
  }
}
