/*
 * TUN: one read per packet, one write per packet, each with a struct virtio_net_hdr in front.
 *
 * Packets come without Ethernet; they get a header of it in front, which the MUX looks at and replaces.
 */
#define _GNU_SOURCE
#include "bpf.h"
#include "messages.h"
#include "port.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { ETHERNET_BYTES = 14, ETHERNET_TYPE_AT = 12 };

/* What the headers of Debian 12 do not know yet. */
#define USO4 0x20
#define USO6 0x40

static int open_device(const char *name) {
  const int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0) fail("/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (ioctl(device, TUNSETIFF, &request) != 0) fail("TUNSETIFF");
  if (ioctl(device, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | USO4 | USO6) != 0) fail("TUNSETOFFLOAD");
  return device;
}

/* Reads what there is, as far as a batch goes. */
static uint32_t read_batch(int device, const struct chunks *chunks, struct descriptor *descriptors) {
  uint32_t frames = 0;
  while (frames < BATCH_FRAMES) {
    uint8_t *virtio = chunks_at(chunks, frames);
    const ssize_t bytes = read(device, virtio, chunk_room_bytes);
    if (bytes < VIRTIO_HEADER_BYTES) break;
    if (virtio[0] != 0 || virtio[1] != 0) continue;
    /* The end of the Ethernet header lies where the virtio header was. */
    uint8_t *frame = virtio + VIRTIO_HEADER_BYTES - ETHERNET_BYTES;
    memset(frame, 0, ETHERNET_TYPE_AT);
    memcpy(frame + ETHERNET_TYPE_AT, "\x08\x00", 2);
    descriptors[frames].frame = frame;
    descriptors[frames++].length = (uint32_t)bytes - VIRTIO_HEADER_BYTES + ETHERNET_BYTES;
  }
  return frames;
}

static void write_batch(int device, const struct descriptor *descriptors, uint32_t count) {
  for (uint32_t at = 0; at < count; at++) {
    if (descriptors[at].verdict != VERDICT_FORWARD) continue;
    uint8_t *virtio = descriptors[at].frame + ETHERNET_BYTES - VIRTIO_HEADER_BYTES;
    memset(virtio, 0, VIRTIO_HEADER_BYTES);
    if (write(device, virtio, descriptors[at].length - ETHERNET_BYTES + VIRTIO_HEADER_BYTES) < 0) continue;
  }
}

int main(int argc, char **argv) {
  static struct port port;
  static struct descriptor descriptors[BATCH_FRAMES];
  if (argc != 3) return 2;
  const int device = open_device(argv[2]);
  port_start(&port, argc, argv);
  const struct chunks chunks = chunks_make();
  port_ready();
  for (;;) {
    const uint32_t count = read_batch(device, &chunks, descriptors);
    if (count == 0) port_wait(device);
    mux_process(&port.mux, descriptors, count, port_now_ms());
    write_batch(device, descriptors, count);
  }
}
