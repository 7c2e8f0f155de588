/*
 * The part of the tables files that both yardsticks read alike.
 */
#include "tables_file.h"

#include <stdlib.h>
#include <sys/mman.h>

static void fail(const char *what) {
  perror(what);
  exit(1);
}

FILE *tables_open(const char *path, void *header) {
  FILE *file = fopen(path, "rb");
  if (file == NULL || fread(header, LINE_BYTES, 1, file) != 1) fail(path);
  return file;
}

void *tables_read_section(FILE *file, size_t bytes) {
  const size_t padded = (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
  void *section = aligned_alloc(LINE_BYTES, padded);
  if (section == NULL || fread(section, 1, padded, file) != padded) fail("tables");
  return section;
}

void *tables_make_flows(size_t bytes) {
  void *flows = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (flows == MAP_FAILED) fail("flows");
  return flows;
}
