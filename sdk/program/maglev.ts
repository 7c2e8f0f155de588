/**
 * The two numbers a backend brings to every Maglev ring (NSDI'16 section 3.4): where its permutation starts and how far
 * it steps.
 *
 * They come from SHA-256 of the backend's key, so that they are the same on every machine and every runtime, and no
 * order of a fabric file can change them. Together with the flow hash they are a wire format: version 1.
 */
import { sha256 } from '@noble/hashes/sha2.js';

/** The start and the step of a backend's permutation of the slots of one ring. */
export interface Permutation {
  /** 0..slotCount − 1 */
  readonly offset: number;
  /** 1..slotCount − 1 */
  readonly skip: number;
}

/** The seed of a backend: two 32-bit numbers out of its key, for rings of any size. */
export interface PermutationSeed {
  readonly offset: number;
  readonly skip: number;
}

/** Takes the seed from a backend's key: the first two little-endian words of its SHA-256. */
export function permutationSeed(key: string): PermutationSeed {
  const digest = sha256(new TextEncoder().encode(key));
  const view = new DataView(digest.buffer, digest.byteOffset);
  return { offset: view.getUint32(0, true), skip: view.getUint32(4, true) };
}

/** The permutation of a ring of `slotCount` slots, a prime. */
export function permutationOf(seed: PermutationSeed, slotCount: number): Permutation {
  return { offset: seed.offset % slotCount, skip: (seed.skip % (slotCount - 1)) + 1 };
}
