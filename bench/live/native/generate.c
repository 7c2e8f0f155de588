/*
 * The generator: frames of many connections out of interfaces, and the count of what comes back on them.
 *
 *   generate IF…      in the namespace of the interfaces; then a command per line on standard input, an answer per line
 *
 *   frame IF HEX FLOWS           what is sent on it, each time from one of FLOWS clients; answers ok
 *   run IF MS RATE WINDOW        sends for MS milliseconds, RATE frames per second at most (0: as fast as can be), of which
 *                                at most WINDOW are under way; answers: nanoseconds, sent, came back as tunnels, their bytes
 *
 * BPF_PROG_TEST_RUN runs a program of ours over frames that are real enough to be sent (Linux 5.18). The program itself
 * makes each frame and decides whether it may leave, so that one system call is thousands of frames. What comes back is
 * counted and dropped by an XDP program, which is what tells the window that there is room.
 */
#include "bpf.h"
#include "../../native/commands.h"
#include "../../native/traffic.h"

#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { HEADER_BYTES = 40, IP_AT = 14, IP_CHECKSUM_AT = 24, IP_SOURCE_AT = 26, UDP_PORT_AT = 36 };
enum { SOURCE_PORT_AT = 34, ETHERNET_TYPE_AT = 12, IP_PROTOCOL_AT = 23, FRAME_BYTES_MAX = 2048 };
enum { IPV4_NET = 0x0008, VXLAN_NET = 0xb512, UDP = 17 };

/* Frames of one system call, which ends sooner: by a signal. To begin and to end one takes milliseconds. */
#define REPEAT (1u << 30)
#define FRAMES_PER_BATCH 64
#define INTERFACE_COUNT_MAX 16
/* What is still under way when sending ends has come back by then, or is lost. */
#define LAST_US 20000
#define LOST_US 60000
#define AGAIN_US 5000
/* A rate is made up for by so much at most. */
#define LATE_NS_MAX 1000000

/* What the programs and this process share. */
struct shared {
  uint64_t sent;
  uint64_t returned;
  uint64_t returned_bytes;
  uint64_t window;
  uint64_t interval_ns;
  uint64_t next_ns;
  uint64_t flow_count;
  /* One's complement sum of the IPv4 header without source address and checksum. */
  uint64_t header_sum;
  uint8_t headers[HEADER_BYTES];
};

struct line {
  const char *name;
  uint32_t interface;
  volatile struct shared *shared;
  int generator;
  uint8_t frame[FRAME_BYTES_MAX];
  uint32_t frame_bytes;
};

static struct line lines[INTERFACE_COUNT_MAX];
static size_t line_count;
static volatile sig_atomic_t is_over;

#define FIELD(NAME) offsetof(struct shared, NAME)
#define COPY(AT) LOAD(BPF_DW, R1, R7, FIELD(headers) + (AT)), STORE(BPF_DW, R8, AT, R1)

