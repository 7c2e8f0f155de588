/*
 * Whether the headers of a packet are true, which both yardsticks ask before they read on. The answer is a reason to
 * drop it, or none.
 *
 *          0              1     2              4    6          8     9          10         12       16            20
 *   IPv4   | version, IHL | TOS | total length | id | fragment | TTL | protocol | checksum | source | destination |
 *
 *          0             2                  4        6          8
 *   UDP    | source port | destination port | length | checksum |
 *
 *          0             2                  4          8     12       13      14       16         18       20
 *   TCP    | source port | destination port | sequence | ack | offset | flags | window | checksum | urgent |
 */
#pragma once

#include "outcome.h"
#include "wire.h"

#include <stdbool.h>

/* `available` covers at least IPV4_BYTES_MIN; the version is the caller's to look at. What is to be forwarded must
 * besides have time to live and a source that can be, and be no fragment, which has no ports to choose by. That is no
 * function around this one, so that clang makes the same code of it as of a MUX that shares nothing. */
static inline uint32_t check_ipv4(const uint8_t *ip, uint32_t available, bool is_forwarded) {
  const uint32_t header_bytes = (ip[0] & 15u) << 2;
  if (unlikely(header_bytes < IPV4_BYTES_MIN)) return REASON_IPV4_HEADER_LENGTH;
  if (unlikely(header_bytes > available)) return REASON_IPV4_TRUNCATED;
  const uint32_t total_length = __builtin_bswap16(load16(ip + 2));
  if (unlikely(total_length < header_bytes)) return REASON_IPV4_TOTAL_LENGTH;
  if (unlikely(total_length > available)) return REASON_IPV4_TRUNCATED;
  uint64_t sum = (uint64_t)load32(ip) + load32(ip + 4) + load32(ip + 8) + load32(ip + 12) + load32(ip + 16);
  for (uint32_t at = IPV4_BYTES_MIN; at < header_bytes; at += 4) sum += load32(ip + at);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  if (unlikely(fold((uint32_t)sum) != 0xffff)) return REASON_IPV4_CHECKSUM;
  if (!is_forwarded) return REASON_NONE;
  if (unlikely(ip[8] == 0)) return REASON_TTL;
  if (unlikely(ip[12] == 0 || ip[12] == 127 || ip[12] >= 224)) return REASON_SOURCE;
  if (unlikely(load32(ip + 12) == load32(ip + 16))) return REASON_SOURCE;
  if (unlikely(load16(ip + 6) & FRAGMENT_NET)) return REASON_FRAGMENT;
  return REASON_NONE;
}

static inline uint32_t check_tcp(const uint8_t *tcp, uint32_t bytes) {
  if (unlikely(bytes < TCP_BYTES_MIN)) return REASON_TCP_TRUNCATED;
  const uint32_t header_bytes = (uint32_t)(tcp[12] >> 4) << 2;
  return unlikely(header_bytes < TCP_BYTES_MIN || header_bytes > bytes) ? REASON_TCP_HEADER_LENGTH : REASON_NONE;
}

static inline uint32_t check_udp(const uint8_t *udp, uint32_t bytes) {
  if (unlikely(bytes < UDP_BYTES)) return REASON_UDP_TRUNCATED;
  const uint32_t length = __builtin_bswap16(load16(udp + 4));
  return unlikely(length < UDP_BYTES || length > bytes) ? REASON_UDP_LENGTH : REASON_NONE;
}
