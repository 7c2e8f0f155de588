#include "port.h"
#include "bpf.h"

#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define VIP_COUNT_MAX 4096
/* The protocol of an endpoint that says: this address is a VIP. */
#define PROTOCOL_VIP 255
#define WAIT_MS 100

void port_start(struct port *port, int argc, char **argv) {
  if (argc != 3) exit(2);
  mux_load(&port->mux, argv[1]);
  port->name = argv[2];
  port->interface = if_nametoindex(port->name);
  if (port->interface == 0) fail(port->name);
}

static void *sleep_forever(void *nothing) {
  for (;;) pause();
  return nothing;
}

/* A MUX has a thread aside, which speaks to routers, and from the second thread on a system call costs more. */
static void add_thread(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, sleep_forever, NULL) != 0) fail("thread");
}

void port_ready(void) {
  add_thread();
  puts("ready");
  fflush(stdout);
}

/* Whether an endpoint is a VIP of IPv4: the last byte of its key is the family. */
static bool is_vip(const struct endpoint *endpoint) {
  return endpoint->key >> 56 == 4 && (endpoint->key >> 48 & 0xff) == PROTOCOL_VIP;
}

int port_vips(const struct port *port) {
  const int map = bpf_map(BPF_MAP_TYPE_HASH, 4, VIP_COUNT_MAX);
  for (uint32_t at = 0; at <= port->mux.endpoints_mask; at++) {
    const uint32_t one = 1;
    if (is_vip(&port->mux.endpoints[at])) bpf_map_put(map, (uint32_t)port->mux.endpoints[at].key, &one);
  }
  return map;
}

uint32_t port_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

void port_wait(int descriptor) {
  struct pollfd wanted = {.fd = descriptor, .events = POLLIN};
  poll(&wanted, 1, WAIT_MS);
}
