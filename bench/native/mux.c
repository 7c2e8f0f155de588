/*
 * The data plane of the yardstick: parse and prefetch 64 frames, then look up and encapsulate them.
 */
#include "mux.h"
#include "checks.h"
#include "wire.h"

#include <stdbool.h>

#define STAGE_FRAME_COUNT 64

enum { HEADERS_BYTES = 64, OUTER_BYTES = 50 };
enum { PROTOCOL_VIP = 255 };
enum { DISTRIBUTION_SOURCE_IP = 1, DISTRIBUTION_SOURCE_IP_PROTOCOL = 2 };

enum { FLOW_TCP = 1, FLOW_UDP = 2 };
enum { FLOW_HALF_OPEN, FLOW_SEEN_ONCE, FLOW_SEEN_TWICE, FLOW_TRUSTED, FLOW_CLOSING, FLOW_RESET };

#define FLOW_CLASS_SHIFT 40
#define FLOW_STATE_SHIFT 42
#define FLOW_TICKS_SHIFT 45
#define FLOW_TICKS_MASK 0x7ffff
#define FLOW_IDENTITY (0xffffULL | 3ULL << FLOW_CLASS_SHIFT)
/* Longest idle time of any flow, and the ticks in which the sweep has seen every bucket. */
#define FLOW_IDLE_TICKS_MAX 0xffff
#define FLOW_SWEEP_TICKS 64

/* What the first stage tells the second. */
struct parsed {
  uint8_t *ip;
  struct flow_bucket *bucket;
  uint64_t hash;
  uint64_t key;
  uint64_t addresses;
  uint32_t ip_length;
  uint32_t service;
  uint32_t vlan_tag;
  uint8_t verdict;
  uint8_t reason;
  uint8_t protocol;
  uint8_t tcp_flags;
};

/* `word1` of the 13 bytes ends with the length. */
static inline uint64_t flow_hash(const struct mux *mux, uint64_t addresses, uint32_t ports, uint32_t protocol) {
  return sip_hash(mux->hash_key, addresses, ports | (uint64_t)protocol << 32 | 13ULL << 56);
}

static inline const struct endpoint *find_endpoint(const struct mux *mux, uint32_t address, uint32_t protocol,
                                                   uint32_t port_net) {
  const uint64_t key = address | (uint64_t)port_net << 32 | (uint64_t)protocol << 48 | 4ULL << 56;
  for (uint32_t slot = slot_of(key);; slot++) {
    const struct endpoint *endpoint = &mux->endpoints[slot & mux->endpoints_mask];
    if (endpoint->key == key) return endpoint;
    if (endpoint->key == 0) return NULL;
  }
}

static inline uint32_t find_service(const struct mux *mux, uint32_t address, uint32_t protocol, uint32_t port_net) {
  const struct endpoint *endpoint = find_endpoint(mux, address, protocol, port_net);
  if (unlikely(endpoint == NULL)) endpoint = find_endpoint(mux, address, protocol, 0);
  if (unlikely(endpoint == NULL)) endpoint = find_endpoint(mux, address, 0, 0);
  return endpoint == NULL ? NO_INDEX : endpoint->service;
}

static bool is_vip(const struct mux *mux, uint32_t address) {
  return find_endpoint(mux, address, PROTOCOL_VIP, 0) != NULL;
}

/* First stage. */

static inline uint32_t check_segment(uint32_t protocol, const uint8_t *l4, uint32_t bytes) {
  if (protocol == PROTOCOL_TCP) return check_tcp(l4, bytes);
  if (protocol == PROTOCOL_UDP) return check_udp(l4, bytes);
  return REASON_PROTOCOL;
}

static inline void drop(struct parsed *parsed, uint32_t reason) {
  parsed->verdict = VERDICT_DROP;
  parsed->reason = (uint8_t)reason;
}

