/*
 * The yardstick of the host agent: its packets, and its commands (commands.h).
 */
#include "commands.h"
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
    const uint16_t checksum = checksum_with(traffic->header_sum, address);
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

static void generate_at_random(void) { generate(measured, 0); }

static void put(const struct traffic *traffic) {
  for (uint32_t at = 0; at < BATCH_FRAME_COUNT; at++) memcpy(slot_at(at), traffic->frame, traffic->length);
}

static void set_traffic(struct traffic *traffic, const char *hex, enum port port) {
  *traffic = (struct traffic){.port = port};
  traffic->length = read_frame(hex, traffic->frame);
  traffic->ethernet = port == PORT_UNDERLAY ? TUNNEL_BYTES : 0;
  traffic->client_address = traffic->ethernet + (port == PORT_UNDERLAY ? 26 : 30);
  traffic->client_port = traffic->ethernet + (port == PORT_UNDERLAY ? 34 : 36);
  const uint32_t ip = traffic->ethernet + 14;
  traffic->header_sum = header_sum_without(traffic->frame + ip, traffic->client_address - ip);
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
static void fill(char *arguments) {
  start_ms += TICK_MS;
  put(&tunneled);
  for (unsigned long batches = strtoul(arguments, NULL, 10); batches > 0; batches--) {
    generate(&tunneled, 1);
    process();
  }
  put(measured);
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
      const struct descriptor *out = &descriptors[at];
      write_outcome(file, out->verdict, out->reason, out->frame, out->length);
    }
  }
  fclose(file);
  printf("%lu %lu", (unsigned long)host.verdicts[VERDICT_DELIVER], (unsigned long)host.verdicts[VERDICT_REPLY]);
  for (int counter = 0; counter < NAT_COUNTER_COUNT; counter++) printf(" %lu", (unsigned long)host.counters[counter]);
  puts("");
}

static void run(char *arguments) { time_batches(arguments, generate_at_random, process, memory); }

int main(int argc, char **argv) {
  static const struct command commands[] = {
      {"workload", use_workload},
      {"fill", fill},
      {"frames", write_frames},
      {"run", run},
  };
  if (argc != 2) return 1;
  host_load(&host, argv[1]);
  memory = aligned_alloc(LINE_BYTES, (size_t)host.slot_bytes * BATCH_FRAME_COUNT);
  return serve_commands(commands, sizeof commands / sizeof *commands);
}
