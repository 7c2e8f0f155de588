/*
 * How a tables file is read, whatever is in it; what goes wrong ends the process.
 *
 *   header of LINE_BYTES | section | section | …        each on a cache line of its own
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

#define LINE_BYTES 64

/* Opens the file and fills `header`, which has LINE_BYTES. */
FILE *tables_open(const char *path, void *header);

/* The next section, in memory of its own that begins on a cache line. */
void *tables_read_section(FILE *file, size_t bytes);

/* Room for the flows, of which the file holds none: zeros. */
void *tables_make_flows(size_t bytes);
