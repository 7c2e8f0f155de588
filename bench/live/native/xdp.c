/*
 * AF_XDP: the four rings, in copy mode or as the driver can.
 *
 *   fill ──► kernel ──► receive ──► MUX ──► transmit ──► kernel ──► completion ──► free chunks ──► fill
 */
#include "bpf.h"
#include "port.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define RING_ENTRIES 2048
#define CHUNK_COUNT 8192
#define CHUNK_BYTES 4096
#define CHUNK_MASK (~(uint64_t)(CHUNK_BYTES - 1))

enum { ETHERNET_TYPE_AT = 12, DESTINATION_AT = 30, IPV4_BYTES = 34, IPV4_NET = 0x0008 };

struct ring {
  volatile uint32_t *producer;
  volatile uint32_t *consumer;
  volatile uint32_t *flags;
  void *entries;
};

static struct port port;
static int xsk;
static uint8_t *chunks;
static struct ring receive, transmit, fill, completion;
static uint64_t free_chunks[CHUNK_COUNT];
static uint32_t free_count;

static uint32_t load_acquire(const volatile uint32_t *at) { return __atomic_load_n(at, __ATOMIC_ACQUIRE); }

static void store_release(volatile uint32_t *at, uint32_t value) { __atomic_store_n(at, value, __ATOMIC_RELEASE); }

static void set_option(int option, const void *value, socklen_t bytes, const char *what) {
  if (setsockopt(xsk, SOL_XDP, option, value, bytes) != 0) fail(what);
}

static void map_ring(struct ring *ring, uint64_t page, const struct xdp_ring_offset *offset, size_t entry) {
  uint8_t *memory = mmap(NULL, offset->desc + RING_ENTRIES * entry, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                         xsk, (off_t)page);
  if (memory == MAP_FAILED) fail("ring");
  *ring = (struct ring){
      .producer = (void *)(memory + offset->producer),
      .consumer = (void *)(memory + offset->consumer),
      .flags = (void *)(memory + offset->flags),
      .entries = memory + offset->desc,
  };
}

static void open_rings(void) {
  static const int options[] = {XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING, XDP_TX_RING};
  const uint32_t count = RING_ENTRIES;
  for (int at = 0; at < 4; at++) set_option(options[at], &count, sizeof count, "ring size");
  struct xdp_mmap_offsets offsets;
  socklen_t bytes = sizeof offsets;
  if (getsockopt(xsk, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &bytes) != 0) fail("XDP_MMAP_OFFSETS");
  map_ring(&receive, XDP_PGOFF_RX_RING, &offsets.rx, sizeof(struct xdp_desc));
  map_ring(&transmit, XDP_PGOFF_TX_RING, &offsets.tx, sizeof(struct xdp_desc));
  map_ring(&fill, XDP_UMEM_PGOFF_FILL_RING, &offsets.fr, sizeof(uint64_t));
  map_ring(&completion, XDP_UMEM_PGOFF_COMPLETION_RING, &offsets.cr, sizeof(uint64_t));
}

