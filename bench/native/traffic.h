/* Which connection each packet belongs to, and what its client is called: the numbers of bench/js/traffic.ts. */
#pragma once

#include <stdint.h>
#include <time.h>

#define BATCH_FRAME_COUNT 256
#define START_MS 1000000
#define TICK_MS 1024

/* At random out of `flow_count`, or in order. */
struct sequence {
  uint32_t flow_count;
  uint32_t random;
  uint32_t next;
};

static inline uint32_t next_flow(struct sequence *sequence, int is_in_order) {
  if (is_in_order || sequence->flow_count == 0) {
    const uint32_t flow = sequence->next++;
    return sequence->flow_count == 0 ? flow : flow % sequence->flow_count;
  }
  sequence->random ^= sequence->random << 13;
  sequence->random ^= sequence->random >> 17;
  sequence->random ^= sequence->random << 5;
  return (uint32_t)((uint64_t)sequence->random * sequence->flow_count >> 32);
}

/* 32 bits of its own for every flow: the finalizer of MurmurHash3, which maps 32 bits one to one. */
static inline uint32_t source_of(uint32_t flow) {
  flow ^= flow >> 16;
  flow *= 0x85ebca6bu;
  flow ^= flow >> 13;
  flow *= 0xc2b2ae35u;
  return flow ^ flow >> 16;
}

/* 24 bits of it choose a host in 10.0.0.0/8, the other eight a port of 16384..16639; both net. */
static inline uint32_t address_of(uint32_t source) { return (source & 0xffffff00u) | 10; }

static inline uint16_t port_of(uint32_t source) { return (uint16_t)((source & 0xff) << 8 | 0x40); }

/* One's complement sum of the IPv4 header without the address at `client_at` (12 or 16) and the checksum. */
static inline uint32_t header_sum_without(const uint8_t *ip, uint32_t client_at) {
  uint32_t sum = 0;
  for (uint32_t at = 0; at < 20; at += 2) {
    const int is_left_out = at == 10 || at == client_at || at == client_at + 2;
    if (!is_left_out) sum += ip[at] | (uint32_t)ip[at + 1] << 8;
  }
  return sum;
}

/* The checksum of that header with this address. */
static inline uint16_t checksum_with(uint32_t header_sum, uint32_t address) {
  uint32_t sum = header_sum + (address & 0xffff) + (address >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

static inline uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}
