/*
 * The yardstick of the MUX: its packets, and its commands (commands.h).
 */
#include "commands.h"
#include "mux.h"
#include "ring.h"
#include "traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ETHERNET_BYTES 14
#define LINE_BYTES 64
#define RING_SLOT_COUNT_MAX 655373

struct slots {
  uint8_t *memory;
  uint32_t length;
  /* One's complement sum of the IPv4 header without source address and checksum. */
  uint32_t header_sum;
  struct descriptor descriptors[BATCH_FRAME_COUNT];
};

static struct mux mux;
static struct slots slots;
static struct sequence sequence;
static uint32_t batch_number;
/* Every filling begins in another tick, for trust takes packets in three of them. */
static uint32_t start_ms = START_MS;

/* Gives every slot the source of its packet and every descriptor its slot. */
static void generate(int is_in_order) {
  for (uint32_t at = 0; at < BATCH_FRAME_COUNT; at++) {
    uint8_t *frame = slots.memory + (size_t)at * mux.slot_bytes + mux.headroom_bytes;
    uint8_t *ip = frame + ETHERNET_BYTES;
    const uint32_t source = source_of(next_flow(&sequence, is_in_order));
    const uint32_t address = address_of(source);
    const uint16_t checksum = checksum_with(slots.header_sum, address);
    const uint16_t port = port_of(source);
    memcpy(ip + 10, &checksum, 2);
    memcpy(ip + 12, &address, 4);
    memcpy(ip + 20, &port, 2);
    slots.descriptors[at].frame = frame;
    slots.descriptors[at].length = slots.length;
  }
}

static void process(void) { mux_process(&mux, slots.descriptors, BATCH_FRAME_COUNT, start_ms + (batch_number++ >> 6)); }

static void generate_at_random(void) { generate(0); }

static void put_frame(const char *hex) {
  uint8_t frame[65536];
  slots.length = read_frame(hex, frame);
  for (uint32_t at = 0; at < BATCH_FRAME_COUNT; at++)
    memcpy(slots.memory + (size_t)at * mux.slot_bytes + mux.headroom_bytes, frame, slots.length);
  slots.header_sum = header_sum_without(frame + ETHERNET_BYTES, 12);
}

/* Starts over: no flow is known, nothing is counted, every slot holds this frame. */
static void use_workload(char *arguments) {
  char *hex;
  sequence = (struct sequence){.flow_count = (uint32_t)strtoul(arguments, &hex, 10), .random = 0x9e3779b9u};
  batch_number = 0;
  start_ms = START_MS;
  mux_reset(&mux);
  put_frame(hex + strspn(hex, " "));
  puts("ok");
}

static void fill(char *arguments) {
  start_ms += TICK_MS;
  for (unsigned long batches = strtoul(arguments, NULL, 10); batches > 0; batches--) {
    generate(1);
    process();
  }
  puts("ok");
}

/* Writes what comes out for each frame; answers with the counters. */
static void write_frames(char *arguments) {
  unsigned long batches;
  FILE *file = open_frames(arguments, &batches);
  for (; batches > 0; batches--) {
    generate_at_random();
    process();
    for (uint32_t at = 0; at < BATCH_FRAME_COUNT; at++) {
      const struct descriptor *out = &slots.descriptors[at];
      write_outcome(file, out->verdict, out->reason, out->frame, out->length);
    }
  }
  fclose(file);
  printf("%lu", (unsigned long)mux.verdicts[VERDICT_FORWARD]);
  for (int counter = 0; counter < COUNTER_COUNT; counter++) {
    const int is_of_nat = counter > COUNTER_FLOW_REFUSED && counter < COUNTER_FLOW_TRUSTED;
    if (!is_of_nat) printf(" %lu", (unsigned long)mux.counters[counter]);
  }
  puts("");
}

static void run(char *arguments) { time_batches(arguments, generate_at_random, process, slots.memory); }

static void build_ring(char *arguments) {
  char *members;
  const uint32_t slot_count = (uint32_t)strtoul(arguments, &members, 10);
  const uint32_t member_count = (uint32_t)strtoul(members, NULL, 10);
  static uint16_t ring[RING_SLOT_COUNT_MAX];
  struct ring_member *list = malloc(member_count * sizeof *list);
  ring_members_for(list, member_count, slot_count);
  const uint64_t start = now_ns();
  ring_build(ring, slot_count, list, member_count);
  const uint64_t end = now_ns();
  uint32_t digest = 0;
  for (uint32_t slot = 0; slot < slot_count; slot++) digest = digest * 31 + ring[slot];
  printf("%lu %u\n", (unsigned long)(end - start), digest);
  free(list);
}

int main(int argc, char **argv) {
  static const struct command commands[] = {
      {"workload", use_workload},
      {"fill", fill},
      {"frames", write_frames},
      {"run", run},
      {"ring", build_ring},
  };
  if (argc != 2) return 1;
  mux_load(&mux, argv[1]);
  slots.memory = aligned_alloc(LINE_BYTES, (size_t)mux.slot_bytes * BATCH_FRAME_COUNT);
  return serve_commands(commands, sizeof commands / sizeof *commands);
}
