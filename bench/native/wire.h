/* What both yardsticks read and write packets with. Fields called `_net` hold the bytes of the wire as they are. */
#pragma once

#include <stdint.h>
#include <string.h>

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

enum { ETHERNET_BYTES = 14, VLAN_TAG_BYTES = 4, IPV4_BYTES_MIN = 20, TCP_BYTES_MIN = 20, UDP_BYTES = 8 };
enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_ACK = 0x10 };

/* As they lie in little-endian memory. */
enum { TYPE_IPV4_NET = 0x0008, TYPE_VLAN_NET = 0x0081, TYPE_SERVICE_VLAN_NET = 0xa888, FRAGMENT_NET = 0xff3f };

static inline uint16_t load16(const void *at) {
  uint16_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static inline uint32_t load32(const void *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static inline uint64_t load64(const void *at) {
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static inline void store16(void *at, uint16_t value) { memcpy(at, &value, sizeof value); }

static inline void store32(void *at, uint32_t value) { memcpy(at, &value, sizeof value); }

static inline uint64_t rotate(uint64_t word, int bits) { return (word << bits) | (word >> (64 - bits)); }

static inline uint32_t fold(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return (sum & 0xffff) + (sum >> 16);
}

/* Where the search for a key begins in a table of open addressing. */
static inline uint32_t slot_of(uint64_t key) { return (uint32_t)((key ^ key >> 32) * 0x9e3779b97f4a7c15ULL >> 32); }

/* SipHash-1-3 of two words, of which the second has the length in its last byte. */
static inline uint64_t sip_hash(const uint64_t key[2], uint64_t word0, uint64_t word1) {
  uint64_t v0 = key[0] ^ 0x736f6d6570736575ULL;
  uint64_t v1 = key[1] ^ 0x646f72616e646f6dULL;
  uint64_t v2 = key[0] ^ 0x6c7967656e657261ULL;
  uint64_t v3 = key[1] ^ 0x7465646279746573ULL;
#define SIP_ROUND()                                                                                                    \
  do {                                                                                                                 \
    v0 += v1, v1 = rotate(v1, 13) ^ v0, v0 = rotate(v0, 32);                                                           \
    v2 += v3, v3 = rotate(v3, 16) ^ v2;                                                                                \
    v0 += v3, v3 = rotate(v3, 21) ^ v0;                                                                                \
    v2 += v1, v1 = rotate(v1, 17) ^ v2, v2 = rotate(v2, 32);                                                           \
  } while (0)
  v3 ^= word0;
  SIP_ROUND();
  v0 ^= word0;
  v3 ^= word1;
  SIP_ROUND();
  v0 ^= word1;
  v2 ^= 0xff;
  SIP_ROUND();
  SIP_ROUND();
  SIP_ROUND();
#undef SIP_ROUND
  return v0 ^ v1 ^ v2 ^ v3;
}
