/*
 * The host agent's data plane of the yardstick: parse and prefetch 64 frames, then look up and translate them.
 */
#include "host.h"
#include "checks.h"
#include "wire.h"

#include <stdbool.h>

#define STAGE_FRAME_COUNT 64
#define MAC_MASK 0x0000ffffffffffffULL
#define TICKS_MASK 0x3fffff
#define SWEEP_TICKS 32

enum { VXLAN_BYTES = 8, VXLAN_PORT_NET = 0xb512, VXLAN_VNI_VALID = 0x08, TYPE_IPV6_NET = 0xdd86, PROTOCOL_GRE = 47 };
enum { KIND_IPV4 = 4, KIND_VIP = 0x44, FLAG_TCP_RESET = 1 };
enum { FLOW_NEW = 1, FLOW_REPLIED, FLOW_CLOSING, FLOW_RESET };
enum { CLOSING_IDLE_TICKS = 60, RESET_IDLE_TICKS = 4 };
enum { ECN_NOT_ECT, ECN_ECT_1, ECN_ECT_0, ECN_CE };

/* What the first stage tells the second; `verdict` is what becomes of the frame when the flow has no objection. */
struct parsed {
  uint8_t *ip;
  uint8_t *l4;
  const struct translation *translation;
  struct nat_bucket *first;
  struct nat_bucket *second;
  uint64_t remote;
  uint64_t ends;
  uint32_t owner;
  uint32_t ip_length;
  uint8_t verdict;
  uint8_t reason;
  uint8_t protocol;
  uint8_t outer_ecn;
};

static inline uint64_t mac_at(const uint8_t *at) { return load32(at) | (uint64_t)load16(at + 4) << 32; }

static inline const struct nic *find_nic(const struct host *host, uint64_t mac) {
  for (uint32_t slot = slot_of(mac);; slot++) {
    const struct nic *nic = &host->nics[slot & host->nics_mask];
    if (nic->mac_and_state >> 48 == 0) return NULL;
    if ((nic->mac_and_state & MAC_MASK) == mac) return nic;
  }
}

static inline const struct translation *find_entry(const struct host *host, uint32_t nic, uint32_t address,
                                                   uint32_t port_net, uint32_t protocol, uint32_t kind) {
  const uint64_t key = address | (uint64_t)port_net << 32 | (uint64_t)protocol << 48 | (uint64_t)kind << 56;
  for (uint32_t slot = slot_of(key ^ (uint64_t)nic << 40);; slot++) {
    const struct translation *entry = &host->translations[slot & host->translations_mask];
    if (entry->key >> 56 == 0) return NULL;
    if (entry->key == key && entry->nic == nic) return entry;
  }
}

/* First stage. */

static inline uint32_t check_segment(uint32_t protocol, const uint8_t *l4, uint32_t bytes) {
  return protocol == PROTOCOL_UDP ? check_udp(l4, bytes) : check_tcp(l4, bytes);
}

static inline void drop(struct parsed *parsed, uint32_t reason) {
  parsed->verdict = VERDICT_DROP;
  parsed->reason = (uint8_t)reason;
}

static inline void prefetch_bucket(const struct nat_bucket *bucket) {
  for (int way = 0; way < 4; way++) __builtin_prefetch(&bucket->flows[way], 1);
}

/* The key of a flow is what the VM's packets show. */
static inline void find_buckets(const struct host *host, struct parsed *parsed, uint32_t remote, uint32_t local,
                                uint32_t ports, uint32_t nic) {
  parsed->remote = remote;
  parsed->ends = local | (uint64_t)ports << 32;
  parsed->owner = nic | (uint32_t)parsed->protocol << 16 | (uint32_t)KIND_IPV4 << 24;
  const uint64_t hash =
      sip_hash(host->hash_key, remote | (uint64_t)local << 32, ports | (uint64_t)parsed->owner << 32);
  parsed->first = &host->flows[(uint32_t)hash & host->flows_mask];
  parsed->second = &host->flows[(uint32_t)(hash >> 32) & host->flows_mask];
  prefetch_bucket(parsed->first);
  prefetch_bucket(parsed->second);
}

