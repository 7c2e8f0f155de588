/*
 * The host tables file: what the harness has programmed, as it lies in the memory of the host agent (bench/host-tables.ts).
 *
 *   header of 64 bytes | NICs | translations        each section on a cache line of its own
 */
#include "host.h"
#include "tables_file.h"

#include <string.h>

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

void host_load(struct host *host, const char *path) {
  struct header header;
  FILE *file = tables_open(path, &header);
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
  host->nics = tables_read_section(file, header.nic_count * sizeof *host->nics);
  host->translations = tables_read_section(file, header.translation_count * sizeof *host->translations);
  fclose(file);
  host->flows = tables_make_flows(header.flow_bucket_count * sizeof *host->flows);
}

void host_reset(struct host *host) {
  memset(host->flows, 0, (host->flows_mask + 1ULL) * sizeof *host->flows);
  memset(host->verdicts, 0, sizeof host->verdicts);
  memset(host->reasons, 0, sizeof host->reasons);
  memset(host->counters, 0, sizeof host->counters);
}
