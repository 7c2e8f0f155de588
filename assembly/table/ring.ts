/**
 * Maglev rings (Eisenbud et al., NSDI'16, section 3.4), weighted.
 *
 * A ring is a prime number of u16 slots; each holds the index of the backend that owns it. Members take turns; a
 * member's turn gives it the next free slot of its own permutation `offset, offset + skip, …` modulo the slot count.
 * A member saves up its weight and has a turn whenever it has saved the largest weight: with equal weights this is the
 * paper's algorithm, slot for slot.
 */
import {
  RING_MEMBER_BACKEND,
  RING_MEMBER_BYTES,
  RING_MEMBER_OFFSET,
  RING_MEMBER_SKIP,
  RING_MEMBER_TURN,
  RING_MEMBER_WEIGHT,
  RING_SLOT_EMPTY,
} from '../abi';
import { ringMembersBase } from '../layout';

export function ringBackend(ring: usize, slot: u32): u32 {
  return load<u16>(ring + (slot << 1));
}

/** Builds the ring of the members the SDK has put into their region; without members every slot stays empty. */
export function ringBuild(ring: usize, slotCount: u32, memberCount: u32): void {
  memory.fill(ring, <u8>(RING_SLOT_EMPTY & 0xff), slotCount << 1);
  const weightMax = largestWeight(memberCount);
  if (weightMax == 0) return;
  const membersEnd = ringMembersBase + memberCount * RING_MEMBER_BYTES;
  let free = slotCount;
  for (;;) {
    for (let member: usize = ringMembersBase; member < membersEnd; member += RING_MEMBER_BYTES) {
      let turn = load<u32>(member, RING_MEMBER_TURN) + load<u32>(member, RING_MEMBER_WEIGHT);
      if (turn >= weightMax) {
        turn -= weightMax;
        takeSlot(ring, slotCount, member);
        if (--free == 0) return;
      }
      store<u32>(member, turn, RING_MEMBER_TURN);
    }
  }
}

function takeSlot(ring: usize, slotCount: u32, member: usize): void {
  const skip = load<u32>(member, RING_MEMBER_SKIP);
  let slot = load<u32>(member, RING_MEMBER_OFFSET);
  while (load<u16>(ring + (slot << 1)) != RING_SLOT_EMPTY) slot = nextSlot(slot, skip, slotCount);
  store<u16>(ring + (slot << 1), <u16>load<u32>(member, RING_MEMBER_BACKEND));
  store<u32>(member, nextSlot(slot, skip, slotCount), RING_MEMBER_OFFSET);
}

/** `offset + j·skip` overflows 32 bits at 65,537 slots; one step at a time cannot, and needs no division. */
function nextSlot(slot: u32, skip: u32, slotCount: u32): u32 {
  const next = slot + skip;
  return next >= slotCount ? next - slotCount : next;
}

function largestWeight(memberCount: u32): u32 {
  let largest: u32 = 0;
  for (let index: u32 = 0; index < memberCount; index++) {
    const weight = load<u32>(ringMembersBase + index * RING_MEMBER_BYTES, RING_MEMBER_WEIGHT);
    if (weight > largest) largest = weight;
  }
  return largest;
}
