#define _GNU_SOURCE
#include "messages.h"
#include "bpf.h"

#include <string.h>
#include <sys/mman.h>

/* Room for what a MUX puts in front, and then for the largest frame a link without segmentation hands over. An odd number
 * of cache lines, so that frames do not share cache sets. */
#define HEADROOM_BYTES 256
#define CHUNK_BYTES 69824

const uint32_t chunk_room_bytes = CHUNK_BYTES - HEADROOM_BYTES;

struct chunks chunks_make(void) {
  uint8_t *memory = mmap(NULL, (size_t)BATCH_FRAMES * CHUNK_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("chunks");
  return (struct chunks){memory};
}

uint8_t *chunks_at(const struct chunks *chunks, uint32_t at) {
  return chunks->memory + (size_t)at * CHUNK_BYTES + HEADROOM_BYTES;
}

void messages_start(struct messages *messages, const struct chunks *chunks) {
  for (uint32_t at = 0; at < BATCH_FRAMES; at++) {
    messages->vectors[at] = (struct iovec){.iov_base = chunks_at(chunks, at), .iov_len = chunk_room_bytes};
    messages->headers[at].msg_hdr = (struct msghdr){.msg_iov = &messages->vectors[at], .msg_iovlen = 1};
  }
}

uint32_t messages_received(const struct messages *messages, uint32_t count, struct descriptor *descriptors) {
  uint32_t frames = 0;
  for (uint32_t at = 0; at < count; at++) {
    const uint8_t *virtio = messages->vectors[at].iov_base;
    const uint32_t length = messages->headers[at].msg_len;
    const bool is_whole = length >= VIRTIO_HEADER_BYTES && virtio[0] == 0 && virtio[1] == 0;
    if (!is_whole) continue;
    descriptors[frames].frame = (uint8_t *)virtio + VIRTIO_HEADER_BYTES;
    descriptors[frames++].length = length - VIRTIO_HEADER_BYTES;
  }
  return frames;
}

uint32_t messages_to_send(struct messages *messages, const struct descriptor *descriptors, uint32_t count) {
  uint32_t wanted = 0;
  for (uint32_t at = 0; at < count; at++) {
    const struct descriptor *out = &descriptors[at];
    if (out->verdict != VERDICT_FORWARD) continue;
    uint8_t *virtio = out->frame - VIRTIO_HEADER_BYTES;
    memset(virtio, 0, VIRTIO_HEADER_BYTES);
    messages->vectors[wanted].iov_base = virtio;
    messages->vectors[wanted++].iov_len = out->length + VIRTIO_HEADER_BYTES;
  }
  return wanted;
}