/* A frame that is not for a VIP passes however malformed it is; only what claims to be ours is dropped. */
static inline void parse(const struct mux *mux, const struct descriptor *descriptor, struct parsed *parsed) {
  parsed->service = NO_INDEX;
  parsed->verdict = VERDICT_PASS;
  parsed->reason = REASON_NONE;
  parsed->vlan_tag = 0;
  parsed->tcp_flags = 0;

  uint8_t *frame = descriptor->frame;
  const uint32_t length = descriptor->length;
  if (unlikely(length > mux->frame_bytes_max)) return drop(parsed, REASON_OVERSIZE);
  if (unlikely(length < ETHERNET_BYTES)) return drop(parsed, REASON_ETHERNET_TRUNCATED);
  uint32_t header_bytes = ETHERNET_BYTES;
  uint32_t type = load16(frame + 12);
  if (unlikely(type == TYPE_VLAN_NET || type == TYPE_SERVICE_VLAN_NET)) {
    header_bytes += VLAN_TAG_BYTES;
    if (length < header_bytes) return drop(parsed, REASON_ETHERNET_TRUNCATED);
    parsed->vlan_tag = load32(frame + 12);
    type = load16(frame + 16);
  }
  if (unlikely(type != TYPE_IPV4_NET)) return;

  uint8_t *ip = frame + header_bytes;
  const uint32_t available = length - header_bytes;
  if (unlikely(available < IPV4_BYTES_MIN)) return drop(parsed, REASON_IPV4_TRUNCATED);
  if (unlikely(ip[0] >> 4 != 4)) return drop(parsed, REASON_IPV4_VERSION);
  const uint32_t destination = load32(ip + 16);
  const uint32_t ip_header_bytes = (ip[0] & 15u) << 2;
  const uint32_t ip_length = __builtin_bswap16(load16(ip + 2));
  const uint32_t protocol = ip[9];
  const uint8_t *l4 = ip + ip_header_bytes;
  uint32_t reason = check_ipv4(ip, available, true);
  if (likely(reason == REASON_NONE)) reason = check_segment(protocol, l4, ip_length - ip_header_bytes);
  if (unlikely(reason != REASON_NONE)) {
    if (is_vip(mux, destination)) drop(parsed, reason);
    return;
  }

  const uint32_t ports = load32(l4);
  const uint32_t service = find_service(mux, destination, protocol, ports >> 16);
  if (unlikely(service == NO_INDEX)) {
    if (is_vip(mux, destination)) drop(parsed, REASON_NO_RULE);
    return;
  }
  const uint64_t addresses = load64(ip + 12);
  parsed->hash = flow_hash(mux, addresses, ports, protocol);
  parsed->bucket = &mux->flows[(uint32_t)parsed->hash & mux->flows_mask];
  __builtin_prefetch(parsed->bucket, 1);
  parsed->ip = ip;
  parsed->ip_length = ip_length;
  parsed->addresses = addresses;
  parsed->key = (uint32_t)addresses | (uint64_t)ports << 32;
  parsed->service = service;
  parsed->protocol = (uint8_t)protocol;
  if (protocol == PROTOCOL_TCP) parsed->tcp_flags = l4[13];
  parsed->verdict = VERDICT_FORWARD;
}

/* The flow table. */

static inline uint32_t state_of(uint64_t value) { return value >> FLOW_STATE_SHIFT & 7; }

/* Negative when the clock was set back. */
static inline int32_t age_of(uint64_t value, uint32_t now) {
  return (int32_t)((now - (uint32_t)(value >> FLOW_TICKS_SHIFT)) << 13) >> 13;
}

static inline int32_t idle_limit(const struct mux *mux, uint64_t value) {
  static const uint32_t by_state[8] = {30, FLOW_IDLE_TICKS_MAX, FLOW_IDLE_TICKS_MAX, FLOW_IDLE_TICKS_MAX, 60, 4};
  const uint32_t rule = mux->services[value & 0xffff].idle_ticks;
  const uint32_t state = by_state[state_of(value)];
  return (int32_t)(rule < state ? rule : state);
}

static inline bool flow_is_live(const struct mux *mux, uint64_t value, uint32_t now) {
  const struct backend *backend = &mux->backends[value >> 16 & 0xffff];
  return backend->state != 0 && backend->generation == (value >> 32 & 0xff) && age_of(value, now) <= idle_limit(mux, value);
}

static inline uint64_t *find_flow(struct flow_bucket *bucket, uint64_t key, uint64_t identity) {
  uint32_t ways = 0;
  for (int way = 0; way < 4; way++) ways |= (uint32_t)(bucket->key[way] == key) << way;
  for (; ways != 0; ways &= ways - 1) {
    uint64_t *value = &bucket->value[__builtin_ctz(ways)];
    if (likely((*value & FLOW_IDENTITY) == identity)) return value;
  }
  return NULL;
}