static inline void parse_inner(const struct host *host, struct parsed *parsed, uint8_t *inner, uint32_t bytes,
                               uint32_t vni) {
  if (unlikely(bytes < ETHERNET_BYTES)) return drop(parsed, REASON_INNER_TRUNCATED);
  const uint32_t type = load16(inner + 12);
  if (unlikely(type == TYPE_VLAN_NET || type == TYPE_SERVICE_VLAN_NET)) return drop(parsed, REASON_INNER_VLAN);
  if (unlikely(type != TYPE_IPV4_NET)) return;
  const struct nic *nic = find_nic(host, mac_at(inner));
  if (unlikely(nic == NULL)) return drop(parsed, REASON_NIC_UNKNOWN);
  if (unlikely(nic->vni != vni)) return drop(parsed, REASON_VNI_MISMATCH);

  uint8_t *ip = inner + ETHERNET_BYTES;
  const uint32_t available = bytes - ETHERNET_BYTES;
  if (unlikely(available < IPV4_BYTES_MIN)) return drop(parsed, REASON_IPV4_TRUNCATED);
  if (unlikely(ip[0] >> 4 != 4)) return drop(parsed, REASON_IPV4_VERSION);
  const uint32_t vip = load32(ip + 16);
  const uint32_t header_bytes = (ip[0] & 15u) << 2;
  const uint32_t ip_length = __builtin_bswap16(load16(ip + 2));
  const uint32_t protocol = ip[9];
  uint8_t *l4 = ip + header_bytes;
  uint32_t reason = check_ipv4(ip, available, false);
  if (likely(reason == REASON_NONE)) {
    if (unlikely(load16(ip + 6) & FRAGMENT_NET)) return;
    if (unlikely(protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP)) return;
    reason = check_segment(protocol, l4, ip_length - header_bytes);
  }
  if (unlikely(reason != REASON_NONE)) {
    if (find_entry(host, nic->index, vip, 0, 0, KIND_VIP) != NULL) drop(parsed, reason);
    return;
  }
  const struct translation *translation = find_entry(host, nic->index, vip, load16(l4 + 2), protocol, KIND_IPV4);
  if (unlikely(translation == NULL)) {
    if (find_entry(host, nic->index, vip, 0, 0, KIND_VIP) == NULL) return;
    translation = find_entry(host, nic->index, vip, 0, protocol, KIND_IPV4);
    if (translation == NULL) translation = find_entry(host, nic->index, vip, 0, 0, KIND_IPV4);
    if (translation == NULL) return drop(parsed, REASON_NO_RULE);
  }
  const uint32_t dip = translation->dip_net != 0 ? translation->dip_net : vip;
  const uint32_t dip_port = translation->backend_port_net != 0 ? translation->backend_port_net : load16(l4 + 2);
  const uint32_t remote = load32(ip + 12);
  if (unlikely(remote == dip)) return;
  parsed->ip = ip;
  parsed->l4 = l4;
  parsed->ip_length = ip_length;
  parsed->protocol = (uint8_t)protocol;
  parsed->translation = translation;
  find_buckets(host, parsed, remote, dip, load16(l4) | dip_port << 16, nic->index);
  parsed->verdict = VERDICT_DELIVER;
}