/* Makes a frame of one of the connections and lets it leave, unless the window or the rate is used up. */
static int load_generator(int map) {
  insn program[] = {
      MOVE(R6, R1),
      LOAD_VALUE(R7, map),
      LOAD(BPF_DW, R1, R7, FIELD(sent)),
      LOAD(BPF_DW, R2, R7, FIELD(returned)),
      LOAD(BPF_DW, R3, R7, FIELD(window)),
      ALU64(BPF_SUB, R1, R2),
      JUMP(BPF_JSGE, R1, R3, GIVE_UP),

      LOAD(BPF_DW, R9, R7, FIELD(interval_ns)),
      JUMP_IMM(BPF_JEQ, R9, 0, 8),
      CALL(BPF_FUNC_ktime_get_ns),
      LOAD(BPF_DW, R1, R7, FIELD(next_ns)),
      JUMP(BPF_JLT, R0, R1, GIVE_UP),
      ALU64(BPF_ADD, R1, R9),
      ALU64_IMM(BPF_SUB, R0, LATE_NS_MAX),
      JUMP(BPF_JGE, R1, R0, 1),
      MOVE(R1, R0),
      STORE(BPF_DW, R7, FIELD(next_ns), R1),

      LOAD(BPF_W, R8, R6, offsetof(struct xdp_md, data)),
      LOAD(BPF_W, R9, R6, offsetof(struct xdp_md, data_end)),
      MOVE(R1, R8),
      ALU64_IMM(BPF_ADD, R1, HEADER_BYTES),
      JUMP(BPF_JGT, R1, R9, GIVE_UP),
      COPY(0),
      COPY(8),
      COPY(16),
      COPY(24),
      COPY(32),

      /* One of the connections at random: each has 32 bits of its own, of which 24 choose an address of 44.0.0.0/8 and
       * eight a port of 16384..16639. */
      CALL(BPF_FUNC_get_prandom_u32),
      LOAD(BPF_DW, R1, R7, FIELD(flow_count)),
      ALU64(BPF_MUL, R0, R1),
      ALU64_IMM(BPF_RSH, R0, 32),
      ALU32_IMM(BPF_MUL, R0, 0x9e3779b1),
      MOVE(R1, R0),
      ALU32_IMM(BPF_AND, R1, 0xff),
      ALU32_IMM(BPF_LSH, R1, 8),
      ALU32_IMM(BPF_OR, R1, 0x40),
      STORE(BPF_H, R8, SOURCE_PORT_AT, R1),
      ALU32_IMM(BPF_AND, R0, 0xffffff00),
      ALU32_IMM(BPF_OR, R0, 44),
      STORE(BPF_W, R8, IP_SOURCE_AT, R0),

      LOAD(BPF_DW, R1, R7, FIELD(header_sum)),
      MOVE(R2, R0),
      ALU32_IMM(BPF_AND, R2, 0xffff),
      ALU64(BPF_ADD, R1, R2),
      ALU32_IMM(BPF_RSH, R0, 16),
      ALU64(BPF_ADD, R1, R0),
      MOVE(R2, R1),
      ALU64_IMM(BPF_RSH, R2, 16),
      ALU64_IMM(BPF_AND, R1, 0xffff),
      ALU64(BPF_ADD, R1, R2),
      MOVE(R2, R1),
      ALU64_IMM(BPF_RSH, R2, 16),
      ALU64(BPF_ADD, R1, R2),
      ALU64_IMM(BPF_XOR, R1, 0xffff),
      STORE(BPF_H, R8, IP_CHECKSUM_AT, R1),

      LOAD(BPF_DW, R1, R7, FIELD(sent)),
      ALU64_IMM(BPF_ADD, R1, 1),
      STORE(BPF_DW, R7, FIELD(sent), R1),
      SET(R0, XDP_TX),
      EXIT(),
      SET(R0, XDP_DROP),
      EXIT(),
  };
  return bpf_program(BPF_PROG_TYPE_XDP, BPF_XDP, program, sizeof program / sizeof *program);
}

/* Counts tunnels and drops everything. */
static int load_sink(int map) {
  insn program[] = {
      LOAD(BPF_W, R8, R1, offsetof(struct xdp_md, data)),
      LOAD(BPF_W, R9, R1, offsetof(struct xdp_md, data_end)),
      MOVE(R1, R8),
      ALU64_IMM(BPF_ADD, R1, HEADER_BYTES),
      JUMP(BPF_JGT, R1, R9, GIVE_UP),
      LOAD(BPF_H, R1, R8, ETHERNET_TYPE_AT),
      JUMP_IMM(BPF_JNE, R1, IPV4_NET, GIVE_UP),
      LOAD(BPF_B, R1, R8, IP_PROTOCOL_AT),
      JUMP_IMM(BPF_JNE, R1, UDP, GIVE_UP),
      LOAD(BPF_H, R1, R8, UDP_PORT_AT),
      JUMP_IMM(BPF_JNE, R1, VXLAN_NET, GIVE_UP),
      LOAD_VALUE(R7, map),
      ALU64(BPF_SUB, R9, R8),
      LOAD(BPF_DW, R1, R7, FIELD(returned_bytes)),
      ALU64(BPF_ADD, R1, R9),
      STORE(BPF_DW, R7, FIELD(returned_bytes), R1),
      LOAD(BPF_DW, R1, R7, FIELD(returned)),
      ALU64_IMM(BPF_ADD, R1, 1),
      STORE(BPF_DW, R7, FIELD(returned), R1),
      SET(R0, XDP_DROP),
      EXIT(),
  };
  return bpf_program(BPF_PROG_TYPE_XDP, BPF_XDP, program, sizeof program / sizeof *program);
}

