/** The numbers a running host agent knows its local NICs by. */
import type { DataPlane } from '../dataplane/instance.js';
import type { HostProgram } from '../program/types.js';

/** NIC indexes are 16 bits in the NAT flow table. */
export const NIC_INDEX_COUNT = 65_536;

/** Indexes of NICs by their key. */
export class NicIndexes {
  readonly #dataPlane: DataPlane;
  readonly #indexes = new Map<string, number>();

  constructor(dataPlane: DataPlane) {
    this.#dataPlane = dataPlane;
  }

  /** A NIC keeps its index while it is here; one that left takes its flows and fragments with it. */
  assign(program: HostProgram): void {
    const { exports } = this.#dataPlane;
    const here = new Set(program.nics.map((nic) => nic.key));
    for (const [key, index] of this.#indexes) {
      if (here.has(key)) continue;
      exports.natFlowPurge(index);
      exports.datagramPurge(index);
      this.#indexes.delete(key);
    }
    const taken = new Set(this.#indexes.values());
    let free = 0;
    for (const { key } of program.nics) {
      if (this.#indexes.has(key)) continue;
      while (taken.has(free)) free++;
      taken.add(free);
      this.#indexes.set(key, free);
    }
  }

  /** The key of the NIC that has an index. */
  keyOf(index: number): string | undefined {
    for (const [key, each] of this.#indexes) if (each === index) return key;
    return undefined;
  }

  /** The index of a NIC; `undefined` when the program that was assigned last has none of that key. */
  find(key: string): number | undefined {
    return this.#indexes.get(key);
  }

  /** The index of a NIC of the program that was assigned last. */
  of(key: string): number {
    const index = this.#indexes.get(key);
    if (index === undefined) throw new RangeError(`no NIC ${key}`);
    return index;
  }
}
