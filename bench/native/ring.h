/* Maglev rings, weighted, as assembly/table/ring.ts builds them. */
#pragma once

#include <stdint.h>

struct ring_member {
  uint32_t offset;
  uint32_t skip;
  uint32_t weight;
  uint32_t turn;
  uint32_t backend;
};

/* Fills `slot_count` slots with the backends of the members; none may be RING_SLOT_EMPTY. */
void ring_build(uint16_t *ring, uint32_t slot_count, struct ring_member *members, uint32_t member_count);

/* Members of equal weight whose permutations the three implementations of the bench agree on. */
void ring_members_for(struct ring_member *members, uint32_t member_count, uint32_t slot_count);