static void open_line(struct line *line, const char *name) {
  line->name = name;
  line->interface = if_nametoindex(name);
  if (line->interface == 0) fail(name);
  void *shared;
  const int map = bpf_shared(sizeof(struct shared), &shared);
  line->shared = shared;
  line->generator = load_generator(map);
  bpf_attach(load_sink(map), line->interface, BPF_XDP);
}

static struct line *line_called(const char *name) {
  for (size_t at = 0; at < line_count; at++) {
    if (strcmp(lines[at].name, name) == 0) return &lines[at];
  }
  fprintf(stderr, "no interface %s\n", name);
  exit(1);
}

static void set_frame(char *arguments) {
  struct line *line = line_called(strtok(arguments, " "));
  line->frame_bytes = read_frame(strtok(NULL, " "), line->frame);
  volatile struct shared *shared = line->shared;
  shared->flow_count = strtoull(strtok(NULL, " "), NULL, 10);
  shared->header_sum = header_sum_without(line->frame + IP_AT, 12);
  for (int at = 0; at < HEADER_BYTES; at++) shared->headers[at] = line->frame[at];
  puts("ok");
}

/* Sends until the alarm goes off. */
static void send_frames(const struct line *line) {
  struct xdp_md context = {.data_end = line->frame_bytes, .ingress_ifindex = line->interface};
  union bpf_attr attributes = bpf_nothing();
  attributes.test.prog_fd = (uint32_t)line->generator;
  attributes.test.data_in = (uintptr_t)line->frame;
  attributes.test.data_size_in = line->frame_bytes;
  attributes.test.ctx_in = (uintptr_t)&context;
  attributes.test.ctx_size_in = sizeof context;
  attributes.test.repeat = REPEAT;
  attributes.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  attributes.test.batch_size = FRAMES_PER_BATCH;
  while (!is_over) {
    if (bpf(BPF_PROG_TEST_RUN, &attributes) != 0 && errno != EINTR) fail("BPF_PROG_TEST_RUN");
  }
}

static void end_sending(int signal) {
  (void)signal;
  is_over = 1;
}

/* What has not come back for 60 milliseconds never will: the window opens again, by as much. */
static void *write_off(void *argument) {
  const struct line *line = argument;
  volatile struct shared *shared = line->shared;
  const uint64_t window = shared->window;
  uint64_t seen = 0;
  while (!is_over) {
    usleep(LOST_US);
    const uint64_t returned = shared->returned;
    const uint64_t missing = shared->sent - returned;
    if (returned == seen && missing >= shared->window) shared->window = missing + window;
    seen = returned;
  }
  return NULL;
}

static void run(char *arguments) {
  struct line *line = line_called(strtok(arguments, " "));
  const uint64_t us = strtoull(strtok(NULL, " "), NULL, 10) * 1000;
  const uint64_t rate = strtoull(strtok(NULL, " "), NULL, 10);
  volatile struct shared *shared = line->shared;
  shared->window = strtoull(strtok(NULL, " "), NULL, 10);
  shared->sent = shared->returned = shared->returned_bytes = 0;
  shared->interval_ns = rate == 0 ? 0 : 1000000000 / rate;
  is_over = 0;
  pthread_t thread;
  if (pthread_create(&thread, NULL, write_off, line) != 0) fail("thread");
  const uint64_t start = now_ns();
  shared->next_ns = start;
  /* Again and again, for the first may come before the call has begun. */
  const struct itimerval alarm = {.it_value = {us / 1000000, us % 1000000}, .it_interval = {.tv_usec = AGAIN_US}};
  setitimer(ITIMER_REAL, &alarm, NULL);
  send_frames(line);
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  const uint64_t end = now_ns();
  pthread_join(thread, NULL);
  usleep(LAST_US);
  printf("%llu %llu %llu %llu\n", (unsigned long long)(end - start), (unsigned long long)shared->sent,
         (unsigned long long)shared->returned, (unsigned long long)shared->returned_bytes);
}

int main(int argc, char **argv) {
  static const struct command commands[] = {{"frame", set_frame}, {"run", run}};
  if (argc < 2 || argc - 1 > INTERFACE_COUNT_MAX) return 1;
  sigaction(SIGALRM, &(struct sigaction){.sa_handler = end_sending}, NULL);
  for (int at = 1; at < argc; at++) open_line(&lines[line_count++], argv[at]);
  return serve_commands(commands, sizeof commands / sizeof *commands);
}
