/*
 * The yardstick: what the edgemux MUX does with Ethernet IPv4, written the way a C engineer would write it.
 *
 * Its scope is TCP and UDP in frames with at most one VLAN tag: what edgemux does besides (echo replies, a second tag,
 * bare IP) lies off the path that is measured.
 *
 * The tables come out of a file (tables.c) in the layouts of assembly/abi.ts, so that both read the same bytes. Fields
 * called `_net` hold the bytes of the wire as they are.
 */
#pragma once

#include "outcome.h"

#include <stddef.h>
#include <stdint.h>

enum {
  COUNTER_FLOW_HITS,
  COUNTER_FLOW_MISSES,
  COUNTER_FLOW_INSERTS,
  COUNTER_FLOW_EXPIRED,
  COUNTER_FLOW_EVICTED,
  COUNTER_FLOW_REFUSED,
  COUNTER_FLOW_TRUSTED = 9,
  COUNTER_FLOW_UNTRUSTED,
  COUNTER_FLOW_PROMOTED,
  COUNTER_FLOW_PROMOTION_REFUSED,
  COUNTER_COUNT
};

#define NO_INDEX UINT32_MAX

/* What is to be processed, and what became of it. */
struct descriptor {
  uint8_t *frame;
  uint32_t length;
  uint8_t verdict;
  uint8_t reason;
  uint32_t service;
  uint32_t backend;
};

/*
 *   0             4          6          7       8         12      16
 *   | address net | port net | protocol | family | service | spare |
 */
struct endpoint {
  uint64_t key;
  uint32_t service;
  uint32_t spare;
};

struct traffic {
  uint64_t packets;
  uint64_t bytes;
};

/*
 *   0           4            8              9       12           16        32        36         64
 *   | ring base | slot count | distribution | state | idle ticks | traffic | backend | reserved |
 */
struct service {
  uint32_t ring_base;
  uint32_t ring_slot_count;
  uint8_t distribution;
  uint8_t state;
  uint16_t spare;
  uint32_t idle_ticks;
  struct traffic traffic;
  uint32_t backend;
  uint8_t reserved[28];
};

/*
 *   0                                             64     96           97      100          104       120        128
 *   | Eth 14, IPv4 20, UDP 8, VXLAN 8, inner Eth 14 | room | generation | state | header sum | traffic | reserved |
 */
struct backend {
  uint8_t headers[64];
  uint8_t room[32];
  uint8_t generation;
  uint8_t state;
  uint16_t spare;
  uint32_t header_sum;
  struct traffic traffic;
  uint64_t reserved;
};

/*
 * One cache line, four flows:
 *
 *   key   { source address net u32, source port net u16, destination port net u16 }
 *   value { service:16 | backend:16 | generation:8 | class:2 | state:3 | ticks:19 }, low bits first; 0 is an empty way
 */
struct flow_bucket {
  uint64_t key[4];
  uint64_t value[4];
};

_Static_assert(sizeof(struct endpoint) == 16, "endpoint");
_Static_assert(sizeof(struct service) == 64, "service");
_Static_assert(sizeof(struct backend) == 128, "backend");
_Static_assert(sizeof(struct flow_bucket) == 64, "flow bucket");

struct mux {
  uint64_t hash_key[2];
  uint32_t frame_bytes_max;
  uint16_t vlan_tci_net;
  uint32_t slot_bytes;
  uint32_t headroom_bytes;

  struct endpoint *endpoints;
  uint32_t endpoints_mask;
  struct service *services;
  struct backend *backends;
  uint16_t *rings;
  /* The address that `ring_base` of a service counts from. */
  uint32_t rings_base;
  struct flow_bucket *flows;
  uint32_t flows_mask;
  uint32_t trusted_max;
  uint32_t untrusted_max;
  uint32_t swept_ticks;
  uint32_t next_swept;

  uint64_t verdicts[VERDICT_COUNT];
  uint64_t reasons[REASON_COUNT];
  uint64_t counters[COUNTER_COUNT];
};

/* Runs `count` frames; every descriptor then has a verdict. */
void mux_process(struct mux *mux, struct descriptor *descriptors, uint32_t count, uint32_t now_ms);

/* Reads the tables file and makes room for the flows; ends the process when it cannot. */
void mux_load(struct mux *mux, const char *path);

/* Empties the flow table and the counters. */
void mux_reset(struct mux *mux);