static void open_socket(void) {
  xsk = socket(AF_XDP, SOCK_RAW, 0);
  if (xsk < 0) fail("AF_XDP");
  chunks = mmap(NULL, (size_t)CHUNK_COUNT * CHUNK_BYTES, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (chunks == MAP_FAILED) fail("chunks");
  const struct xdp_umem_reg memory = {
      .addr = (uintptr_t)chunks, .len = (uint64_t)CHUNK_COUNT * CHUNK_BYTES, .chunk_size = CHUNK_BYTES};
  set_option(XDP_UMEM_REG, &memory, sizeof memory, "XDP_UMEM_REG");
  open_rings();
  const struct sockaddr_xdp address = {
      .sxdp_family = AF_XDP, .sxdp_flags = XDP_USE_NEED_WAKEUP, .sxdp_ifindex = port.interface};
  if (bind(xsk, (const struct sockaddr *)&address, sizeof address) != 0) fail("bind");
}

/* Takes IPv4 to a VIP; anything else stays with the kernel. */
static void redirect_vips(void) {
  const int sockets = bpf_map(BPF_MAP_TYPE_XSKMAP, 4, 1);
  insn program[] = {
      MOVE(R6, R1),
      LOAD(BPF_W, R8, R6, offsetof(struct xdp_md, data)),
      LOAD(BPF_W, R9, R6, offsetof(struct xdp_md, data_end)),
      MOVE(R1, R8),
      ALU64_IMM(BPF_ADD, R1, IPV4_BYTES),
      JUMP(BPF_JGT, R1, R9, GIVE_UP),
      LOAD(BPF_H, R1, R8, ETHERNET_TYPE_AT),
      JUMP_IMM(BPF_JNE, R1, IPV4_NET, GIVE_UP),
      LOAD(BPF_W, R1, R8, DESTINATION_AT),
      STORE(BPF_W, R10, -4, R1),
      MOVE(R2, R10),
      ALU64_IMM(BPF_ADD, R2, -4),
      LOAD_MAP(R1, port_vips(&port)),
      CALL(BPF_FUNC_map_lookup_elem),
      JUMP_IMM(BPF_JEQ, R0, 0, GIVE_UP),
      LOAD(BPF_W, R2, R6, offsetof(struct xdp_md, rx_queue_index)),
      LOAD_MAP(R1, sockets),
      SET(R3, XDP_PASS),
      CALL(BPF_FUNC_redirect_map),
      EXIT(),
      SET(R0, XDP_PASS),
      EXIT(),
  };
  bpf_attach(bpf_program(BPF_PROG_TYPE_XDP, BPF_XDP, program, sizeof program / sizeof *program), port.interface, BPF_XDP);
  bpf_map_put(sockets, 0, &xsk);
}

static void put_back(uint64_t address) { free_chunks[free_count++] = address & CHUNK_MASK; }

static void take_completed(void) {
  const uint64_t *entries = completion.entries;
  const uint32_t end = load_acquire(completion.producer);
  uint32_t at = *completion.consumer;
  for (; at != end; at++) put_back(entries[at % RING_ENTRIES]);
  store_release(completion.consumer, at);
}

static void give_to_fill(void) {
  uint64_t *entries = fill.entries;
  uint32_t at = *fill.producer;
  const uint32_t end = load_acquire(fill.consumer) + RING_ENTRIES;
  while (at != end && free_count > 0) entries[at++ % RING_ENTRIES] = free_chunks[--free_count];
  store_release(fill.producer, at);
}

static uint32_t take_received(struct descriptor *descriptors) {
  const struct xdp_desc *entries = receive.entries;
  const uint32_t at = *receive.consumer;
  uint32_t count = load_acquire(receive.producer) - at;
  if (count > BATCH_FRAMES) count = BATCH_FRAMES;
  for (uint32_t frame = 0; frame < count; frame++) {
    const struct xdp_desc *entry = &entries[(at + frame) % RING_ENTRIES];
    descriptors[frame].frame = chunks + entry->addr;
    descriptors[frame].length = entry->len;
  }
  store_release(receive.consumer, at + count);
  return count;
}

static void put_to_transmit(const struct descriptor *descriptors, uint32_t count) {
  struct xdp_desc *entries = transmit.entries;
  uint32_t at = *transmit.producer;
  const uint32_t end = load_acquire(transmit.consumer) + RING_ENTRIES;
  for (uint32_t frame = 0; frame < count; frame++) {
    const struct descriptor *out = &descriptors[frame];
    const uint64_t address = (uint64_t)(out->frame - chunks);
    if (out->verdict == VERDICT_FORWARD && at != end)
      entries[at++ % RING_ENTRIES] = (struct xdp_desc){.addr = address, .len = out->length};
    else put_back(address);
  }
  store_release(transmit.producer, at);
}

/* A call sends so many frames that it is asked again until all are gone. */
static void send_all(void) {
  while (load_acquire(transmit.consumer) != *transmit.producer && (*transmit.flags & XDP_RING_NEED_WAKEUP)) {
    if (sendto(xsk, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN && errno != EBUSY) break;
  }
}

int main(int argc, char **argv) {
  static struct descriptor descriptors[BATCH_FRAMES];
  port_start(&port, argc, argv);
  open_socket();
  for (uint32_t chunk = 0; chunk < CHUNK_COUNT; chunk++) put_back((uint64_t)chunk * CHUNK_BYTES);
  give_to_fill();
  redirect_vips();
  port_ready();
  for (;;) {
    const uint32_t count = take_received(descriptors);
    if (count == 0) port_wait(xsk);
    mux_process(&port.mux, descriptors, count, port_now_ms());
    put_to_transmit(descriptors, count);
    send_all();
    take_completed();
    give_to_fill();
  }
}
