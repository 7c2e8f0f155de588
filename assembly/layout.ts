/**
 * Where everything lies in linear memory.
 *
 * The fixed block is at constant addresses (abi.ts). The regions after it are as large as the embedder asked; the SDK
 * plans their bases, writes them into the fixed block and calls init() once. The classes below are never created: they
 * draw each record a second time, and the compiler refuses to build when the drawing and abi.ts disagree.
 */
import {
  ADDRESS_BYTES,
  ADDRESS_VALUE_BYTES,
  ADDRESS_WORD,
  BACKEND_BYTES,
  BACKEND_BYTES_TOTAL,
  BACKEND_GENERATION,
  BACKEND_HEADER_SUM,
  BACKEND_KIND,
  BACKEND_PACKETS,
  BACKEND_STATE,
  DATAGRAM_BYTES,
  DATAGRAM_DESTINATION,
  DATAGRAM_FAMILY,
  DATAGRAM_ID,
  DATAGRAM_IS_POISONED,
  DATAGRAM_KEY_BYTES,
  DATAGRAM_NIC,
  DATAGRAM_PROTOCOL,
  DATAGRAM_RANGE_COUNT,
  DATAGRAM_RANGE_COUNT_MAX,
  DATAGRAM_RANGES,
  DATAGRAM_SOURCE,
  DATAGRAM_TICKS,
  DATAGRAM_VALUE,
  DATAGRAM_WAYS,
  DECISION_ADDRESS,
  DECISION_AGE,
  DECISION_BYTES,
  DECISION_FAMILY,
  DECISION_FASTPATH,
  DECISION_FLAGS,
  DECISION_FLOW,
  DECISION_FROM_VM,
  DECISION_IP,
  DECISION_L4,
  DECISION_LOCAL,
  DECISION_NIC,
  DECISION_OUTER_IP,
  DECISION_PEER,
  DECISION_PORT,
  DECISION_PROTOCOL,
  DECISION_REASON,
  DECISION_RULE,
  DECISION_VERDICT,
  DECISION_VNI,
  DESCRIPTOR_BACKEND,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_CHUNK,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_ORIGIN,
  DESCRIPTOR_PORT,
  DESCRIPTOR_REASON,
  DESCRIPTOR_SERVICE,
  DESCRIPTOR_VERDICT,
  ENDPOINT_BYTES,
  ENDPOINT_FAMILY,
  ENDPOINT_PORT,
  ENDPOINT_PROTOCOL,
  ENDPOINT_SERVICE,
  EXEMPTION_BYTES,
  EXEMPTION_FAMILY,
  EXEMPTION_MASK,
  EXEMPTION_VNI,
  FASTPATH_ASKED_TICKS,
  FASTPATH_BYTES,
  FASTPATH_FLOW,
  FASTPATH_IS_ASKED,
  FASTPATH_PEER,
  FASTPATH_SET_BYTES,
  FASTPATH_TICKS,
  FASTPATH_VNI,
  FASTPATH_WAYS,
  FIXED_CONFIG,
  FIXED_COUNTERS,
  FIXED_DECISION,
  FIXED_END,
  FIXED_NO_BUCKET,
  FIXED_PARSED,
  FIXED_REASON_COUNTERS,
  FIXED_REGIONS,
  FIXED_ROUTES,
  FIXED_STATE,
  FIXED_TOUCH_SINK,
  FIXED_VERDICT_COUNTERS,
  FLOW_BUCKET_BYTES,
  FRAGMENT_SET_BYTES,
  HEADROOM_BYTES,
  HELD_BYTES,
  HELD_COUNT_MAX,
  HELD_FRAME,
  HELD_FRAME_BYTES_MAX,
  HELD_LENGTH,
  HELD_LINK,
  HELD_TICKS,
  MESSAGE_BYTES,
  MESSAGE_FLAGS,
  MESSAGE_LENGTH,
  MESSAGE_NAME_LENGTH,
  MESSAGE_VECTOR,
  MESSAGE_VECTOR_COUNT,
  NAME_BYTES,
  NAT_FLOW_BUCKET_BYTES,
  NAT_FLOW_BYTES,
  NAT_FLOW_FASTPATH,
  NAT_FLOW_FLAGS,
  NAT_FLOW_IDLE_TICKS,
  NAT_FLOW_KIND,
  NAT_FLOW_LOCAL_ACK,
  NAT_FLOW_LOCAL_ADDRESS,
  NAT_FLOW_LOCAL_PORT,
  NAT_FLOW_NIC,
  NAT_FLOW_PROTOCOL,
  NAT_FLOW_REMOTE_ACK,
  NAT_FLOW_REMOTE_PORT,
  NAT_FLOW_STATE,
  NAT_FLOW_TICKS,
  NAT_FLOW_TWIN,
  NAT_FLOW_VIP,
  NAT_FLOW_VIP_PORT,
  NAT_FLOW_WAYS,
  NIC_BYTES,
  NIC_INDEX,
  NIC_STATE,
  NIC_VNI,
  PACKET_PORT_BATCH,
  PACKET_PORT_BUDGET,
  PACKET_PORT_BYTES,
  PACKET_PORT_COMPLETION_RING,
  PACKET_PORT_FILL_RING,
  PACKET_PORT_FINISHED,
  PACKET_PORT_FLAGS,
  PACKET_PORT_HAND,
  PACKET_PORT_IN_FLIGHT,
  PACKET_PORT_IN_FLIGHT_MAX,
  PACKET_PORT_LENT,
  PACKET_PORT_LENT_MAX,
  PACKET_PORT_LINK,
  PACKET_PORT_MESSAGE_COUNT,
  PACKET_PORT_NATIVE_ADDRESS,
  PACKET_PORT_PENDING_COUNT,
  PACKET_PORT_RECEIVE_RING,
  PACKET_PORT_RECEIVED,
  PACKET_PORT_ROOM,
  PACKET_PORT_SEGMENTED,
  PACKET_PORT_SEND_DROPPED,
  PACKET_PORT_SENT,
  PACKET_PORT_SIDE,
  PACKET_PORT_TOO_LONG,
  PACKET_PORT_TRANSMIT_RING,
  PACKET_PORT_TRANSMIT_ROOM,
  PACKET_PORT_WAITING_COUNT,
  PACKET_PORT_WAITING_FIRST,
  PARSED_BACKEND,
  PARSED_BUCKET,
  PARSED_BYTES,
  PARSED_FAMILY,
  PARSED_FLOW,
  PARSED_HASH,
  PARSED_IP,
  PARSED_IP_LENGTH,
  PARSED_KEY,
  PARSED_L4,
  PARSED_LEASED_PORT,
  PARSED_PROTOCOL,
  PARSED_REASON,
  PARSED_RING_SLOT,
  PARSED_SERVICE,
  PARSED_SOURCE,
  PARSED_TCP_FLAGS,
  PARSED_VERDICT,
  PARSED_VLAN_TAG,
  PARSED_VLAN_TAG_INNER,
  PEER_ROLES,
  PIN_BACKEND,
  PIN_BYTES,
  PIN_GENERATION,
  PIN_SERVICE,
  QUOTE_BYTES,
  QUOTE_DESTINATION_PORT,
  QUOTE_END,
  QUOTE_FAMILY,
  QUOTE_IP,
  QUOTE_IS_LATER,
  QUOTE_L4,
  QUOTE_PROTOCOL,
  QUOTE_SOURCE_PORT,
  REGION_ADDRESS_VALUES,
  REGION_ADDRESSES,
  REGION_BACKENDS,
  REGION_COUNT,
  REGION_COUNT_MAX,
  REGION_DESCRIPTORS,
  REGION_ENDPOINTS,
  REGION_EXEMPTIONS,
  REGION_FASTPATHS,
  REGION_FLOWS,
  REGION_FRAGMENTS,
  REGION_HELD,
  REGION_NAT_FLOWS,
  REGION_NICS,
  REGION_PAIR_BYTES,
  REGION_PEERS,
  REGION_RING_MEMBERS,
  REGION_RINGS,
  REGION_SERVICES,
  REGION_SLOTS,
  REGION_SNAT_BLOCKS,
  REGION_SNAT_RANGES,
  REGION_SNAT_RULES,
  REGION_SNAT_SHARES,
  REGION_TRANSLATIONS,
  RING_MEMBER_BACKEND,
  RING_MEMBER_BYTES,
  RING_MEMBER_SKIP,
  RING_MEMBER_TURN,
  RING_MEMBER_WEIGHT,
  ROOM_BYTES,
  ROOM_COMPLETION_RING,
  ROOM_FILL_RING,
  ROOM_MESSAGE_COUNT_MAX,
  ROOM_RECEIVE_CHUNKS,
  ROOM_RECEIVE_NAMES,
  ROOM_RECEIVE_VECTORS,
  ROOM_RING_BYTES,
  ROOM_TRANSMIT_CHUNKS,
  ROOM_TRANSMIT_MESSAGES,
  ROOM_TRANSMIT_NAMES,
  ROOM_TRANSMIT_RING,
  ROOM_TRANSMIT_VECTORS,
  SERVICE_BACKEND,
  SERVICE_BYTES,
  SERVICE_BYTES_TOTAL,
  SERVICE_DISTRIBUTION,
  SERVICE_DROP_SHARE,
  SERVICE_DROPPED_BYTES,
  SERVICE_DROPPED_PACKETS,
  SERVICE_IDLE_TICKS,
  SERVICE_PACKETS,
  SERVICE_RING_SLOT_COUNT,
  SERVICE_STATE,
  SNAT_BLOCK_BACKEND,
  SNAT_BLOCK_BYTES,
  SNAT_BLOCK_FAMILY,
  SNAT_BLOCK_NUMBER,
  SNAT_RANGE_BYTES,
  SNAT_RULE_ALLOCATED,
  SNAT_RULE_BYTES,
  SNAT_RULE_EXHAUSTED,
  SNAT_RULE_FLAGS,
  SNAT_RULE_IDLE_TICKS,
  SNAT_RULE_PORT_COUNT,
  SNAT_RULE_PROTOCOL,
  SNAT_RULE_RANGE_COUNT,
  SNAT_RULE_RANGE_FIRST,
  STAGE_FRAME_COUNT,
  STATE_DATAGRAM_KEY,
  STATE_HELD_COUNT,
  STATE_HELD_ORDER,
  STATE_QUOTE,
  STATE_REVERSED_IP,
  STATE_TOLD_SPENT,
  TEMPLATE_BYTES_MAX,
  TRANSLATION_BACKEND_PORT,
  TRANSLATION_BYTES,
  TRANSLATION_DIP,
  TRANSLATION_FLAGS,
  TRANSLATION_IDLE_TICKS,
  TRANSLATION_KIND,
  TRANSLATION_NIC,
  TRANSLATION_PORT,
  TRANSLATION_PROTOCOL,
  TRANSLATION_RULE_COUNT,
  TRANSLATION_RULE_FIRST,
  VECTOR_BYTES,
  VERDICT_COUNT,
  XSK_RING_BYTES,
  XSK_RING_CONSUMER,
  XSK_RING_ENTRIES,
  XSK_RING_FLAGS,
  XSK_RING_INDEX,
  XSK_RING_MASK,
  XSK_RING_PUBLISHED,
} from './abi';

