/**
 * MUX, second stage: which backend takes this packet. The one place of the data plane that decides.
 *
 * An inbound NAT rule has one backend and needs no memory. A load balancing rule has a ring; a SYN goes where the ring
 * says, everything else goes where its flow went before, and where the table does not know the flow, to the ring too:
 * the rings of all MUXes are equal, so that a connection which arrives at another MUX finds its backend all the same.
 *
 * chooseBackend only reads, so that explain can ask it; rememberFlow writes what the choice leaves behind.
 */
import {
  COUNTER_FLOW_HITS,
  COUNTER_FLOW_MISSES,
  DISTRIBUTION_DEFAULT,
  FLOW_CLASS_OTHER,
  FLOW_CLASS_TCP,
  FLOW_CLASS_UDP,
  FLOW_CLOSING,
  FLOW_HALF_OPEN,
  FLOW_RESET,
  FLOW_SEEN_ONCE,
  NO_INDEX,
  PARSED_BACKEND,
  PARSED_BUCKET,
  PARSED_FAMILY,
  PARSED_FLOW,
  PARSED_HASH,
  PARSED_IP,
  PARSED_KEY,
  PARSED_PROTOCOL,
  PARSED_RING_SLOT,
  PARSED_SERVICE,
  PARSED_SOURCE,
  PARSED_TCP_FLAGS,
  REASON_NO_BACKEND,
  REASON_NONE,
  SOURCE_FIXED,
  SOURCE_FLOW,
  SOURCE_RING,
} from './abi';
import { count } from './counters';
import { distributionProtocol, flowHash, flowHash6, ringSlotOf } from './flow-hash';
import {
  endFlow,
  findFlow,
  flowBackend,
  flowIsLive,
  flowIsSettled,
  insertFlow,
  reopenFlow,
  restartFlow,
  touchFlow,
} from './table/flow';
import { flowIdentity } from './table/flow-state';
import { ringBackend } from './table/ring';
import {
  serviceAt,
  serviceDistribution,
  serviceFixedBackend,
  serviceRing,
  serviceRingSlotCount,
} from './table/service';
import { ipv4Addresses } from './wire/ipv4';
import { ipv6Source } from './wire/ipv6';
import { endsConnection, opensConnection, PROTOCOL_TCP, resetsConnection } from './wire/tcp';
import { PROTOCOL_UDP } from './wire/udp';

/** Finds the backend and says in the parsed record how; answers with a drop reason. @inline */
export function chooseBackend(parsed: usize, now: u32): u32 {
  const serviceIndex = load<u32>(parsed, PARSED_SERVICE);
  const service = serviceAt(serviceIndex);
  if (serviceFixedBackend(service) != NO_INDEX) {
    chooseFixed(parsed, service);
    return REASON_NONE;
  }
  const flowClass = flowClassOf(load<u8>(parsed, PARSED_PROTOCOL));
  const flow = findFlow(load<u32>(parsed, PARSED_BUCKET), load<u64>(parsed, PARSED_KEY), serviceIndex, flowClass);
  store<u32>(parsed, <u32>flow, PARSED_FLOW);
  const opens = opensConnection(load<u8>(parsed, PARSED_TCP_FLAGS));
  if (flow != 0 && !opens && flowIsLive(flow, now)) {
    store<u32>(parsed, flowBackend(flow), PARSED_BACKEND);
    store<u8>(parsed, SOURCE_FLOW, PARSED_SOURCE);
    return REASON_NONE;
  }
  // A rule may have no member that takes new connections, and keep those it has.
  const slotCount = serviceRingSlotCount(service);
  if (slotCount == 0) return REASON_NO_BACKEND;
  chooseFromRing(parsed, service, slotCount);
  return REASON_NONE;
}

/** Writes what chooseBackend found into the flow table. @inline */
export function rememberFlow(parsed: usize, now: u32): void {
  const source: u32 = load<u8>(parsed, PARSED_SOURCE);
  const flow: usize = load<u32>(parsed, PARSED_FLOW);
  const flags = load<u8>(parsed, PARSED_TCP_FLAGS);
  if (source == SOURCE_FLOW) {
    count(COUNTER_FLOW_HITS);
    if (!flowIsSettled(flow, now) || endsConnection(flags)) followFlow(flow, flags, now);
  } else if (source == SOURCE_RING) {
    count(COUNTER_FLOW_MISSES);
    // A reset ends a connection: whoever sends one we do not know must not take up room.
    if (!resetsConnection(flags)) startFlow(parsed, flow, flags, now);
  }
}

/** chooseBackend and rememberFlow for what few packets are: one copy, so that it takes no room from the many. */
export function chooseBackendRarely(parsed: usize, now: u32): u32 {
  return chooseBackend(parsed, now);
}

export function rememberFlowRarely(parsed: usize, now: u32): void {
  rememberFlow(parsed, now);
}

function followFlow(flow: usize, flags: u32, now: u32): void {
  if (!endsConnection(flags)) touchFlow(flow, now);
  else endFlow(flow, resetsConnection(flags) ? FLOW_RESET : FLOW_CLOSING, now);
}

function startFlow(parsed: usize, flow: usize, flags: u32, now: u32): void {
  const backend = load<u32>(parsed, PARSED_BACKEND);
  const opens = opensConnection(flags);
  if (flow != 0 && opens && flowBackend(flow) == backend && flowIsLive(flow, now)) {
    reopenFlow(flow, now);
    return;
  }
  const state = opens ? FLOW_HALF_OPEN : endsConnection(flags) ? FLOW_CLOSING : FLOW_SEEN_ONCE;
  if (flow != 0) {
    restartFlow(flow, backend, state, now);
    return;
  }
  const identity = flowIdentity(load<u32>(parsed, PARSED_SERVICE), flowClassOf(load<u8>(parsed, PARSED_PROTOCOL)));
  insertFlow(load<u32>(parsed, PARSED_BUCKET), load<u64>(parsed, PARSED_KEY), identity, backend, state, now);
}

function flowClassOf(protocol: u32): u32 {
  if (protocol == PROTOCOL_TCP) return FLOW_CLASS_TCP;
  return protocol == PROTOCOL_UDP ? FLOW_CLASS_UDP : FLOW_CLASS_OTHER;
}

function chooseFixed(parsed: usize, service: usize): void {
  store<u32>(parsed, serviceFixedBackend(service), PARSED_BACKEND);
  store<u8>(parsed, SOURCE_FIXED, PARSED_SOURCE);
}

/** @inline */
function chooseFromRing(parsed: usize, service: usize, slotCount: u32): void {
  const distribution = serviceDistribution(service);
  const isWhole = distribution == DISTRIBUTION_DEFAULT;
  const hash = isWhole ? load<u64>(parsed, PARSED_HASH) : narrowHash(parsed, distribution);
  const slot = ringSlotOf(hash, slotCount);
  store<u32>(parsed, slot, PARSED_RING_SLOT);
  store<u32>(parsed, ringBackend(serviceRing(service), slot), PARSED_BACKEND);
  store<u8>(parsed, SOURCE_RING, PARSED_SOURCE);
}

/** The hash of a distribution that does not cover the ports. */
function narrowHash(parsed: usize, distribution: u32): u64 {
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const protocol = distributionProtocol(distribution, load<u8>(parsed, PARSED_PROTOCOL));
  if (load<u8>(parsed, PARSED_FAMILY) == 6) return flowHash6(ipv6Source(ip), 0, protocol);
  return flowHash(ipv4Addresses(ip), 0, protocol);
}