static inline uint64_t flow_value(const struct mux *mux, uint64_t identity, uint32_t backend, uint32_t state,
                                  uint32_t now) {
  const uint64_t generation = mux->backends[backend].generation;
  return identity | (uint64_t)backend << 16 | generation << 32 | (uint64_t)state << FLOW_STATE_SHIFT |
         (uint64_t)now << FLOW_TICKS_SHIFT;
}

static inline uint64_t in_state(uint64_t value, uint32_t state, uint32_t now) {
  const uint64_t who = value & ((1ULL << FLOW_STATE_SHIFT) - 1);
  return who | (uint64_t)state << FLOW_STATE_SHIFT | (uint64_t)now << FLOW_TICKS_SHIFT;
}

/* Every change of the table goes through here: the gauges are exact. */
static inline void write_flow(struct mux *mux, uint64_t *flow, uint64_t after) {
  const uint64_t before = *flow;
  *flow = after;
  const int known = (after != 0) - (before != 0);
  const int trusted = (state_of(after) == FLOW_TRUSTED) - (state_of(before) == FLOW_TRUSTED);
  if ((known | trusted) == 0) return;
  mux->counters[COUNTER_FLOW_TRUSTED] += (uint64_t)(int64_t)trusted;
  mux->counters[COUNTER_FLOW_UNTRUSTED] += (uint64_t)(int64_t)(known - trusted);
}

static uint32_t next_state(struct mux *mux, uint64_t value, uint32_t now) {
  const uint32_t state = state_of(value);
  if (state == FLOW_HALF_OPEN || state == FLOW_RESET) return FLOW_SEEN_ONCE;
  if (state != FLOW_SEEN_ONCE && state != FLOW_SEEN_TWICE) return state;
  if (value >> FLOW_TICKS_SHIFT == (now & FLOW_TICKS_MASK)) return state;
  if (state == FLOW_SEEN_ONCE) return FLOW_SEEN_TWICE;
  const bool has_room = mux->counters[COUNTER_FLOW_TRUSTED] < mux->trusted_max;
  mux->counters[has_room ? COUNTER_FLOW_PROMOTED : COUNTER_FLOW_PROMOTION_REFUSED]++;
  return has_room ? FLOW_TRUSTED : FLOW_SEEN_TWICE;
}

static inline void follow(struct mux *mux, uint64_t *flow, uint32_t flags, uint32_t now) {
  const bool ends = (flags & (TCP_FIN | TCP_RST)) != 0;
  const bool is_settled = *flow >> FLOW_STATE_SHIFT == ((now & FLOW_TICKS_MASK) << 3 | FLOW_TRUSTED);
  if (likely(is_settled && !ends)) return;
  const uint32_t state = !ends ? next_state(mux, *flow, now) : flags & TCP_RST ? FLOW_RESET : FLOW_CLOSING;
  const uint64_t after = in_state(*flow, state, now);
  if (after != *flow) write_flow(mux, flow, after);
}

/* An empty way (while untrusted flows are not too many), else a dead one, else the untrusted one that has waited
 * longest, half-open ones first; -1 when none. Of half-open ones the oldest goes, dead or not. */
static inline int find_room(struct mux *mux, const struct flow_bucket *bucket, uint32_t now) {
  const bool may_fill = mux->counters[COUNTER_FLOW_UNTRUSTED] < mux->untrusted_max;
  enum { UNTRUSTED = 1 << 20, HALF_OPEN = 2 << 20, HALF_OPEN_DEAD = HALF_OPEN + 30 + 1, DEAD = 3 << 20 };
  int best_way = -1;
  int32_t best = 0;
  for (int way = 0; way < 4; way++) {
    const uint64_t value = bucket->value[way];
    if (value == 0) {
      if (may_fill) return way;
      continue;
    }
    const int32_t age = age_of(value, now);
    const uint32_t state = state_of(value);
    int32_t rank = age < 0 ? 0 : age;
    if (state == FLOW_HALF_OPEN) rank |= HALF_OPEN;
    else if (!flow_is_live(mux, value, now)) rank = DEAD;
    else if (state == FLOW_TRUSTED) rank = 0;
    else rank |= UNTRUSTED;
    if (rank > best) {
      best = rank;
      best_way = way;
    }
  }
  if (best != 0) mux->counters[best >= HALF_OPEN_DEAD ? COUNTER_FLOW_EXPIRED : COUNTER_FLOW_EVICTED]++;
  return best_way;
}

