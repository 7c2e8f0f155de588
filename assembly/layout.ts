/**
 * Where everything lies in linear memory.
 *
 * The fixed block is at constant addresses (abi.ts). The regions after it are as large as the embedder asked; the SDK
 * plans their bases, writes them into the fixed block and calls init() once. The classes below are never created: they
 * draw each record a second time, and the compiler refuses to build when the drawing and abi.ts disagree.
 */
import {
  ADDRESS_BYTES,
  ADDRESS_WORD,
  BACKEND_BYTES,
  BACKEND_BYTES_TOTAL,
  BACKEND_GENERATION,
  BACKEND_HEADER_SUM,
  BACKEND_PACKETS,
  BACKEND_STATE,
  DESCRIPTOR_BACKEND,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_PORT,
  DESCRIPTOR_REASON,
  DESCRIPTOR_SERVICE,
  DESCRIPTOR_VERDICT,
  ENDPOINT_BYTES,
  ENDPOINT_FAMILY,
  ENDPOINT_PORT,
  ENDPOINT_PROTOCOL,
  ENDPOINT_SERVICE,
  FIXED_CONFIG,
  FIXED_COUNTERS,
  FIXED_END,
  FIXED_NO_BUCKET,
  FIXED_PARSED,
  FIXED_REASON_COUNTERS,
  FIXED_REGIONS,
  FIXED_STATE,
  FIXED_TOUCH_SINK,
  FIXED_VERDICT_COUNTERS,
  FLOW_BUCKET_BYTES,
  NAT_FLOW_BUCKET_BYTES,
  NAT_FLOW_BYTES,
  NAT_FLOW_IDLE_TICKS,
  NAT_FLOW_LOCAL_ADDRESS,
  NAT_FLOW_LOCAL_PORT,
  NAT_FLOW_NIC,
  NAT_FLOW_PROTOCOL,
  NAT_FLOW_REMOTE_PORT,
  NAT_FLOW_STATE,
  NAT_FLOW_TICKS,
  NAT_FLOW_VIP,
  NAT_FLOW_VIP_PORT,
  NAT_FLOW_WAYS,
  NIC_BYTES,
  NIC_INDEX,
  NIC_STATE,
  NIC_VNI,
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
  PARSED_PROTOCOL,
  PARSED_REASON,
  PARSED_RING_SLOT,
  PARSED_SERVICE,
  PARSED_SOURCE,
  PARSED_TCP_FLAGS,
  PARSED_VERDICT,
  PARSED_VLAN_TAG,
  PARSED_VLAN_TAG_INNER,
  REGION_ADDRESSES,
  REGION_BACKENDS,
  REGION_COUNT,
  REGION_COUNT_MAX,
  REGION_DESCRIPTORS,
  REGION_ENDPOINTS,
  REGION_FLOWS,
  REGION_NAT_FLOWS,
  REGION_NICS,
  REGION_PAIR_BYTES,
  REGION_RING_MEMBERS,
  REGION_RINGS,
  REGION_SERVICES,
  REGION_SNAT_BLOCKS,
  REGION_TRANSLATIONS,
  RING_MEMBER_BACKEND,
  RING_MEMBER_BYTES,
  RING_MEMBER_SKIP,
  RING_MEMBER_TURN,
  RING_MEMBER_WEIGHT,
  SERVICE_BACKEND,
  SERVICE_BYTES,
  SERVICE_BYTES_TOTAL,
  SERVICE_DISTRIBUTION,
  SERVICE_IDLE_TICKS,
  SERVICE_PACKETS,
  SERVICE_RING_SLOT_COUNT,
  SERVICE_STATE,
  SNAT_BLOCK_BACKEND,
  SNAT_BLOCK_BYTES,
  SNAT_BLOCK_FAMILY,
  SNAT_BLOCK_NUMBER,
  STAGE_FRAME_COUNT,
  TRANSLATION_BACKEND_PORT,
  TRANSLATION_BYTES,
  TRANSLATION_DIP,
  TRANSLATION_IDLE_TICKS,
  TRANSLATION_NIC,
  TRANSLATION_PORT,
  TRANSLATION_PROTOCOL,
  TRANSLATION_STATE,
} from './abi';

export let descriptorsBase: u32 = 0;
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
export let snatBlocksBase: u32 = 0;
export let snatBlocksMask: u32 = 0;

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
  snatBlocksBase = regionBase(REGION_SNAT_BLOCKS);
  snatBlocksMask = regionCount(REGION_SNAT_BLOCKS) - 1;
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
  if (region == REGION_SNAT_BLOCKS) return SNAT_BLOCK_BYTES;
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
    region == REGION_SNAT_BLOCKS
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
  reserved0: u32;
  reserved1: u64;
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
  state: u8;
  dip: u32;
  backendPort: u16;
  spare: u16;
  nic: u32;
  idleTicks: u32;
  reserved: u64;
}

