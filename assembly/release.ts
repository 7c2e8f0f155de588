/**
 * MUX: fragments that were kept go on as further frames of the batch, once their first one has been here.
 *
 * Kept frames are visited in order of arrival. One whose datagram is known now is put into the next free slot; one that
 * has waited for 30 ticks is given up.
 */
import { COUNTER_FRAGMENT_RELEASED, REASON_FRAGMENT_EXPIRED } from './abi';
import { count, countReason } from './counters';
import { freeDescriptor, freeSlot, hasFreeSlots } from './produce';
import { findDatagram } from './table/fragment';
import { copyHeld, dropHeld, heldAt, heldCount, heldIsExpired, markHeldDue } from './table/held';

/** The next kept frame to be looked at. */
let position: u32 = 0;

export function beginRelease(): void {
  position = 0;
}

/** Puts the next frame that may go on into the free slot; false when there is none, or no such slot. */
export function releaseNext(now: u32): bool {
  while (position < heldCount()) {
    const held = heldAt(position);
    if (findDatagram(held, now) != 0) {
      if (hasFreeSlots(1)) {
        copyHeld(held, freeDescriptor(), freeSlot());
        dropHeld(position);
        count(COUNTER_FRAGMENT_RELEASED);
        return true;
      }
      // No slot is free: it waits for the next call.
      markHeldDue();
      position++;
    } else if (heldIsExpired(held, now)) {
      dropHeld(position);
      countReason(REASON_FRAGMENT_EXPIRED);
    } else {
      position++;
    }
  }
  return false;
}