static inline void parse_underlay(const struct host *host, struct parsed *parsed, uint8_t *ip, uint32_t available) {
  if (unlikely(available < IPV4_BYTES_MIN)) return drop(parsed, REASON_IPV4_TRUNCATED);
  if (unlikely(ip[0] >> 4 != 4)) return drop(parsed, REASON_IPV4_VERSION);
  if (unlikely(load32(ip + 16) != host->provider_address_net)) return;
  if (unlikely(ip[9] != PROTOCOL_UDP && ip[9] != PROTOCOL_GRE)) return;
  const uint32_t reason = check_ipv4(ip, available, false);
  if (unlikely(reason != REASON_NONE)) return drop(parsed, reason);
  const uint32_t header_bytes = (ip[0] & 15u) << 2;
  uint8_t *udp = ip + header_bytes;
  const uint32_t udp_bytes = __builtin_bswap16(load16(ip + 2)) - header_bytes;
  if (unlikely((load16(ip + 6) & FRAGMENT_NET) || ip[9] != PROTOCOL_UDP)) return;
  if (unlikely(udp_bytes < UDP_BYTES)) return drop(parsed, REASON_UDP_TRUNCATED);
  if (unlikely(load16(udp + 2) != VXLAN_PORT_NET)) return;
  const uint32_t udp_reason = check_udp(udp, udp_bytes);
  if (unlikely(udp_reason != REASON_NONE)) return drop(parsed, udp_reason);
  const uint32_t length = __builtin_bswap16(load16(udp + 4));
  if (unlikely(length < UDP_BYTES + VXLAN_BYTES)) return drop(parsed, REASON_VXLAN_TRUNCATED);
  const uint8_t *vxlan = udp + UDP_BYTES;
  if (unlikely((vxlan[0] & VXLAN_VNI_VALID) == 0)) return drop(parsed, REASON_VXLAN_FLAGS);
  parsed->outer_ecn = ip[1] & 3;
  const uint32_t vni = __builtin_bswap32(load32(vxlan + 4)) >> 8;
  parse_inner(host, parsed, udp + UDP_BYTES + VXLAN_BYTES, length - UDP_BYTES - VXLAN_BYTES, vni);
}

static inline void parse_vm(const struct host *host, struct parsed *parsed, uint8_t *frame, uint32_t available) {
  const struct nic *nic = find_nic(host, mac_at(frame + 6));
  uint8_t *ip = frame + ETHERNET_BYTES;
  if (unlikely(nic == NULL || available < IPV4_BYTES_MIN || ip[0] >> 4 != 4)) return;
  if (unlikely(check_ipv4(ip, available, false) != REASON_NONE || (load16(ip + 6) & FRAGMENT_NET))) return;
  const uint32_t header_bytes = (ip[0] & 15u) << 2;
  parsed->ip_length = __builtin_bswap16(load16(ip + 2));
  parsed->protocol = ip[9];
  if (unlikely(ip[9] != PROTOCOL_TCP && ip[9] != PROTOCOL_UDP)) return;
  if (unlikely(parsed->ip_length - header_bytes < UDP_BYTES)) return;
  parsed->ip = ip;
  parsed->l4 = ip + header_bytes;
  const uint32_t ports = load32(parsed->l4);
  find_buckets(host, parsed, load32(ip + 16), load32(ip + 12), ports >> 16 | ports << 16, nic->index);
  parsed->verdict = VERDICT_REPLY;
}

static inline void parse(const struct host *host, const struct descriptor *descriptor, struct parsed *parsed) {
  parsed->verdict = VERDICT_PASS;
  parsed->reason = REASON_NONE;
  uint8_t *frame = descriptor->frame;
  if (unlikely(descriptor->length > host->frame_bytes_max)) return drop(parsed, REASON_OVERSIZE);
  if (unlikely(descriptor->length < ETHERNET_BYTES)) return drop(parsed, REASON_ETHERNET_TRUNCATED);
  if (unlikely(load16(frame + 12) != TYPE_IPV4_NET)) return;
  const uint32_t available = descriptor->length - ETHERNET_BYTES;
  if (descriptor->port == PORT_VM) parse_vm(host, parsed, frame, available);
  else parse_underlay(host, parsed, frame + ETHERNET_BYTES, available);
}

/* The flow table. */

static inline bool is_live(const struct nat_flow *flow, uint32_t now) {
  const uint32_t age = (now - flow->ticks) & TICKS_MASK;
  uint32_t limit = flow->idle_ticks;
  if (unlikely(flow->state > FLOW_REPLIED)) {
    const uint32_t ended = flow->state == FLOW_RESET ? RESET_IDLE_TICKS : CLOSING_IDLE_TICKS;
    if (ended < limit) limit = ended;
  }
  return age <= limit;
}

