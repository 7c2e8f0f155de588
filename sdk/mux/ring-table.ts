/**
 * The rings of a running MUX. Rings with the same slots and members are one ring; one that has not changed is not built
 * again.
 */
import * as abi from '../../assembly/abi.js';
import type { DataPlane } from '../dataplane/instance.js';
import { permutationOf } from '../program/maglev.js';
import type { MuxProgram, Ring } from '../program/types.js';
import type { BackendTable } from './backend-table.js';

/** A ring in memory. */
export interface PlacedRing {
  /** First slot, counted from the start of the region. */
  readonly start: number;
  readonly slotCount: number;
}

/** What apply() had to do. */
export interface RingChange {
  readonly built: number;
  readonly kept: number;
}

const SLOT_BYTES = 2;

/** Place and contents of every ring. */
export class RingTable {
  readonly #dataPlane: DataPlane;
  readonly #base: number;
  #placed = new Map<string, PlacedRing>();

  constructor(dataPlane: DataPlane) {
    this.#dataPlane = dataPlane;
    this.#base = dataPlane.region(abi.REGION_RINGS).base;
  }

  /**
   * Brings the table to the rings of a program, whose backends are in place already.
   *
   * @returns what was done, and the key of each ring of the program in order
   */
  apply(program: MuxProgram, backends: BackendTable): RingChange & { keys: string[] } {
    const keys = program.rings.map((ring) => ringKey(program, ring, backends));
    const wanted = new Set(keys);
    for (const key of this.#placed.keys()) if (!wanted.has(key)) this.#placed.delete(key);
    let built = 0;
    program.rings.forEach((ring, index) => {
      const key = keys[index];
      if (ring.members.length === 0 || this.#placed.has(key)) return;
      this.#placed.set(key, this.#build(program, ring, backends));
      built++;
    });
    return { keys, built, kept: this.#placed.size - built };
  }

  /** A ring with members; `undefined` for one without. */
  ring(key: string): PlacedRing | undefined {
    return this.#placed.get(key);
  }

  address(ring: PlacedRing): number {
    return this.#base + ring.start * SLOT_BYTES;
  }

  #build(program: MuxProgram, ring: Ring, backends: BackendTable): PlacedRing {
    const placed = { start: this.#findRoom(ring.slotCount), slotCount: ring.slotCount };
    const { view } = this.#dataPlane;
    let member = this.#dataPlane.region(abi.REGION_RING_MEMBERS).base;
    for (const { backend, weight } of ring.members) {
      const { key } = program.backends[backend];
      const permutation = permutationOf(backends.seedOf(key), ring.slotCount);
      view.setUint32(member + abi.RING_MEMBER_OFFSET, permutation.offset, true);
      view.setUint32(member + abi.RING_MEMBER_SKIP, permutation.skip, true);
      view.setUint32(member + abi.RING_MEMBER_WEIGHT, weight, true);
      view.setUint32(member + abi.RING_MEMBER_TURN, 0, true);
      view.setUint32(member + abi.RING_MEMBER_BACKEND, backends.indexOf(key), true);
      member += abi.RING_MEMBER_BYTES;
    }
    this.#dataPlane.exports.ringBuild(this.address(placed), ring.slotCount, ring.members.length);
    return placed;
  }

  /** The first gap that is long enough; when gaps are too many and too short, the rings are moved together. */
  #findRoom(slotCount: number): number {
    const gap = this.#findGap(slotCount);
    if (gap !== undefined) return gap;
    this.#compact();
    return this.#findGap(slotCount) as number;
  }

  #findGap(slotCount: number): number | undefined {
    let start = 0;
    for (const ring of this.#inOrder()) {
      if (ring.start - start >= slotCount) return start;
      start = ring.start + ring.slotCount;
    }
    return this.#dataPlane.region(abi.REGION_RINGS).count - start >= slotCount ? start : undefined;
  }

  #compact(): void {
    let start = 0;
    for (const [key, ring] of [...this.#placed].sort(([, a], [, b]) => a.start - b.start)) {
      const moved = { start, slotCount: ring.slotCount };
      const from = this.address(ring);
      this.#dataPlane.bytes.copyWithin(this.address(moved), from, from + ring.slotCount * SLOT_BYTES);
      this.#placed.set(key, moved);
      start += ring.slotCount;
    }
  }

  #inOrder(): PlacedRing[] {
    return [...this.#placed.values()].sort((a, b) => a.start - b.start);
  }
}

/** Equal keys, equal slots: the size, and each member's key, index and weight in their order. */
function ringKey(program: MuxProgram, ring: Ring, backends: BackendTable): string {
  const members = ring.members.map(({ backend, weight }) => {
    const { key } = program.backends[backend];
    return [key, backends.indexOf(key), weight];
  });
  return JSON.stringify([ring.slotCount, members]);
}
