#include "ring.h"

#include <string.h>

#define RING_SLOT_EMPTY 0xffff

static uint32_t next_slot(uint32_t slot, uint32_t skip, uint32_t slot_count) {
  const uint32_t next = slot + skip;
  return next >= slot_count ? next - slot_count : next;
}

static void take_slot(uint16_t *ring, uint32_t slot_count, struct ring_member *member) {
  uint32_t slot = member->offset;
  while (ring[slot] != RING_SLOT_EMPTY) slot = next_slot(slot, member->skip, slot_count);
  ring[slot] = (uint16_t)member->backend;
  member->offset = next_slot(slot, member->skip, slot_count);
}

void ring_build(uint16_t *ring, uint32_t slot_count, struct ring_member *members, uint32_t member_count) {
  uint32_t weight_max = 0;
  for (uint32_t at = 0; at < member_count; at++) {
    if (members[at].weight > weight_max) weight_max = members[at].weight;
  }
  memset(ring, RING_SLOT_EMPTY & 0xff, slot_count * sizeof *ring);
  if (weight_max == 0) return;
  for (uint32_t free = slot_count;;) {
    for (uint32_t at = 0; at < member_count; at++) {
      struct ring_member *member = &members[at];
      member->turn += member->weight;
      if (member->turn < weight_max) continue;
      member->turn -= weight_max;
      take_slot(ring, slot_count, member);
      if (--free == 0) return;
    }
  }
}

void ring_members_for(struct ring_member *members, uint32_t member_count, uint32_t slot_count) {
  for (uint32_t at = 0; at < member_count; at++) {
    members[at] = (struct ring_member){
        .offset = (at + 1) * 2654435761u % slot_count,
        .skip = (at + 1) * 2246822519u % (slot_count - 1) + 1,
        .weight = 1,
        .backend = at,
    };
  }
}
