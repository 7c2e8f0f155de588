/*
 * What the yardsticks of live packets have in common. Each is `NAME TABLES IF`: a MUX with the tables of that file
 * (bench/tables.ts) on that interface, which does what the edgemux port of its kind asks of the kernel, and runs the frames
 * through the MUX of ../../native/mux.c. It writes `ready` once packets are taken, and works until a signal ends it.
 */
#pragma once

#include "../../native/mux.h"

#include <stdbool.h>
#include <stdint.h>

/* Frames in a batch, as edgemux has them. */
#define BATCH_FRAMES 256

struct port {
  struct mux mux;
  const char *name;
  uint32_t interface;
};

/* Reads the arguments and the tables; ends the process when it cannot. */
void port_start(struct port *port, int argc, char **argv);

void port_ready(void);

/* A map whose keys are the VIPs of IPv4, as they stand in packets. */
int port_vips(const struct port *port);

uint32_t port_now_ms(void);

/* Sleeps until there is something to read. */
void port_wait(int descriptor);