export let descriptorsBase: u32 = 0;
export let descriptorsCount: u32 = 0;
export let slotsBase: u32 = 0;
export let endpointsBase: u32 = 0;
export let endpointsMask: u32 = 0;
export let servicesBase: u32 = 0;
export let backendsBase: u32 = 0;
export let flowsBase: u32 = 0;
export let flowsMask: u32 = 0;
export let ringMembersBase: u32 = 0;
export let nicsBase: u32 = 0;
export let nicsMask: u32 = 0;
export let translationsBase: u32 = 0;
export let translationsMask: u32 = 0;
export let natFlowsBase: u32 = 0;
export let natFlowsMask: u32 = 0;
export let addressesBase: u32 = 0;
export let addressesMask: u32 = 0;
export let addressValuesBase: u32 = 0;
export let snatRulesBase: u32 = 0;
export let snatRangesBase: u32 = 0;
export let snatSharesBase: u32 = 0;
export let exemptionsBase: u32 = 0;
export let exemptionCountMax: u32 = 0;
export let fragmentsBase: u32 = 0;
export let fragmentsMask: u32 = 0;
export let heldBase: u32 = 0;
export let snatBlocksBase: u32 = 0;
export let snatBlocksMask: u32 = 0;
export let fastpathsBase: u32 = 0;
export let fastpathsMask: u32 = 0;
export let peersBase: u32 = 0;
export let peersMask: u32 = 0;

