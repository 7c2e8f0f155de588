/*
 * The host tables file: what the harness has programmed, as it lies in the memory of the host agent (bench/host-tables.ts).
 *
 *   header of 64 bytes | NICs | translations        each section on a cache line of its own
 */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LINE_BYTES 64

struct header {
  uint32_t nic_count;
  uint32_t translation_count;
  uint32_t flow_bucket_count;
  uint32_t slot_bytes;
  uint32_t headroom_bytes;
  uint32_t frame_bytes_max;
  uint32_t provider_address_net;
  uint32_t gateway_is_known;
  uint64_t hash_key[2];
  uint64_t local_mac;
  uint64_t gateway_mac;
};

_Static_assert(sizeof(struct header) == LINE_BYTES, "header");

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void *read_section(FILE *file, size_t bytes) {
  const size_t padded = (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
  void *section = aligned_alloc(LINE_BYTES, padded);
  if (section == NULL || fread(section, 1, padded, file) != padded) fail("tables");
  return section;
}

void host_load(struct host *host, const char *path) {
  FILE *file = fopen(path, "rb");
  struct header header;
  if (file == NULL || fread(&header, sizeof header, 1, file) != 1) fail(path);
  *host = (struct host){
      .hash_key = {header.hash_key[0], header.hash_key[1]},
      .frame_bytes_max = header.frame_bytes_max,
      .slot_bytes = header.slot_bytes,
      .headroom_bytes = header.headroom_bytes,
      .provider_address_net = header.provider_address_net,
      .local_mac = header.local_mac,
      .gateway_mac = header.gateway_mac,
      .gateway_is_known = (uint16_t)header.gateway_is_known,
      .nics_mask = header.nic_count - 1,
      .translations_mask = header.translation_count - 1,
      .flows_mask = header.flow_bucket_count - 1,
  };
  host->nics = read_section(file, header.nic_count * sizeof *host->nics);
  host->translations = read_section(file, header.translation_count * sizeof *host->translations);
  fclose(file);
  const size_t flows_bytes = header.flow_bucket_count * sizeof *host->flows;
  host->flows = mmap(NULL, flows_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (host->flows == MAP_FAILED) fail("flows");
}

void host_reset(struct host *host) {
  memset(host->flows, 0, (host->flows_mask + 1ULL) * sizeof *host->flows);
  memset(host->verdicts, 0, sizeof host->verdicts);
  memset(host->reasons, 0, sizeof host->reasons);
  memset(host->counters, 0, sizeof host->counters);
}
