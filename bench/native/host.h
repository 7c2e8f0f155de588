/*
 * The yardstick of the host agent: what edgemux does with VXLAN over IPv4 for a VM, and with the VM's answer.
 *
 * Its scope is TCP and UDP over IPv4, whole packets without a VLAN tag: what edgemux does besides (IPv6, NVGRE,
 * fragments, ICMP, SNAT, hairpin, MSS, resets of idle connections) lies off the path that is measured, and passes here.
 *
 * The tables come out of a file (host_tables.c) in the layouts of assembly/abi.ts. Fields called `_net` hold the bytes of
 * the wire as they are.
 */
#pragma once

#include "outcome.h"

#include <stddef.h>
#include <stdint.h>

enum { NAT_FLOW_INSERTS, NAT_FLOW_EXPIRED, NAT_FLOW_EVICTED, NAT_COUNTER_COUNT };

enum port { PORT_UNDERLAY, PORT_VM };

/* What is to be processed, and what became of it. */
struct descriptor {
  uint8_t *frame;
  uint32_t length;
  uint8_t port;
  uint8_t verdict;
  uint8_t reason;
};

/*
 *   0     6       8     12      16
 *   | MAC | state | VNI | index |
 */
struct nic {
  uint64_t mac_and_state;
  uint32_t vni;
  uint32_t index;
};

/*
 *   0         4      6          7      8           12             14      15      16    20           24           28     32
 *   | address | port | protocol | kind | address 2 | backend port | flags | spare | NIC | idle ticks | first rule | rules |
 */
struct translation {
  uint64_t key;
  uint32_t dip_net;
  uint16_t backend_port_net;
  uint8_t flags;
  uint8_t spare;
  uint32_t nic;
  uint32_t idle_ticks;
  uint32_t rule_first;
  uint32_t rule_count;
};

/*
 *   0            16      20            22           24    26         27     28
 *   | remote net | local | remote port | local port | NIC | protocol | kind |                          key
 *   | VIP | VIP port | state | flags | idle ticks | spare | ticks | remote ack | local ack | twin | |  value
 *   28    32         34      35      36           38      40      44           48          52     56 64
 */
struct nat_flow {
  uint64_t remote;
  uint64_t remote_high;
  uint64_t ends;
  uint32_t owner;
  uint32_t vip_net;
  uint16_t vip_port_net;
  uint8_t state;
  uint8_t flags;
  uint16_t idle_ticks;
  uint16_t spare;
  uint32_t ticks;
  uint32_t remote_ack_net;
  uint32_t local_ack_net;
  uint32_t twin;
  uint64_t reserved;
};

struct nat_bucket {
  struct nat_flow flows[4];
};

_Static_assert(sizeof(struct nic) == 16, "nic");
_Static_assert(sizeof(struct translation) == 32, "translation");
_Static_assert(sizeof(struct nat_flow) == 64, "NAT flow");

struct host {
  uint64_t hash_key[2];
  uint32_t frame_bytes_max;
  uint32_t slot_bytes;
  uint32_t headroom_bytes;
  uint32_t provider_address_net;
  uint64_t local_mac;
  uint64_t gateway_mac;
  uint16_t gateway_is_known;

  struct nic *nics;
  uint32_t nics_mask;
  struct translation *translations;
  uint32_t translations_mask;
  struct nat_bucket *flows;
  uint32_t flows_mask;
  uint32_t swept_ticks;
  uint32_t next_swept;
  int is_started;

  uint64_t verdicts[VERDICT_COUNT];
  uint64_t reasons[REASON_COUNT];
  uint64_t counters[NAT_COUNTER_COUNT];
};

/* Runs `count` frames; every descriptor then has a verdict. */
void host_process(struct host *host, struct descriptor *descriptors, uint32_t count, uint32_t now_ms);

/* Reads the tables file and makes room for the flows; ends the process when it cannot. */
void host_load(struct host *host, const char *path);

/* Empties the flow table and the counters. */
void host_reset(struct host *host);