/**
 * Reads the region table the SDK has written.
 *
 * @returns 0, or 1 + the id of the first region that is misaligned, not a power of two where it must be, or outside
 * the memory.
 */
export function init(): u32 {
  for (let region: u32 = 0; region < <u32>REGION_COUNT; region++) {
    const end = <u64>regionBase(region) + <u64>regionCount(region) * <u64>bytesPerItem(region);
    if ((regionBase(region) & 63) != 0 || end > (<u64>memory.size()) << 16) return region + 1;
    if (isHashed(region) && !isPowerOfTwo(regionCount(region))) return region + 1;
  }
  descriptorsBase = regionBase(REGION_DESCRIPTORS);
  descriptorsCount = regionCount(REGION_DESCRIPTORS);
  slotsBase = regionBase(REGION_SLOTS);
  endpointsBase = regionBase(REGION_ENDPOINTS);
  endpointsMask = regionCount(REGION_ENDPOINTS) - 1;
  servicesBase = regionBase(REGION_SERVICES);
  backendsBase = regionBase(REGION_BACKENDS);
  flowsBase = regionBase(REGION_FLOWS);
  flowsMask = regionCount(REGION_FLOWS) - 1;
  ringMembersBase = regionBase(REGION_RING_MEMBERS);
  nicsBase = regionBase(REGION_NICS);
  nicsMask = regionCount(REGION_NICS) - 1;
  translationsBase = regionBase(REGION_TRANSLATIONS);
  translationsMask = regionCount(REGION_TRANSLATIONS) - 1;
  natFlowsBase = regionBase(REGION_NAT_FLOWS);
  natFlowsMask = regionCount(REGION_NAT_FLOWS) - 1;
  addressesBase = regionBase(REGION_ADDRESSES);
  addressesMask = regionCount(REGION_ADDRESSES) - 1;
  addressValuesBase = regionBase(REGION_ADDRESS_VALUES);
  snatRulesBase = regionBase(REGION_SNAT_RULES);
  snatRangesBase = regionBase(REGION_SNAT_RANGES);
  snatSharesBase = regionBase(REGION_SNAT_SHARES);
  exemptionsBase = regionBase(REGION_EXEMPTIONS);
  exemptionCountMax = regionCount(REGION_EXEMPTIONS);
  fragmentsBase = regionBase(REGION_FRAGMENTS);
  fragmentsMask = regionCount(REGION_FRAGMENTS) - 1;
  heldBase = regionBase(REGION_HELD);
  snatBlocksBase = regionBase(REGION_SNAT_BLOCKS);
  snatBlocksMask = regionCount(REGION_SNAT_BLOCKS) - 1;
  fastpathsBase = regionBase(REGION_FASTPATHS);
  fastpathsMask = regionCount(REGION_FASTPATHS) - 1;
  peersBase = regionBase(REGION_PEERS);
  peersMask = regionCount(REGION_PEERS) - 1;
  return 0;
}

function regionBase(region: u32): u32 {
  return load<u32>(FIXED_REGIONS + region * REGION_PAIR_BYTES);
}

function regionCount(region: u32): u32 {
  return load<u32>(FIXED_REGIONS + region * REGION_PAIR_BYTES + 4);
}

/** A lower bound is enough for the slots: their stride is the embedder's, and descriptors say where frames are. */
function bytesPerItem(region: u32): u32 {
  if (region == REGION_DESCRIPTORS) return DESCRIPTOR_BYTES;
  if (region == REGION_ENDPOINTS) return ENDPOINT_BYTES;
  if (region == REGION_SERVICES) return SERVICE_BYTES;
  if (region == REGION_BACKENDS) return BACKEND_BYTES;
  if (region == REGION_RINGS) return 2;
  if (region == REGION_FLOWS) return FLOW_BUCKET_BYTES;
  if (region == REGION_RING_MEMBERS) return RING_MEMBER_BYTES;
  if (region == REGION_NICS) return NIC_BYTES;
  if (region == REGION_TRANSLATIONS) return TRANSLATION_BYTES;
  if (region == REGION_NAT_FLOWS) return NAT_FLOW_BUCKET_BYTES;
  if (region == REGION_ADDRESSES) return ADDRESS_BYTES;
  if (region == REGION_ADDRESS_VALUES) return ADDRESS_VALUE_BYTES;
  if (region == REGION_SNAT_RULES) return SNAT_RULE_BYTES;
  if (region == REGION_SNAT_RANGES) return SNAT_RANGE_BYTES;
  if (region == REGION_SNAT_SHARES) return 4;
  if (region == REGION_EXEMPTIONS) return EXEMPTION_BYTES;
  if (region == REGION_FRAGMENTS) return FRAGMENT_SET_BYTES;
  if (region == REGION_HELD) return HELD_BYTES;
  if (region == REGION_SNAT_BLOCKS) return SNAT_BLOCK_BYTES;
  if (region == REGION_FASTPATHS) return FASTPATH_SET_BYTES;
  if (region == REGION_PEERS) return BACKEND_BYTES;
  return 1;
}

