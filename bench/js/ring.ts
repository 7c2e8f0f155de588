/** A Maglev ring in plain JavaScript: the same members and the same slots as native/ring.c. */

export interface Member {
  offset: number;
  readonly skip: number;
  readonly backend: number;
}

const EMPTY = 0xffff;

/** Members of equal weight, and the permutation each brings. */
export function ringMembers(memberCount: number, slotCount: number): Member[] {
  return Array.from({ length: memberCount }, (_, at) => ({
    offset: (Math.imul(at + 1, 2_654_435_761) >>> 0) % slotCount,
    skip: ((Math.imul(at + 1, 2_246_822_519) >>> 0) % (slotCount - 1)) + 1,
    backend: at,
  }));
}

export function plainRing(members: readonly Member[], slotCount: number): Uint16Array {
  const ring = new Uint16Array(slotCount).fill(EMPTY);
  for (let free = slotCount; ; ) {
    for (const member of members) {
      let slot = member.offset;
      while (ring[slot] !== EMPTY) slot = (slot + member.skip) % slotCount;
      ring[slot] = member.backend;
      member.offset = (slot + member.skip) % slotCount;
      if (--free === 0) return ring;
    }
  }
}
