/*
 * The yardstick of the host agent as a child of the harness: one command per line in, one line out (bench/contestant.ts
 * has the list).
 */
#include "host.h"
#include "traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 64
#define FRAME_BYTES_MAX 2048
/* From the start of a frame to the tenant's Ethernet header, in a tunnel and without. */
#define TUNNEL_BYTES 50

/* The packets of one direction: a frame, of which each packet has another client. */
struct traffic {
  uint8_t frame[FRAME_BYTES_MAX];
  uint32_t length;
  enum port port;
  /* Where the tenant's Ethernet header begins, and the client's address and port. */
  uint32_t ethernet;
  uint32_t client_address;
  uint32_t client_port;
  /* One's complement sum of the tenant's IPv4 header without client and checksum. */
  uint32_t header_sum;
};

static struct host host;
static uint8_t *memory;
static struct descriptor descriptors[BATCH_FRAME_COUNT];
static struct traffic tunneled;
static struct traffic answers;
/* What is measured: one of the two. */
static const struct traffic *measured;
static struct sequence sequence;
static uint32_t batch_number;
static uint32_t start_ms = START_MS;

static uint8_t *slot_at(uint32_t at) { return memory + (size_t)at * host.slot_bytes + host.headroom_bytes; }

/* Writes what another packet has changed: the client, and what the host agent has translated. */
static void generate(const struct traffic *traffic, int is_in_order) {
  const uint8_t *from = traffic->frame + traffic->ethernet;
  for (uint32_t at = 0; at < BATCH_FRAME_COUNT; at++) {
    uint8_t *frame = slot_at(at);
    uint8_t *ethernet = frame + traffic->ethernet;
    const uint32_t source = source_of(next_flow(&sequence, is_in_order));
    const uint32_t address = address_of(source);
    const uint16_t port = port_of(source);
    uint32_t sum = traffic->header_sum + (address & 0xffff) + (address >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    const uint16_t checksum = (uint16_t)~sum;
    memcpy(ethernet + 6, from + 6, 6);
    memcpy(ethernet + 24, &checksum, 2);
    memcpy(ethernet + 26, from + 26, 12);
    memcpy(ethernet + 50, from + 50, 2);
    memcpy(frame + traffic->client_address, &address, 4);
    memcpy(frame + traffic->client_port, &port, 2);
    descriptors[at].frame = frame;
    descriptors[at].length = traffic->length;
    descriptors[at].port = (uint8_t)traffic->port;
  }
}

static void process(void) { host_process(&host, descriptors, BATCH_FRAME_COUNT, start_ms + (batch_number++ >> 6)); }

static void put(const struct traffic *traffic) {
  for (uint32_t at = 0; at < BATCH_FRAME_COUNT; at++) memcpy(slot_at(at), traffic->frame, traffic->length);
}

static void set_traffic(struct traffic *traffic, const char *hex, enum port port) {
  *traffic = (struct traffic){.length = (uint32_t)strlen(hex) / 2, .port = port};
  for (uint32_t at = 0; at < traffic->length; at++) sscanf(hex + 2 * at, "%2hhx", &traffic->frame[at]);
  traffic->ethernet = port == PORT_UNDERLAY ? TUNNEL_BYTES : 0;
  traffic->client_address = traffic->ethernet + (port == PORT_UNDERLAY ? 26 : 30);
  traffic->client_port = traffic->ethernet + (port == PORT_UNDERLAY ? 34 : 36);
  for (uint32_t at = traffic->ethernet + 14; at < traffic->ethernet + 34; at += 2) {
    const int is_left_out = at == traffic->ethernet + 24 || at == traffic->client_address || at == traffic->client_address + 2;
    if (!is_left_out) traffic->header_sum += traffic->frame[at] | traffic->frame[at + 1] << 8;
  }
}

/* Starts over: no flow is known, nothing is counted. */
static void use_workload(char *arguments) {
  const uint32_t flow_count = (uint32_t)strtoul(strtok(arguments, " "), NULL, 10);
  sequence = (struct sequence){.flow_count = flow_count, .random = 0x9e3779b9u};
  batch_number = 0;
  start_ms = START_MS;
  host_reset(&host);
  set_traffic(&tunneled, strtok(NULL, " "), PORT_UNDERLAY);
  set_traffic(&answers, strtok(NULL, " "), PORT_VM);
  measured = strcmp(strtok(NULL, " "), "reply") == 0 ? &answers : &tunneled;
  put(measured);
  puts("ok");
}

/* Opens the connections: whatever is measured, a client begins. */
static void fill(const char *arguments) {
  start_ms += TICK_MS;
  put(&tunneled);
  for (unsigned long batches = strtoul(arguments, NULL, 10); batches > 0; batches--) {
    generate(&tunneled, 1);
    process();
  }
  put(measured);
  puts("ok");
}

/* Writes what comes out for each frame: verdict u8, reason u8, length u32, bytes. Answers with the counters. */
static void write_frames(char *arguments) {
  char *path;
  unsigned long batches = strtoul(arguments, &path, 10);
  FILE *file = fopen(path + strspn(path, " "), "wb");
  if (file == NULL) exit(1);
  for (; batches > 0; batches--) {
    generate(measured, 0);
    process();
    for (uint32_t at = 0; at < BATCH_FRAME_COUNT; at++) {
      const struct descriptor *descriptor = &descriptors[at];
      fwrite(&descriptor->verdict, 1, 1, file);
      fwrite(&descriptor->reason, 1, 1, file);
      fwrite(&descriptor->length, 4, 1, file);
      fwrite(descriptor->frame, 1, descriptor->length, file);
    }
  }
  fclose(file);
  printf("%lu %lu", (unsigned long)host.verdicts[VERDICT_DELIVER], (unsigned long)host.verdicts[VERDICT_REPLY]);
  for (int counter = 0; counter < NAT_COUNTER_COUNT; counter++) printf(" %lu", (unsigned long)host.counters[counter]);
  puts("");
}

/* Answers with the nanoseconds of generating and processing, and those of generating alone. */
static void run(const char *arguments) {
  const unsigned long batches = strtoul(arguments, NULL, 10);
  const uint64_t start = now_ns();
  for (unsigned long batch = 0; batch < batches; batch++) {
    generate(measured, 0);
    process();
  }
  const uint64_t middle = now_ns();
  for (unsigned long batch = 0; batch < batches; batch++) {
    generate(measured, 0);
    __asm__ volatile("" : : "r"(memory) : "memory");
  }
  const uint64_t end = now_ns();
  printf("%lu %lu\n", (unsigned long)(middle - start), (unsigned long)(end - middle));
}

int main(int argc, char **argv) {
  if (argc != 2) return 1;
  host_load(&host, argv[1]);
  memory = aligned_alloc(LINE_BYTES, (size_t)host.slot_bytes * BATCH_FRAME_COUNT);
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
    else return 1;
  }
  free(line);
  return 0;
}