function isHashed(region: u32): bool {
  return (
    region == REGION_ENDPOINTS ||
    region == REGION_FLOWS ||
    region == REGION_NICS ||
    region == REGION_TRANSLATIONS ||
    region == REGION_NAT_FLOWS ||
    region == REGION_ADDRESSES ||
    region == REGION_FRAGMENTS ||
    region == REGION_SNAT_BLOCKS ||
    region == REGION_FASTPATHS ||
    region == REGION_PEERS
  );
}

function isPowerOfTwo(count: u32): bool {
  return count != 0 && (count & (count - 1)) == 0;
}

// The drawings. A field's type is its width; `net` fields have the same width as their bytes on the wire.

class Descriptor {
  offset: u32;
  length: u32;
  link: u8;
  port: u8;
  verdict: u8;
  reason: u8;
  service: u32;
  backend: u32;
  reserved: u32;
  chunk: u32;
  origin: u32;
}

class Endpoint {
  address: u32;
  port: u16;
  protocol: u8;
  family: u8;
  service: u32;
  spare: u32;
}

class SnatBlock {
  address: u32;
  number: u16;
  family: u8;
  zero: u8;
  backend: u32;
  spare: u32;
}

class Address {
  ip0: u64;
  ip1: u64;
  word: u32;
  spare0: u32;
  spare1: u64;
}

class Service {
  ringBase: u32;
  ringSlotCount: u32;
  distribution: u8;
  state: u8;
  idleTicks: u32;
  packets: u64;
  bytesTotal: u64;
  backend: u32;
  dropShare: u32;
  droppedPackets: u64;
  droppedBytes: u64;
  reserved: u64;
}

class Backend {
  template0: u64;
  template1: u64;
  template2: u64;
  template3: u64;
  template4: u64;
  template5: u64;
  template6: u64;
  template7: u64;
  room0: u64;
  room1: u64;
  room2: u64;
  room3: u64;
  generation: u8;
  state: u8;
  kind: u8;
  spare: u8;
  headerSum: u32;
  packets: u64;
  bytesTotal: u64;
  reserved: u64;
}

class RingMember {
  offset: u32;
  skip: u32;
  weight: u32;
  turn: u32;
  backend: u32;
}

class Nic {
  mac0: u32;
  mac1: u16;
  state: u16;
  vni: u32;
  index: u32;
}

class Translation {
  vip: u32;
  port: u16;
  protocol: u8;
  kind: u8;
  dip: u32;
  backendPort: u16;
  flags: u8;
  spare: u8;
  nic: u32;
  idleTicks: u32;
  ruleFirst: u32;
  ruleCount: u32;
}

class SnatRule {
  vip: u32;
  rangeFirst: u32;
  rangeCount: u32;
  portCount: u32;
  idleTicks: u16;
  protocol: u8;
  flags: u8;
  spare: u32;
  allocated: u64;
  exhausted: u64;
  reserved: u64;
}

class Exemption {
  address0: u64;
  address1: u64;
  mask0: u64;
  mask1: u64;
  vni: u32;
  family: u32;
}

class NatFlow {
  remoteAddress0: u64;
  remoteAddress1: u64;
  localAddress: u32;
  remotePort: u16;
  localPort: u16;
  nic: u16;
  protocol: u8;
  kind: u8;
  vip: u32;
  vipPort: u16;
  state: u8;
  flags: u8;
  idleTicks: u16;
  spare: u16;
  ticks: u32;
  remoteAck: u32;
  localAck: u32;
  twin: u32;
  fastpath: u32;
  reserved: u32;
}

class Fastpath {
  mac0: u32;
  mac1: u16;
  spare0: u16;
  vni: u32;
  peer: u32;
  flow: u32;
  ticks: u32;
  askedTicks: u32;
  isAsked: u8;
  spare1: u8;
  spare2: u16;
}

class Decision {
  action: u8;
  flags: u8;
  port: u16;
  address: u32;
  flow: u32;
  rule: u32;
  peer: u32;
  local: u32;
  vni: u32;
  outerIp: u32;
  verdict: u8;
  reason: u8;
  family: u8;
  protocol: u8;
  fromVm: u8;
  spare0: u8;
  spare1: u16;
  nic: u16;
  spare2: u16;
  ip: u32;
  l4: u32;
  age: u32;
  fastpath: u32;
  spare3: u32;
}

class Parsed {
  ip: u32;
  l4: u32;
  ipLength: u32;
  vlanTag: u32;
  hash: u64;
  key: u64;
  bucket: u32;
  service: u32;
  verdict: u8;
  reason: u8;
  protocol: u8;
  tcpFlags: u8;
  backend: u32;
  ringSlot: u32;
  source: u8;
  family: u8;
  leasedPort: u16;
  flow: u32;
  vlanTagInner: u32;
}

class Quote {
  ip: u32;
  l4: u32;
  end: u32;
  sourcePort: u16;
  destinationPort: u16;
  family: u8;
  protocol: u8;
  isLater: u8;
  spare0: u32;
  spare1: u64;
}

class Datagram {
  hash: u64;
  source0: u64;
  source1: u64;
  destination0: u64;
  destination1: u64;
  id: u32;
  nic: u16;
  protocol: u8;
  family: u8;
  ticks: u32;
  isPoisoned: u8;
  rangeCount: u8;
  spare: u64;
  value0: u64;
  value1: u64;
  value2: u64;
  value3: u64;
  range01: u64;
  range23: u64;
  range45: u64;
  range67: u64;
}

class Pin {
  hash: u64;
  service: u32;
  backend: u32;
  generation: u8;
  spare0: u32;
  spare1: u64;
}

class Held {
  key0: u64;
  key1: u64;
  key2: u64;
  key3: u64;
  key4: u64;
  key5: u64;
  length: u32;
  ticks: u32;
  link: u8;
  spare: u32;
}