static inline struct nat_flow *find_in(struct nat_bucket *bucket, const struct parsed *parsed) {
  for (int way = 0; way < 4; way++) {
    struct nat_flow *flow = &bucket->flows[way];
    if (flow->ends == parsed->ends && flow->remote == parsed->remote && flow->owner == parsed->owner &&
        flow->remote_high == 0)
      return flow;
  }
  return NULL;
}

static inline struct nat_flow *find_flow(const struct parsed *parsed) {
  struct nat_flow *flow = find_in(parsed->first, parsed);
  return flow != NULL ? flow : find_in(parsed->second, parsed);
}

static int free_count(const struct nat_bucket *bucket) {
  int count = 0;
  for (int way = 0; way < 4; way++) count += bucket->flows[way].owner >> 24 == 0;
  return count;
}

/* An empty place in the emptier bucket, else a dead flow's, else that of the one that has waited longest for an answer. */
static struct nat_flow *make_room(struct host *host, const struct parsed *parsed, uint32_t now) {
  struct nat_bucket *buckets[2] = {parsed->first, parsed->second};
  struct nat_bucket *emptier = buckets[free_count(parsed->first) >= free_count(parsed->second) ? 0 : 1];
  for (int way = 0; way < 4; way++) {
    if (emptier->flows[way].owner >> 24 == 0) return &emptier->flows[way];
  }
  struct nat_flow *oldest = NULL;
  for (int at = 0; at < 8; at++) {
    struct nat_flow *flow = &buckets[at >> 2]->flows[at & 3];
    if (!is_live(flow, now)) {
      host->counters[NAT_FLOW_EXPIRED]++;
      return flow;
    }
    if (flow->state != FLOW_NEW) continue;
    if (oldest == NULL || ((now - flow->ticks) & TICKS_MASK) > ((now - oldest->ticks) & TICKS_MASK)) oldest = flow;
  }
  if (oldest != NULL) host->counters[NAT_FLOW_EVICTED]++;
  return oldest;
}

/* Takes the dead flows out of a part of the buckets per tick. */
static void sweep(struct host *host, uint32_t now) {
  const int32_t passed = host->is_started ? (int32_t)((now - host->swept_ticks) << 10) >> 10 : 0;
  host->is_started = 1;
  host->swept_ticks = now;
  const uint64_t bucket_count = host->flows_mask + 1ULL;
  const uint64_t per_tick = bucket_count < SWEEP_TICKS ? 1 : bucket_count / SWEEP_TICKS;
  uint64_t due = passed < 0 ? 0 : (uint64_t)passed * per_tick;
  if (due > bucket_count) due = bucket_count;
  for (; due > 0; due--) {
    struct nat_bucket *bucket = &host->flows[host->next_swept];
    host->next_swept = (host->next_swept + 1) & host->flows_mask;
    for (int way = 0; way < 4; way++) {
      if (bucket->flows[way].owner >> 24 == 0 || is_live(&bucket->flows[way], now)) continue;
      host->counters[NAT_FLOW_EXPIRED]++;
      bucket->flows[way].owner = 0;
    }
  }
}

