/*
 * Frames that are read and written one by one or by recvmmsg and sendmmsg: chunks they lie in, with room in front.
 *
 *   | headroom | virtio header 10 | frame … 65,550 |        one chunk
 */
#pragma once

#include "port.h"

#include <sys/socket.h>
#include <sys/uio.h>

#define VIRTIO_HEADER_BYTES 10

struct chunks {
  uint8_t *memory;
};

struct messages {
  struct mmsghdr headers[BATCH_FRAMES];
  struct iovec vectors[BATCH_FRAMES];
};

struct chunks chunks_make(void);

/* Where the virtio header of chunk `at` begins, and the frame behind it; and how much there is room for from there. */
uint8_t *chunks_at(const struct chunks *chunks, uint32_t at);
extern const uint32_t chunk_room_bytes;

/* Makes every message point to its chunk. */
void messages_start(struct messages *messages, const struct chunks *chunks);

/* Writes the descriptors of received messages, of those whose virtio header leaves nothing to be done; returns how many. */
uint32_t messages_received(const struct messages *messages, uint32_t count, struct descriptor *descriptors);

/* Writes a message with an empty virtio header for every frame that is to be forwarded; returns how many. */
uint32_t messages_to_send(struct messages *messages, const struct descriptor *descriptors, uint32_t count);
