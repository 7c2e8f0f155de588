/*
 * A yardstick as a child of the harness: one command per line in, one line out (bench/contestant.ts has the list).
 *
 *   0         1        2        6
 *   | verdict | reason | length | frame |        one record of what `frames` writes
 */
#pragma once

#include "traffic.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct command {
  const char *name;
  /* Gets what follows the name, and may write into it. */
  void (*run)(char *arguments);
};

/* Obeys until the input ends; what `main` then returns: 1 after a line that is no command. */
int serve_commands(const struct command *commands, size_t count);

/* Reads hexadecimal digits into `frame`, which has room for them; returns the bytes. */
uint32_t read_frame(const char *hex, uint8_t *frame);

/* Takes `<batches> <path>` apart and opens that file; ends the process when it cannot. */
FILE *open_frames(char *arguments, unsigned long *batches);

/* Appends a record. */
void write_outcome(FILE *file, uint8_t verdict, uint8_t reason, const uint8_t *frame, uint32_t length);

/* Answers with the nanoseconds of generating and processing, and those of generating alone, which writes to `memory`.
 * It stands here so that the compiler sees which functions these are: what is timed has no calls through a pointer. */
static inline void time_batches(const char *arguments, void (*generate)(void), void (*process)(void),
                                const uint8_t *memory) {
  const unsigned long batches = strtoul(arguments, NULL, 10);
  const uint64_t start = now_ns();
  for (unsigned long batch = 0; batch < batches; batch++) {
    generate();
    process();
  }
  const uint64_t middle = now_ns();
  for (unsigned long batch = 0; batch < batches; batch++) {
    generate();
    __asm__ volatile("" : : "r"(memory) : "memory");
  }
  const uint64_t end = now_ns();
  printf("%lu %lu\n", (unsigned long)(middle - start), (unsigned long)(end - middle));
}