static inline void remember(struct mux *mux, const struct parsed *parsed, uint64_t *flow, uint64_t identity,
                            uint32_t backend, uint32_t now) {
  const bool opens = (parsed->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
  const uint32_t state = opens ? FLOW_HALF_OPEN : parsed->tcp_flags & TCP_FIN ? FLOW_CLOSING : FLOW_SEEN_ONCE;
  if (flow != NULL && opens && (*flow >> 16 & 0xffff) == backend && flow_is_live(mux, *flow, now)) {
    const uint32_t before = state_of(*flow);
    write_flow(mux, flow, in_state(*flow, before >= FLOW_CLOSING ? FLOW_HALF_OPEN : before, now));
    return;
  }
  const uint64_t fresh = flow_value(mux, identity, backend, state, now);
  if (flow != NULL) {
    write_flow(mux, flow, fresh);
    return;
  }
  const int way = find_room(mux, parsed->bucket, now);
  if (way < 0) {
    mux->counters[COUNTER_FLOW_REFUSED]++;
    return;
  }
  mux->counters[COUNTER_FLOW_INSERTS]++;
  parsed->bucket->key[way] = parsed->key;
  write_flow(mux, &parsed->bucket->value[way], fresh);
}

/* Takes the dead flows out of a few buckets per tick. */
static void sweep(struct mux *mux, uint32_t now) {
  const int32_t passed = (int32_t)((now - mux->swept_ticks) << 10) >> 10;
  mux->swept_ticks = now;
  if (mux->counters[COUNTER_FLOW_TRUSTED] + mux->counters[COUNTER_FLOW_UNTRUSTED] == 0) return;
  const uint64_t bucket_count = mux->flows_mask + 1ULL;
  const bool is_new_era = passed > FLOW_IDLE_TICKS_MAX || passed < -FLOW_IDLE_TICKS_MAX;
  uint64_t count = passed < 0 ? 0 : (uint64_t)passed * (bucket_count < FLOW_SWEEP_TICKS ? 1 : bucket_count / FLOW_SWEEP_TICKS);
  if (is_new_era || count > bucket_count) count = bucket_count;
  for (; count > 0; count--) {
    struct flow_bucket *bucket = &mux->flows[mux->next_swept];
    mux->next_swept = (mux->next_swept + 1) & mux->flows_mask;
    for (int way = 0; way < 4; way++) {
      const uint64_t value = bucket->value[way];
      if (value == 0 || (!is_new_era && flow_is_live(mux, value, now))) continue;
      mux->counters[COUNTER_FLOW_EXPIRED]++;
      write_flow(mux, &bucket->value[way], 0);
    }
  }
}

/* Second stage. */

static inline uint32_t ring_backend(const struct mux *mux, const struct parsed *parsed, const struct service *service) {
  uint64_t hash = parsed->hash;
  if (service->distribution == DISTRIBUTION_SOURCE_IP) hash = flow_hash(mux, parsed->addresses, 0, 0);
  if (service->distribution == DISTRIBUTION_SOURCE_IP_PROTOCOL)
    hash = flow_hash(mux, parsed->addresses, 0, parsed->protocol);
  const uint16_t *ring = mux->rings + (service->ring_base - mux->rings_base) / sizeof *ring;
  return ring[(hash >> 32) * service->ring_slot_count >> 32];
}

static inline uint32_t choose_backend(struct mux *mux, const struct parsed *parsed, const struct service *service,
                                      uint32_t now) {
  const uint64_t class = parsed->protocol == PROTOCOL_UDP ? FLOW_UDP : FLOW_TCP;
  const uint64_t identity = parsed->service | class << FLOW_CLASS_SHIFT;
  uint64_t *flow = find_flow(parsed->bucket, parsed->key, identity);
  const bool opens = (parsed->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
  if (flow != NULL && !opens && flow_is_live(mux, *flow, now)) {
    mux->counters[COUNTER_FLOW_HITS]++;
    follow(mux, flow, parsed->tcp_flags, now);
    return *flow >> 16 & 0xffff;
  }
  mux->counters[COUNTER_FLOW_MISSES]++;
  const uint32_t backend = ring_backend(mux, parsed, service);
  if ((parsed->tcp_flags & TCP_RST) == 0) remember(mux, parsed, flow, identity, backend, now);
  return backend;
}

static inline void encapsulate(const struct mux *mux, struct descriptor *descriptor, const struct parsed *parsed,
                               const struct backend *backend) {
  const uint32_t outer_length = parsed->ip_length + OUTER_BYTES;
  const uint32_t tos = parsed->ip[1];
  const uint16_t length_net = __builtin_bswap16((uint16_t)outer_length);
  uint8_t *headers = parsed->ip - HEADERS_BYTES;
  uint8_t *frame = headers;
  memcpy(headers, backend->headers, HEADERS_BYTES);
  const uint32_t tag = mux->vlan_tci_net != 0 ? TYPE_VLAN_NET | (uint32_t)mux->vlan_tci_net << 16 : parsed->vlan_tag;
  if (unlikely(tag != 0)) {
    frame = headers - VLAN_TAG_BYTES;
    memcpy(frame, backend->headers, 12);
    memcpy(frame + 12, &tag, sizeof tag);
  }
  headers[15] = (uint8_t)tos;
  store16(headers + 16, length_net);
  store16(headers + 24, (uint16_t)~fold(backend->header_sum + (tos << 8) + length_net));
  store16(headers + 34, __builtin_bswap16((uint16_t)(49152 + ((uint32_t)parsed->hash >> 18))));
  store16(headers + 38, __builtin_bswap16((uint16_t)(outer_length - IPV4_BYTES_MIN)));
  descriptor->frame = frame;
  descriptor->length = (uint32_t)(parsed->ip - frame) + parsed->ip_length;
}

static inline void count_traffic(struct traffic *traffic, uint32_t bytes) {
  traffic->packets++;
  traffic->bytes += bytes;
}

static inline void forward(struct mux *mux, struct descriptor *descriptor, const struct parsed *parsed, uint32_t now) {
  uint32_t verdict = parsed->verdict;
  uint32_t reason = parsed->reason;
  uint32_t chosen = NO_INDEX;
  if (likely(verdict == VERDICT_FORWARD)) {
    struct service *service = &mux->services[parsed->service];
    const bool has_ring = service->ring_slot_count != 0;
    if (unlikely(!has_ring && service->backend == NO_INDEX)) {
      reason = REASON_NO_BACKEND;
    } else if (unlikely(parsed->ip_length + OUTER_BYTES > 0xffff)) {
      reason = REASON_OVERSIZE;
    } else {
      chosen = has_ring ? choose_backend(mux, parsed, service, now) : service->backend;
      encapsulate(mux, descriptor, parsed, &mux->backends[chosen]);
      count_traffic(&mux->backends[chosen].traffic, parsed->ip_length);
      count_traffic(&service->traffic, parsed->ip_length);
    }
    if (unlikely(reason != REASON_NONE)) verdict = VERDICT_DROP;
  }
  descriptor->service = parsed->service;
  descriptor->backend = chosen;
  descriptor->verdict = (uint8_t)verdict;
  descriptor->reason = (uint8_t)reason;
  mux->verdicts[verdict]++;
  if (unlikely(verdict == VERDICT_DROP)) mux->reasons[reason]++;
}

void mux_process(struct mux *mux, struct descriptor *descriptors, uint32_t count, uint32_t now_ms) {
  const uint32_t now = now_ms >> 10;
  struct parsed parsed[STAGE_FRAME_COUNT];
  if (now != mux->swept_ticks) sweep(mux, now);
  for (uint32_t first = 0; first < count; first += STAGE_FRAME_COUNT) {
    const uint32_t frames = count - first < STAGE_FRAME_COUNT ? count - first : STAGE_FRAME_COUNT;
    for (uint32_t at = 0; at < frames; at++) parse(mux, &descriptors[first + at], &parsed[at]);
    for (uint32_t at = 0; at < frames; at++) forward(mux, &descriptors[first + at], &parsed[at], now);
  }
}