class PacketPort {
  kind: u8;
  link: u8;
  side: u8;
  flags: u8;
  room: u32;
  nativeAddress: u64;
  messageCount: u32;
  waitingFirst: u32;
  waitingCount: u32;
  pendingCount: u32;
  hand: u32;
  lent: u32;
  lentMax: u32;
  inFlight: u32;
  inFlightMax: u32;
  batch: u32;
  budget: u32;
  transmitRoom: u32;
  received: u64;
  sent: u64;
  sendDropped: u64;
  tooLong: u64;
  finished: u64;
  segmented: u64;
  reserved0: u64;
  reserved1: u64;
}

class XskRing {
  producer: u32;
  consumer: u32;
  entries: u32;
  flags: u32;
  mask: u32;
  index: u32;
  published: u32;
  reserved: u32;
}

class Message {
  name: u64;
  nameLength: u32;
  spare0: u32;
  vector: u64;
  vectorCount: u64;
  control: u64;
  controlLength: u64;
  flags: u32;
  spare1: u32;
  length: u32;
  spare2: u32;
}

if (
  offsetof<Descriptor>('length') != DESCRIPTOR_LENGTH ||
  offsetof<Descriptor>('link') != DESCRIPTOR_LINK ||
  offsetof<Descriptor>('port') != DESCRIPTOR_PORT ||
  offsetof<Descriptor>('verdict') != DESCRIPTOR_VERDICT ||
  offsetof<Descriptor>('reason') != DESCRIPTOR_REASON ||
  offsetof<Descriptor>('service') != DESCRIPTOR_SERVICE ||
  offsetof<Descriptor>('backend') != DESCRIPTOR_BACKEND ||
  offsetof<Descriptor>('chunk') != DESCRIPTOR_CHUNK ||
  offsetof<Descriptor>('origin') != DESCRIPTOR_ORIGIN ||
  offsetof<Descriptor>() != DESCRIPTOR_BYTES
) {
  ERROR('abi.ts: the descriptor has drifted');
}
if (
  offsetof<Endpoint>('port') != ENDPOINT_PORT ||
  offsetof<Endpoint>('protocol') != ENDPOINT_PROTOCOL ||
  offsetof<Endpoint>('family') != ENDPOINT_FAMILY ||
  offsetof<Endpoint>('service') != ENDPOINT_SERVICE ||
  offsetof<Endpoint>() != ENDPOINT_BYTES
) {
  ERROR('abi.ts: the endpoint entry has drifted');
}
if (
  offsetof<SnatBlock>('number') != SNAT_BLOCK_NUMBER ||
  offsetof<SnatBlock>('family') != SNAT_BLOCK_FAMILY ||
  offsetof<SnatBlock>('backend') != SNAT_BLOCK_BACKEND ||
  offsetof<SnatBlock>() != SNAT_BLOCK_BYTES
) {
  ERROR('abi.ts: the SNAT block has drifted');
}
if (offsetof<Address>('word') != ADDRESS_WORD || offsetof<Address>() != ADDRESS_BYTES) {
  ERROR('abi.ts: the address entry has drifted');
}
if (
  offsetof<Service>('ringSlotCount') != SERVICE_RING_SLOT_COUNT ||
  offsetof<Service>('distribution') != SERVICE_DISTRIBUTION ||
  offsetof<Service>('state') != SERVICE_STATE ||
  offsetof<Service>('idleTicks') != SERVICE_IDLE_TICKS ||
  offsetof<Service>('packets') != SERVICE_PACKETS ||
  offsetof<Service>('bytesTotal') != SERVICE_BYTES_TOTAL ||
  offsetof<Service>('backend') != SERVICE_BACKEND ||
  offsetof<Service>('dropShare') != SERVICE_DROP_SHARE ||
  offsetof<Service>('droppedPackets') != SERVICE_DROPPED_PACKETS ||
  offsetof<Service>('droppedBytes') != SERVICE_DROPPED_BYTES ||
  offsetof<Service>() != SERVICE_BYTES
) {
  ERROR('abi.ts: the service has drifted');
}
if (
  offsetof<Backend>('generation') != BACKEND_GENERATION ||
  offsetof<Backend>('state') != BACKEND_STATE ||
  offsetof<Backend>('kind') != BACKEND_KIND ||
  offsetof<Backend>('headerSum') != BACKEND_HEADER_SUM ||
  offsetof<Backend>('packets') != BACKEND_PACKETS ||
  offsetof<Backend>('bytesTotal') != BACKEND_BYTES_TOTAL ||
  offsetof<Backend>() != BACKEND_BYTES ||
  TEMPLATE_BYTES_MAX > BACKEND_GENERATION ||
  PEER_ROLES != BACKEND_STATE ||
  TEMPLATE_BYTES_MAX + 2 * 4 > HEADROOM_BYTES
) {
  ERROR('abi.ts: the backend has drifted');
}
if (
  offsetof<RingMember>('skip') != RING_MEMBER_SKIP ||
  offsetof<RingMember>('weight') != RING_MEMBER_WEIGHT ||
  offsetof<RingMember>('turn') != RING_MEMBER_TURN ||
  offsetof<RingMember>('backend') != RING_MEMBER_BACKEND ||
  offsetof<RingMember>() != RING_MEMBER_BYTES
) {
  ERROR('abi.ts: the ring member has drifted');
}
if (
  offsetof<Nic>('state') != NIC_STATE ||
  offsetof<Nic>('vni') != NIC_VNI ||
  offsetof<Nic>('index') != NIC_INDEX ||
  offsetof<Nic>() != NIC_BYTES
) {
  ERROR('abi.ts: the NIC entry has drifted');
}
if (
  offsetof<Translation>('port') != TRANSLATION_PORT ||
  offsetof<Translation>('protocol') != TRANSLATION_PROTOCOL ||
  offsetof<Translation>('kind') != TRANSLATION_KIND ||
  offsetof<Translation>('dip') != TRANSLATION_DIP ||
  offsetof<Translation>('backendPort') != TRANSLATION_BACKEND_PORT ||
  offsetof<Translation>('flags') != TRANSLATION_FLAGS ||
  offsetof<Translation>('nic') != TRANSLATION_NIC ||
  offsetof<Translation>('idleTicks') != TRANSLATION_IDLE_TICKS ||
  offsetof<Translation>('ruleFirst') != TRANSLATION_RULE_FIRST ||
  offsetof<Translation>('ruleCount') != TRANSLATION_RULE_COUNT ||
  offsetof<Translation>() != TRANSLATION_BYTES
) {
  ERROR('abi.ts: the translation entry has drifted');
}
if (
  offsetof<SnatRule>('rangeFirst') != SNAT_RULE_RANGE_FIRST ||
  offsetof<SnatRule>('rangeCount') != SNAT_RULE_RANGE_COUNT ||
  offsetof<SnatRule>('portCount') != SNAT_RULE_PORT_COUNT ||
  offsetof<SnatRule>('idleTicks') != SNAT_RULE_IDLE_TICKS ||
  offsetof<SnatRule>('protocol') != SNAT_RULE_PROTOCOL ||
  offsetof<SnatRule>('flags') != SNAT_RULE_FLAGS ||
  offsetof<SnatRule>('allocated') != SNAT_RULE_ALLOCATED ||
  offsetof<SnatRule>('exhausted') != SNAT_RULE_EXHAUSTED ||
  offsetof<SnatRule>() != SNAT_RULE_BYTES
) {
  ERROR('abi.ts: the SNAT rule has drifted');
}
if (
  offsetof<Exemption>('mask0') != EXEMPTION_MASK ||
  offsetof<Exemption>('vni') != EXEMPTION_VNI ||
  offsetof<Exemption>('family') != EXEMPTION_FAMILY ||
  offsetof<Exemption>() != EXEMPTION_BYTES
) {
  ERROR('abi.ts: the exemption has drifted');
}
if (
  offsetof<NatFlow>('localAddress') != NAT_FLOW_LOCAL_ADDRESS ||
  offsetof<NatFlow>('remotePort') != NAT_FLOW_REMOTE_PORT ||
  offsetof<NatFlow>('localPort') != NAT_FLOW_LOCAL_PORT ||
  offsetof<NatFlow>('nic') != NAT_FLOW_NIC ||
  offsetof<NatFlow>('protocol') != NAT_FLOW_PROTOCOL ||
  offsetof<NatFlow>('kind') != NAT_FLOW_KIND ||
  offsetof<NatFlow>('vip') != NAT_FLOW_VIP ||
  offsetof<NatFlow>('vipPort') != NAT_FLOW_VIP_PORT ||
  offsetof<NatFlow>('state') != NAT_FLOW_STATE ||
  offsetof<NatFlow>('flags') != NAT_FLOW_FLAGS ||
  offsetof<NatFlow>('idleTicks') != NAT_FLOW_IDLE_TICKS ||
  offsetof<NatFlow>('ticks') != NAT_FLOW_TICKS ||
  offsetof<NatFlow>('remoteAck') != NAT_FLOW_REMOTE_ACK ||
  offsetof<NatFlow>('localAck') != NAT_FLOW_LOCAL_ACK ||
  offsetof<NatFlow>('twin') != NAT_FLOW_TWIN ||
  offsetof<NatFlow>('fastpath') != NAT_FLOW_FASTPATH ||
  offsetof<NatFlow>() != NAT_FLOW_BYTES ||
  NAT_FLOW_BYTES * NAT_FLOW_WAYS != NAT_FLOW_BUCKET_BYTES
) {
  ERROR('abi.ts: the NAT flow has drifted');
}
if (
  offsetof<Fastpath>('vni') != FASTPATH_VNI ||
  offsetof<Fastpath>('peer') != FASTPATH_PEER ||
  offsetof<Fastpath>('flow') != FASTPATH_FLOW ||
  offsetof<Fastpath>('ticks') != FASTPATH_TICKS ||
  offsetof<Fastpath>('askedTicks') != FASTPATH_ASKED_TICKS ||
  offsetof<Fastpath>('isAsked') != FASTPATH_IS_ASKED ||
  offsetof<Fastpath>() != FASTPATH_BYTES ||
  FASTPATH_BYTES * FASTPATH_WAYS != FASTPATH_SET_BYTES
) {
  ERROR('abi.ts: the Fastpath entry has drifted');
}
if (
  offsetof<Decision>('flags') != DECISION_FLAGS ||
  offsetof<Decision>('port') != DECISION_PORT ||
  offsetof<Decision>('address') != DECISION_ADDRESS ||
  offsetof<Decision>('flow') != DECISION_FLOW ||
  offsetof<Decision>('rule') != DECISION_RULE ||
  offsetof<Decision>('peer') != DECISION_PEER ||
  offsetof<Decision>('local') != DECISION_LOCAL ||
  offsetof<Decision>('vni') != DECISION_VNI ||
  offsetof<Decision>('outerIp') != DECISION_OUTER_IP ||
  offsetof<Decision>('verdict') != DECISION_VERDICT ||
  offsetof<Decision>('reason') != DECISION_REASON ||
  offsetof<Decision>('family') != DECISION_FAMILY ||
  offsetof<Decision>('protocol') != DECISION_PROTOCOL ||
  offsetof<Decision>('fromVm') != DECISION_FROM_VM ||
  offsetof<Decision>('nic') != DECISION_NIC ||
  offsetof<Decision>('ip') != DECISION_IP ||
  offsetof<Decision>('l4') != DECISION_L4 ||
  offsetof<Decision>('age') != DECISION_AGE ||
  offsetof<Decision>('fastpath') != DECISION_FASTPATH ||
  offsetof<Decision>() != DECISION_BYTES ||
  DECISION_BYTES != PARSED_BYTES ||
  FIXED_DECISION != FIXED_STATE + 512
) {
  ERROR('abi.ts: the decision has drifted');
}
if (
  PARSED_L4 != PARSED_IP + 4 ||
  offsetof<Parsed>('l4') != PARSED_L4 ||
  offsetof<Parsed>('ipLength') != PARSED_IP_LENGTH ||
  offsetof<Parsed>('vlanTag') != PARSED_VLAN_TAG ||
  offsetof<Parsed>('hash') != PARSED_HASH ||
  offsetof<Parsed>('key') != PARSED_KEY ||
  offsetof<Parsed>('bucket') != PARSED_BUCKET ||
  offsetof<Parsed>('service') != PARSED_SERVICE ||
  offsetof<Parsed>('verdict') != PARSED_VERDICT ||
  offsetof<Parsed>('reason') != PARSED_REASON ||
  offsetof<Parsed>('protocol') != PARSED_PROTOCOL ||
  offsetof<Parsed>('tcpFlags') != PARSED_TCP_FLAGS ||
  offsetof<Parsed>('backend') != PARSED_BACKEND ||
  offsetof<Parsed>('ringSlot') != PARSED_RING_SLOT ||
  offsetof<Parsed>('source') != PARSED_SOURCE ||
  offsetof<Parsed>('family') != PARSED_FAMILY ||
  offsetof<Parsed>('leasedPort') != PARSED_LEASED_PORT ||
  offsetof<Parsed>('flow') != PARSED_FLOW ||
  offsetof<Parsed>('vlanTagInner') != PARSED_VLAN_TAG_INNER ||
  offsetof<Parsed>() != PARSED_BYTES
) {
  ERROR('abi.ts: the parsed record has drifted');
}
if (
  offsetof<Quote>('ip') != QUOTE_IP ||
  offsetof<Quote>('l4') != QUOTE_L4 ||
  offsetof<Quote>('end') != QUOTE_END ||
  offsetof<Quote>('sourcePort') != QUOTE_SOURCE_PORT ||
  offsetof<Quote>('destinationPort') != QUOTE_DESTINATION_PORT ||
  offsetof<Quote>('family') != QUOTE_FAMILY ||
  offsetof<Quote>('protocol') != QUOTE_PROTOCOL ||
  offsetof<Quote>('isLater') != QUOTE_IS_LATER ||
  offsetof<Quote>() != QUOTE_BYTES
) {
  ERROR('abi.ts: the quote has drifted');
}
if (
  offsetof<Datagram>('source0') != DATAGRAM_SOURCE ||
  offsetof<Datagram>('destination0') != DATAGRAM_DESTINATION ||
  offsetof<Datagram>('id') != DATAGRAM_ID ||
  offsetof<Datagram>('nic') != DATAGRAM_NIC ||
  offsetof<Datagram>('protocol') != DATAGRAM_PROTOCOL ||
  offsetof<Datagram>('family') != DATAGRAM_FAMILY ||
  offsetof<Datagram>('ticks') != DATAGRAM_KEY_BYTES ||
  offsetof<Datagram>('ticks') != DATAGRAM_TICKS ||
  offsetof<Datagram>('isPoisoned') != DATAGRAM_IS_POISONED ||
  offsetof<Datagram>('rangeCount') != DATAGRAM_RANGE_COUNT ||
  offsetof<Datagram>('value0') != DATAGRAM_VALUE ||
  offsetof<Datagram>('range01') != DATAGRAM_RANGES ||
  DATAGRAM_RANGES + 4 * DATAGRAM_RANGE_COUNT_MAX != DATAGRAM_BYTES ||
  offsetof<Datagram>() != DATAGRAM_BYTES ||
  DATAGRAM_BYTES * DATAGRAM_WAYS != FRAGMENT_SET_BYTES
) {
  ERROR('abi.ts: the datagram has drifted');
}
if (
  offsetof<Pin>('service') != PIN_SERVICE ||
  offsetof<Pin>('backend') != PIN_BACKEND ||
  offsetof<Pin>('generation') != PIN_GENERATION ||
  offsetof<Pin>() != PIN_BYTES ||
  DATAGRAM_VALUE + PIN_BYTES != DATAGRAM_RANGES
) {
  ERROR('abi.ts: the pin has drifted');
}
if (
  offsetof<Held>('length') != HELD_LENGTH ||
  offsetof<Held>('length') != DATAGRAM_KEY_BYTES ||
  offsetof<Held>('ticks') != HELD_TICKS ||
  offsetof<Held>('link') != HELD_LINK ||
  offsetof<Held>() != HELD_FRAME ||
  HELD_FRAME + HELD_FRAME_BYTES_MAX != HELD_BYTES
) {
  ERROR('abi.ts: the kept fragment has drifted');
}
if (
  offsetof<PacketPort>('link') != PACKET_PORT_LINK ||
  offsetof<PacketPort>('side') != PACKET_PORT_SIDE ||
  offsetof<PacketPort>('flags') != PACKET_PORT_FLAGS ||
  offsetof<PacketPort>('room') != PACKET_PORT_ROOM ||
  offsetof<PacketPort>('nativeAddress') != PACKET_PORT_NATIVE_ADDRESS ||
  offsetof<PacketPort>('messageCount') != PACKET_PORT_MESSAGE_COUNT ||
  offsetof<PacketPort>('waitingFirst') != PACKET_PORT_WAITING_FIRST ||
  offsetof<PacketPort>('waitingCount') != PACKET_PORT_WAITING_COUNT ||
  offsetof<PacketPort>('pendingCount') != PACKET_PORT_PENDING_COUNT ||
  offsetof<PacketPort>('hand') != PACKET_PORT_HAND ||
  offsetof<PacketPort>('lent') != PACKET_PORT_LENT ||
  offsetof<PacketPort>('lentMax') != PACKET_PORT_LENT_MAX ||
  offsetof<PacketPort>('inFlight') != PACKET_PORT_IN_FLIGHT ||
  offsetof<PacketPort>('inFlightMax') != PACKET_PORT_IN_FLIGHT_MAX ||
  offsetof<PacketPort>('batch') != PACKET_PORT_BATCH ||
  offsetof<PacketPort>('budget') != PACKET_PORT_BUDGET ||
  offsetof<PacketPort>('transmitRoom') != PACKET_PORT_TRANSMIT_ROOM ||
  offsetof<PacketPort>('received') != PACKET_PORT_RECEIVED ||
  offsetof<PacketPort>('sent') != PACKET_PORT_SENT ||
  offsetof<PacketPort>('sendDropped') != PACKET_PORT_SEND_DROPPED ||
  offsetof<PacketPort>('tooLong') != PACKET_PORT_TOO_LONG ||
  offsetof<PacketPort>('finished') != PACKET_PORT_FINISHED ||
  offsetof<PacketPort>('segmented') != PACKET_PORT_SEGMENTED ||
  offsetof<PacketPort>() != PACKET_PORT_RECEIVE_RING ||
  PACKET_PORT_RECEIVE_RING + XSK_RING_BYTES != PACKET_PORT_TRANSMIT_RING ||
  PACKET_PORT_TRANSMIT_RING + XSK_RING_BYTES != PACKET_PORT_FILL_RING ||
  PACKET_PORT_FILL_RING + XSK_RING_BYTES != PACKET_PORT_COMPLETION_RING ||
  PACKET_PORT_COMPLETION_RING + XSK_RING_BYTES != PACKET_PORT_BYTES
) {
  ERROR('abi.ts: the packet port has drifted');
}
if (
  offsetof<XskRing>('consumer') != XSK_RING_CONSUMER ||
  offsetof<XskRing>('entries') != XSK_RING_ENTRIES ||
  offsetof<XskRing>('flags') != XSK_RING_FLAGS ||
  offsetof<XskRing>('mask') != XSK_RING_MASK ||
  offsetof<XskRing>('index') != XSK_RING_INDEX ||
  offsetof<XskRing>('published') != XSK_RING_PUBLISHED ||
  offsetof<XskRing>() != XSK_RING_BYTES
) {
  ERROR('abi.ts: the ring of a packet port has drifted');
}
if (
  offsetof<Message>('nameLength') != MESSAGE_NAME_LENGTH ||
  offsetof<Message>('vector') != MESSAGE_VECTOR ||
  offsetof<Message>('vectorCount') != MESSAGE_VECTOR_COUNT ||
  offsetof<Message>('flags') != MESSAGE_FLAGS ||
  offsetof<Message>('length') != MESSAGE_LENGTH ||
  offsetof<Message>() != MESSAGE_BYTES
) {
  ERROR('abi.ts: the message has drifted');
}
if (
  ROOM_TRANSMIT_RING != ROOM_RING_BYTES ||
  ROOM_FILL_RING != 2 * ROOM_RING_BYTES ||
  ROOM_COMPLETION_RING != 3 * ROOM_RING_BYTES ||
  ROOM_BYTES != 4 * ROOM_RING_BYTES ||
  ROOM_MESSAGE_COUNT_MAX * MESSAGE_BYTES != ROOM_TRANSMIT_MESSAGES ||
  2 * ROOM_TRANSMIT_MESSAGES != ROOM_RECEIVE_VECTORS ||
  ROOM_RECEIVE_VECTORS + ROOM_MESSAGE_COUNT_MAX * VECTOR_BYTES != ROOM_TRANSMIT_VECTORS ||
  ROOM_TRANSMIT_VECTORS + ROOM_MESSAGE_COUNT_MAX * VECTOR_BYTES != ROOM_RECEIVE_NAMES ||
  ROOM_RECEIVE_NAMES + ROOM_MESSAGE_COUNT_MAX * NAME_BYTES != ROOM_TRANSMIT_NAMES ||
  ROOM_TRANSMIT_NAMES + ROOM_MESSAGE_COUNT_MAX * NAME_BYTES != ROOM_RECEIVE_CHUNKS ||
  ROOM_RECEIVE_CHUNKS + ROOM_MESSAGE_COUNT_MAX * 4 != ROOM_TRANSMIT_CHUNKS ||
  ROOM_TRANSMIT_CHUNKS + ROOM_MESSAGE_COUNT_MAX * 4 > ROOM_BYTES
) {
  ERROR('abi.ts: the room of a packet port overlaps itself');
}
if (
  STATE_QUOTE + QUOTE_BYTES != STATE_DATAGRAM_KEY ||
  STATE_DATAGRAM_KEY + DATAGRAM_KEY_BYTES != STATE_HELD_COUNT ||
  STATE_HELD_ORDER + HELD_COUNT_MAX != STATE_TOLD_SPENT ||
  STATE_REVERSED_IP + 40 > FIXED_DECISION - FIXED_STATE
) {
  ERROR('abi.ts: the state overlaps itself');
}
if (
  FIXED_REGIONS + REGION_COUNT_MAX * REGION_PAIR_BYTES != FIXED_CONFIG ||
  FIXED_CONFIG + 256 != FIXED_VERDICT_COUNTERS ||
  FIXED_VERDICT_COUNTERS + 128 != FIXED_REASON_COUNTERS ||
  FIXED_REASON_COUNTERS + 64 * 8 != FIXED_COUNTERS ||
  FIXED_COUNTERS + 64 * 8 != FIXED_PARSED ||
  FIXED_PARSED + STAGE_FRAME_COUNT * PARSED_BYTES != FIXED_NO_BUCKET ||
  FIXED_NO_BUCKET % 64 != 0 ||
  FIXED_TOUCH_SINK + 32 != FIXED_ROUTES ||
  FIXED_ROUTES + 8 * 4 != FIXED_STATE ||
  VERDICT_COUNT > 8 ||
  FIXED_DECISION + DECISION_BYTES != FIXED_END ||
  FIXED_END > 2 * 65536
) {
  ERROR('abi.ts: the fixed block overlaps itself');
}