class NatFlow {
  remoteAddress: u32;
  remotePort: u16;
  localPort: u16;
  localAddress: u32;
  nic: u16;
  protocol: u16;
  vip: u32;
  vipPort: u16;
  state: u16;
  ticks: u32;
  idleTicks: u32;
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
  spare: u16;
  flow: u32;
  vlanTagInner: u32;
}

if (
  offsetof<Descriptor>('length') != DESCRIPTOR_LENGTH ||
  offsetof<Descriptor>('link') != DESCRIPTOR_LINK ||
  offsetof<Descriptor>('port') != DESCRIPTOR_PORT ||
  offsetof<Descriptor>('verdict') != DESCRIPTOR_VERDICT ||
  offsetof<Descriptor>('reason') != DESCRIPTOR_REASON ||
  offsetof<Descriptor>('service') != DESCRIPTOR_SERVICE ||
  offsetof<Descriptor>('backend') != DESCRIPTOR_BACKEND ||
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
  offsetof<Service>() > <usize>SERVICE_BYTES
) {
  ERROR('abi.ts: the service has drifted');
}
if (
  offsetof<Backend>('generation') != BACKEND_GENERATION ||
  offsetof<Backend>('state') != BACKEND_STATE ||
  offsetof<Backend>('headerSum') != BACKEND_HEADER_SUM ||
  offsetof<Backend>('packets') != BACKEND_PACKETS ||
  offsetof<Backend>('bytesTotal') != BACKEND_BYTES_TOTAL ||
  offsetof<Backend>() != BACKEND_BYTES
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
  offsetof<Translation>('state') != TRANSLATION_STATE ||
  offsetof<Translation>('dip') != TRANSLATION_DIP ||
  offsetof<Translation>('backendPort') != TRANSLATION_BACKEND_PORT ||
  offsetof<Translation>('nic') != TRANSLATION_NIC ||
  offsetof<Translation>('idleTicks') != TRANSLATION_IDLE_TICKS ||
  offsetof<Translation>() != TRANSLATION_BYTES
) {
  ERROR('abi.ts: the translation entry has drifted');
}
if (
  offsetof<NatFlow>('remotePort') != NAT_FLOW_REMOTE_PORT ||
  offsetof<NatFlow>('localPort') != NAT_FLOW_LOCAL_PORT ||
  offsetof<NatFlow>('localAddress') != NAT_FLOW_LOCAL_ADDRESS ||
  offsetof<NatFlow>('nic') != NAT_FLOW_NIC ||
  offsetof<NatFlow>('protocol') != NAT_FLOW_PROTOCOL ||
  offsetof<NatFlow>('vip') != NAT_FLOW_VIP ||
  offsetof<NatFlow>('vipPort') != NAT_FLOW_VIP_PORT ||
  offsetof<NatFlow>('state') != NAT_FLOW_STATE ||
  offsetof<NatFlow>('ticks') != NAT_FLOW_TICKS ||
  offsetof<NatFlow>('idleTicks') != NAT_FLOW_IDLE_TICKS ||
  offsetof<NatFlow>() != NAT_FLOW_BYTES ||
  NAT_FLOW_BYTES * NAT_FLOW_WAYS != NAT_FLOW_BUCKET_BYTES
) {
  ERROR('abi.ts: the NAT flow has drifted');
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
  offsetof<Parsed>('flow') != PARSED_FLOW ||
  offsetof<Parsed>('vlanTagInner') != PARSED_VLAN_TAG_INNER ||
  offsetof<Parsed>() != PARSED_BYTES
) {
  ERROR('abi.ts: the parsed record has drifted');
}
if (
  FIXED_REGIONS + REGION_COUNT_MAX * REGION_PAIR_BYTES != FIXED_CONFIG ||
  FIXED_CONFIG + 256 != FIXED_VERDICT_COUNTERS ||
  FIXED_VERDICT_COUNTERS + 128 != FIXED_REASON_COUNTERS ||
  FIXED_REASON_COUNTERS + 64 * 8 != FIXED_COUNTERS ||
  FIXED_COUNTERS + 64 * 8 != FIXED_PARSED ||
  FIXED_PARSED + STAGE_FRAME_COUNT * PARSED_BYTES != FIXED_NO_BUCKET ||
  FIXED_NO_BUCKET % 64 != 0 ||
  FIXED_TOUCH_SINK + 64 != FIXED_STATE ||
  FIXED_STATE + 512 != FIXED_END ||
  FIXED_END > 2 * 65536
) {
  ERROR('abi.ts: the fixed block overlaps itself');
}
