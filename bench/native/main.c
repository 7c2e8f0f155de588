/*
 * The yardstick as a child of the harness: one command per line in, one line out (bench/contestant.ts has the list).
 */
#include "mux.h"
#include "ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH_FRAME_COUNT 256
#define ETHERNET_BYTES 14
#define LINE_BYTES 64
#define RING_SLOT_COUNT_MAX 655373
#define START_MS 1000000
#define TICK_MS 1024

/* Which flow a packet belongs to: at random out of `flow_count`, or in order. Same numbers as bench/js/traffic.ts. */
struct sequence {
  uint32_t flow_count;
  uint32_t random;
  uint32_t next;
};

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

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static inline uint32_t next_flow(int is_in_order) {
  if (is_in_order || sequence.flow_count == 0) {
    const uint32_t flow = sequence.next++;
    return sequence.flow_count == 0 ? flow : flow % sequence.flow_count;
  }
  sequence.random ^= sequence.random << 13;
  sequence.random ^= sequence.random >> 17;
  sequence.random ^= sequence.random << 5;
  return (uint32_t)((uint64_t)sequence.random * sequence.flow_count >> 32);
}

/* An address a host may have, 128.0.0.0 to 191.255.255.255; the two bits it costs are in the port. */
static inline uint32_t address_of(uint32_t hash) { return (hash & ~0xc0u) | 0x80u; }

/* A source address and port of its own for every flow: the finalizer of MurmurHash3, which maps 32 bits one to one. */
static inline uint32_t hash_of(uint32_t flow) {
  flow ^= flow >> 16;
  flow *= 0x85ebca6bu;
  flow ^= flow >> 13;
  flow *= 0xc2b2ae35u;
  return flow ^ flow >> 16;
}

static inline uint16_t checksum_with(uint32_t source) {
  uint32_t sum = slots.header_sum + (source & 0xffff) + (source >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

/* Gives every slot the source of its packet and every descriptor its slot. */
static void generate(int is_in_order) {
  for (uint32_t at = 0; at < BATCH_FRAME_COUNT; at++) {
    uint8_t *frame = slots.memory + (size_t)at * mux.slot_bytes + mux.headroom_bytes;
    uint8_t *ip = frame + ETHERNET_BYTES;
    const uint32_t hash = hash_of(next_flow(is_in_order));
    const uint32_t source = address_of(hash);
    const uint16_t checksum = checksum_with(source);
    const uint16_t port = (uint16_t)(hash | 0x0004);
    memcpy(ip + 10, &checksum, 2);
    memcpy(ip + 12, &source, 4);
    memcpy(ip + 20, &port, 2);
    slots.descriptors[at].frame = frame;
    slots.descriptors[at].length = slots.length;
  }
}

static void process(void) { mux_process(&mux, slots.descriptors, BATCH_FRAME_COUNT, start_ms + (batch_number++ >> 6)); }

static void put_frame(const char *hex) {
  const size_t length = strlen(hex) / 2;
  uint8_t frame[65536];
  for (size_t at = 0; at < length; at++) sscanf(hex + 2 * at, "%2hhx", &frame[at]);
  for (uint32_t at = 0; at < BATCH_FRAME_COUNT; at++)
    memcpy(slots.memory + (size_t)at * mux.slot_bytes + mux.headroom_bytes, frame, length);
  slots.length = (uint32_t)length;
  slots.header_sum = 0;
  for (int at = 0; at < 20; at += 2) {
    if (at != 10 && at != 12 && at != 14) slots.header_sum += frame[14 + at] | frame[15 + at] << 8;
  }
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

static void fill(const char *arguments) {
  start_ms += TICK_MS;
  for (unsigned long batches = strtoul(arguments, NULL, 10); batches > 0; batches--) {
    generate(1);
    process();
  }
  puts("ok");
}

/* Writes what comes out for each frame: verdict u8, reason u8, length u32, bytes. Answers with the counters. */
static void write_frames(char *arguments) {
  char *path;
  unsigned long batches = strtoul(arguments, &path, 10);
  FILE *file = fopen(path + strspn(path, " "), "wb");
  if (file == NULL) exit(1);
  for (; batches > 0; batches--) {
    generate(0);
    process();
    for (uint32_t at = 0; at < BATCH_FRAME_COUNT; at++) {
      const struct descriptor *descriptor = &slots.descriptors[at];
      fwrite(&descriptor->verdict, 1, 1, file);
      fwrite(&descriptor->reason, 1, 1, file);
      fwrite(&descriptor->length, 4, 1, file);
      fwrite(descriptor->frame, 1, descriptor->length, file);
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

/* Answers with the nanoseconds of generating and processing, and those of generating alone. */
static void run(const char *arguments) {
  const unsigned long batches = strtoul(arguments, NULL, 10);
  const uint64_t start = now_ns();
  for (unsigned long batch = 0; batch < batches; batch++) {
    generate(0);
    process();
  }
  const uint64_t middle = now_ns();
  for (unsigned long batch = 0; batch < batches; batch++) {
    generate(0);
    __asm__ volatile("" : : "r"(slots.memory) : "memory");
  }
  const uint64_t end = now_ns();
  printf("%lu %lu\n", (unsigned long)(middle - start), (unsigned long)(end - middle));
}

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
  if (argc != 2) return 1;
  mux_load(&mux, argv[1]);
  slots.memory = aligned_alloc(LINE_BYTES, (size_t)mux.slot_bytes * BATCH_FRAME_COUNT);
  setvbuf(stdout, NULL, _IOLBF, 0);
  char *line = NULL;
  size_t capacity = 0;
  while (getline(&line, &capacity, stdin) > 0) {
    line[strcspn(line, "\n")] = '\0';
    char *arguments = line + strcspn(line, " ");
    if (*arguments != '\0') *arguments++ = '\0';
    if (strcmp(line, "workload") == 0) use_workload(arguments);
    else if (strcmp(line, "fill") == 0) fill(arguments);
    else if (strcmp(line, "frames") == 0) write_frames(arguments);
    else if (strcmp(line, "run") == 0) run(arguments);
    else if (strcmp(line, "ring") == 0) build_ring(arguments);
    else return 1;
  }
  free(line);
  return 0;
}
