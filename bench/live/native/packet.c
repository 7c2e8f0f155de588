/*
 * AF_PACKET: recvmmsg and sendmmsg of whole batches, each frame with a struct virtio_net_hdr in front.
 */
#define _GNU_SOURCE
#include "bpf.h"
#include "messages.h"
#include "port.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <sys/socket.h>

/* What the headers of Debian 12 do not know yet. */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define TCX_DROP 2
#define TCX_NEXT (-1)

#define RECEIVE_BUFFER_BYTES (16 << 20)

enum { ETHERNET_TYPE_AT = 12, DESTINATION_AT = 30, IPV4_NET = 0x0008 };

static struct port port;

/* Answers `taken` for IPv4 to a VIP, `left` for anything else. */
static int select_vips(enum bpf_prog_type type, enum bpf_attach_type attach_type, int vips, int taken, int left) {
  insn program[] = {
      MOVE(R6, R1),
      SET(R2, ETHERNET_TYPE_AT),
      MOVE(R3, R10),
      ALU64_IMM(BPF_ADD, R3, -8),
      SET(R4, 2),
      CALL(BPF_FUNC_skb_load_bytes),
      JUMP_IMM(BPF_JNE, R0, 0, GIVE_UP),
      LOAD(BPF_H, R1, R10, -8),
      JUMP_IMM(BPF_JNE, R1, IPV4_NET, GIVE_UP),
      MOVE(R1, R6),
      SET(R2, DESTINATION_AT),
      MOVE(R3, R10),
      ALU64_IMM(BPF_ADD, R3, -4),
      SET(R4, 4),
      CALL(BPF_FUNC_skb_load_bytes),
      JUMP_IMM(BPF_JNE, R0, 0, GIVE_UP),
      MOVE(R2, R10),
      ALU64_IMM(BPF_ADD, R2, -4),
      LOAD_MAP(R1, vips),
      CALL(BPF_FUNC_map_lookup_elem),
      JUMP_IMM(BPF_JEQ, R0, 0, GIVE_UP),
      SET(R0, taken),
      EXIT(),
      SET(R0, left),
      EXIT(),
  };
  return bpf_program(type, attach_type, program, sizeof program / sizeof *program);
}

static void set_option(int packets, int level, int option, int value, const char *what) {
  if (setsockopt(packets, level, option, &value, sizeof value) != 0) fail(what);
}

static int open_socket(void) {
  const int packets = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
  if (packets < 0) fail("AF_PACKET");
  const int vips = port_vips(&port);
  const int filter = select_vips(BPF_PROG_TYPE_SOCKET_FILTER, 0, vips, 1 << 20, 0);
  set_option(packets, SOL_SOCKET, SO_ATTACH_BPF, filter, "filter");
  set_option(packets, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES, "buffer");
  set_option(packets, SOL_PACKET, PACKET_VNET_HDR, 1, "PACKET_VNET_HDR");
  set_option(packets, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING");
  const struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)port.interface};
  if (bind(packets, (const struct sockaddr *)&address, sizeof address) != 0) fail("bind");
  bpf_attach(select_vips(BPF_PROG_TYPE_SCHED_CLS, TCX_INGRESS, vips, TCX_DROP, TCX_NEXT), port.interface, TCX_INGRESS);
  return packets;
}

int main(int argc, char **argv) {
  static struct messages receive, transmit;
  static struct descriptor descriptors[BATCH_FRAMES];
  port_start(&port, argc, argv);
  const int packets = open_socket();
  const struct chunks chunks = chunks_make();
  messages_start(&receive, &chunks);
  messages_start(&transmit, &chunks);
  port_ready();
  for (;;) {
    const int count = recvmmsg(packets, receive.headers, BATCH_FRAMES, MSG_DONTWAIT, NULL);
    if (count <= 0) {
      port_wait(packets);
      continue;
    }
    const uint32_t frames = messages_received(&receive, (uint32_t)count, descriptors);
    mux_process(&port.mux, descriptors, frames, port_now_ms());
    const uint32_t wanted = messages_to_send(&transmit, descriptors, frames);
    for (uint32_t sent = 0; sent < wanted;) {
      const int more = sendmmsg(packets, transmit.headers + sent, wanted - sent, MSG_DONTWAIT);
      if (more <= 0) break;
      sent += (uint32_t)more;
    }
  }
}
