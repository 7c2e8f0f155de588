/*
 * The tables file: what the harness has programmed, as it lies in the memory of the edgemux MUX (bench/tables.ts).
 *
 *   header of 64 bytes | endpoints | services | backends | ring slots        each section on a cache line of its own
 */
#include "mux.h"
#include "tables_file.h"

#include <string.h>

struct header {
  uint32_t endpoint_count;
  uint32_t service_count;
  uint32_t backend_count;
  uint32_t ring_slot_count;
  uint32_t rings_base;
  uint32_t flow_bucket_count;
  uint32_t slot_bytes;
  uint32_t headroom_bytes;
  uint32_t frame_bytes_max;
  uint32_t vlan_tci_net;
  uint64_t hash_key[2];
  uint32_t trusted_max;
  uint32_t untrusted_max;
};

_Static_assert(sizeof(struct header) == LINE_BYTES, "header");

void mux_load(struct mux *mux, const char *path) {
  struct header header;
  FILE *file = tables_open(path, &header);
  *mux = (struct mux){
      .hash_key = {header.hash_key[0], header.hash_key[1]},
      .frame_bytes_max = header.frame_bytes_max,
      .vlan_tci_net = (uint16_t)header.vlan_tci_net,
      .slot_bytes = header.slot_bytes,
      .headroom_bytes = header.headroom_bytes,
      .endpoints_mask = header.endpoint_count - 1,
      .rings_base = header.rings_base,
      .flows_mask = header.flow_bucket_count - 1,
      .trusted_max = header.trusted_max,
      .untrusted_max = header.untrusted_max,
  };
  mux->endpoints = tables_read_section(file, header.endpoint_count * sizeof *mux->endpoints);
  mux->services = tables_read_section(file, header.service_count * sizeof *mux->services);
  mux->backends = tables_read_section(file, header.backend_count * sizeof *mux->backends);
  mux->rings = tables_read_section(file, header.ring_slot_count * sizeof *mux->rings);
  fclose(file);
  mux->flows = tables_make_flows(header.flow_bucket_count * sizeof *mux->flows);
}

void mux_reset(struct mux *mux) {
  memset(mux->flows, 0, (mux->flows_mask + 1ULL) * sizeof *mux->flows);
  memset(mux->verdicts, 0, sizeof mux->verdicts);
  memset(mux->reasons, 0, sizeof mux->reasons);
  memset(mux->counters, 0, sizeof mux->counters);
}