static inline void touch(struct nat_flow *flow, const struct parsed *parsed, bool answers, uint32_t now) {
  const uint32_t state = flow->state;
  uint32_t next = state;
  /* A write makes the line dirty, and most packets come within the tick of the one before. */
  if (flow->ticks != now) flow->ticks = now;
  if (parsed->protocol != PROTOCOL_TCP) {
    if (answers) next = FLOW_REPLIED;
  } else {
    const uint32_t flags = parsed->l4[13];
    const bool opens = (flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
    if (unlikely(flags & TCP_RST)) next = FLOW_RESET;
    else if (unlikely(flags & TCP_FIN)) next = FLOW_CLOSING;
    else if (likely(state != FLOW_CLOSING) || opens) next = answers || state == FLOW_REPLIED ? FLOW_REPLIED : FLOW_NEW;
    if (unlikely((flow->flags & FLAG_TCP_RESET) && (flags & TCP_ACK))) {
      if (answers) flow->local_ack_net = load32(parsed->l4 + 8);
      else flow->remote_ack_net = load32(parsed->l4 + 8);
    }
  }
  if (next != state) flow->state = (uint8_t)next;
}

/* Second stage. */

/* RFC 1624 equation 3, for a 16-bit word. */
static inline uint32_t change_of(uint32_t before, uint32_t after) { return (~before & 0xffff) + after; }

static inline uint16_t changed(uint32_t checksum, uint32_t change) {
  return (uint16_t)~fold((~checksum & 0xffff) + change);
}

/* Gives one end of a packet another address and port; all checksums stay true. */
static inline void translate(const struct parsed *parsed, uint8_t *address_at, uint8_t *port_at, uint32_t address,
                             uint32_t port) {
  uint32_t change = 0;
  const uint32_t before = load32(address_at);
  if (likely(before != address)) {
    change = change_of(before & 0xffff, address & 0xffff) + change_of(before >> 16, address >> 16);
    store32(address_at, address);
    store16(parsed->ip + 10, changed(load16(parsed->ip + 10), change));
  }
  const uint32_t port_before = load16(port_at);
  if (port_before != port) {
    change += change_of(port_before, port);
    store16(port_at, (uint16_t)port);
  }
  if (unlikely(change == 0)) return;
  const bool is_udp = parsed->protocol == PROTOCOL_UDP;
  uint8_t *checksum_at = parsed->l4 + (is_udp ? 6 : 16);
  const uint16_t checksum = load16(checksum_at);
  if (unlikely(is_udp && checksum == 0)) return;
  const uint16_t after = changed(checksum, change);
  store16(checksum_at, is_udp && after == 0 ? 0xffff : after);
}

static inline void write_frame(struct descriptor *descriptor, const struct parsed *parsed, uint64_t destination,
                               uint64_t source) {
  uint8_t *frame = parsed->ip - ETHERNET_BYTES;
  memcpy(frame, &destination, 6);
  memcpy(frame + 6, &source, 6);
  store16(frame + 12, TYPE_IPV4_NET);
  descriptor->frame = frame;
  descriptor->length = ETHERNET_BYTES + parsed->ip_length;
}

static uint32_t remember(struct host *host, const struct parsed *parsed, struct nat_flow *flow, uint32_t vip,
                         uint32_t vip_port, uint32_t now, struct nat_flow **remembered) {
  if (flow != NULL && is_live(flow, now)) {
    const uint32_t flags = parsed->l4[13];
    const bool opens = (flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
    if (parsed->protocol == PROTOCOL_TCP && !opens) return REASON_NAT_CONFLICT;
  }
  if (flow == NULL) flow = make_room(host, parsed, now);
  if (flow == NULL) return REASON_FLOW_TABLE_FULL;
  host->counters[NAT_FLOW_INSERTS]++;
  *flow = (struct nat_flow){
      .remote = parsed->remote,
      .ends = parsed->ends,
      .owner = parsed->owner,
      .vip_net = vip,
      .vip_port_net = (uint16_t)vip_port,
      .state = FLOW_NEW,
      .flags = parsed->translation->flags & FLAG_TCP_RESET,
      .idle_ticks = (uint16_t)parsed->translation->idle_ticks,
      .ticks = now,
  };
  *remembered = flow;
  return REASON_NONE;
}

/* RFC 6040 section 4.2 for the marks that change something. */
static uint32_t combine_ecn(const struct parsed *parsed) {
  const uint32_t inner = parsed->ip[1] & 3;
  uint32_t mark = inner;
  if (parsed->outer_ecn == ECN_CE) {
    if (inner == ECN_NOT_ECT) return REASON_ECN;
    mark = ECN_CE;
  } else if (inner == ECN_ECT_0) {
    mark = ECN_ECT_1;
  }
  if (mark == inner) return REASON_NONE;
  const uint32_t before = load16(parsed->ip);
  store16(parsed->ip, (uint16_t)((before & ~0x0300u) | mark << 8));
  store16(parsed->ip + 10, changed(load16(parsed->ip + 10), change_of(before, load16(parsed->ip))));
  return REASON_NONE;
}

static inline uint32_t deliver(struct host *host, struct descriptor *descriptor, const struct parsed *parsed,
                               uint32_t now) {
  const uint32_t vip = load32(parsed->ip + 16);
  const uint32_t vip_port = load16(parsed->l4 + 2);
  struct nat_flow *flow = find_flow(parsed);
  const bool is_known =
      likely(flow != NULL) && is_live(flow, now) && flow->vip_net == vip && flow->vip_port_net == vip_port;
  if (unlikely(!is_known)) {
    const uint32_t reason = remember(host, parsed, flow, vip, vip_port, now, &flow);
    if (reason != REASON_NONE) return reason;
  }
  touch(flow, parsed, false, now);
  translate(parsed, parsed->ip + 16, parsed->l4 + 2, (uint32_t)parsed->ends, (uint32_t)(parsed->ends >> 48));
  if (unlikely(parsed->outer_ecn & 1)) {
    const uint32_t reason = combine_ecn(parsed);
    if (reason != REASON_NONE) return reason;
  }
  write_frame(descriptor, parsed, mac_at(parsed->ip - ETHERNET_BYTES), host->local_mac);
  return REASON_NONE;
}

static inline uint32_t reply(struct host *host, struct descriptor *descriptor, struct parsed *parsed, uint32_t now) {
  struct nat_flow *flow = find_flow(parsed);
  if (unlikely(flow == NULL || !is_live(flow, now))) {
    parsed->verdict = VERDICT_PASS;
    return REASON_NONE;
  }
  const uint32_t reason =
      check_segment(parsed->protocol, parsed->l4, (uint32_t)(parsed->ip + parsed->ip_length - parsed->l4));
  if (unlikely(reason != REASON_NONE)) return reason;
  touch(flow, parsed, true, now);
  translate(parsed, parsed->ip + 12, parsed->l4, flow->vip_net, flow->vip_port_net);
  const uint64_t gateway = host->gateway_is_known ? host->gateway_mac : mac_at(descriptor->frame);
  write_frame(descriptor, parsed, gateway, host->local_mac);
  return REASON_NONE;
}

static inline void act(struct host *host, struct descriptor *descriptor, struct parsed *parsed, uint32_t now) {
  uint32_t reason = parsed->reason;
  if (parsed->verdict == VERDICT_DELIVER) reason = deliver(host, descriptor, parsed, now);
  else if (parsed->verdict == VERDICT_REPLY) reason = reply(host, descriptor, parsed, now);
  const uint32_t verdict = likely(reason == REASON_NONE) ? parsed->verdict : VERDICT_DROP;
  descriptor->verdict = (uint8_t)verdict;
  descriptor->reason = (uint8_t)reason;
  host->verdicts[verdict]++;
  if (unlikely(verdict == VERDICT_DROP)) host->reasons[reason]++;
}

void host_process(struct host *host, struct descriptor *descriptors, uint32_t count, uint32_t now_ms) {
  const uint32_t now = now_ms >> 10;
  struct parsed parsed[STAGE_FRAME_COUNT];
  if (now != host->swept_ticks || !host->is_started) sweep(host, now);
  for (uint32_t first = 0; first < count; first += STAGE_FRAME_COUNT) {
    const uint32_t frames = count - first < STAGE_FRAME_COUNT ? count - first : STAGE_FRAME_COUNT;
    for (uint32_t at = 0; at < frames; at++) parse(host, &descriptors[first + at], &parsed[at]);
    for (uint32_t at = 0; at < frames; at++) act(host, &descriptors[first + at], &parsed[at], now);
  }
}
