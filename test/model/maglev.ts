/**
 * Maglev hashing table: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI '16,
 * section 3.4, with weights. With equal weights every member has its turn in every round, which is the paper's algorithm.
 */

import { createHash } from 'node:crypto';

export interface Permutation {
  offset: number;
  skip: number;
}

export interface Member extends Permutation {
  weight: number;
}

/** Where a member looks for free slots, out of its key alone: a ring is the same whatever else is in the program. */
export function permutationOf(key: string, slotCount: number): Permutation {
  const digest = createHash('sha256').update(key, 'utf8').digest();
  return { offset: digest.readUInt32LE(0) % slotCount, skip: (digest.readUInt32LE(4) % (slotCount - 1)) + 1 };
}

/** For each slot the index of the member that owns it. */
export function buildRing(members: readonly Member[], slotCount: number): number[] {
  const owners = new Array<number>(slotCount).fill(-1);
  const maxWeight = Math.max(...members.map((member) => member.weight));
  const turns = members.map(() => 0);
  const next = members.map(() => 0);
  let taken = 0;
  while (members.length > 0) {
    for (const [index, { offset, skip, weight }] of members.entries()) {
      turns[index]! += weight;
      if (turns[index]! < maxWeight) {
        continue;
      }
      turns[index]! -= maxWeight;
      let slot: number;
      do {
        slot = (offset + next[index]! * skip) % slotCount;
        next[index]! += 1;
      } while (owners[slot] !== -1);
      owners[slot] = index;
      taken += 1;
      if (taken === slotCount) {
        return owners;
      }
    }
  }
  return owners;
}
