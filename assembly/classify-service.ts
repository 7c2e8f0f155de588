/**
 * MUX: which service takes a packet for a VIP, the most specific one first: (protocol, port), any port of the protocol,
 * any protocol. What none takes may be for a leased port: an answer to a backend's own outbound connection.
 *
 * `ports` are the two ports as they lie in memory, source low, 0 for a protocol without any. They need not be those of
 * the packet: an ICMP error is about another one.
 */
import {
  NO_INDEX,
  PARSED_BACKEND,
  PARSED_BUCKET,
  PARSED_FAMILY,
  PARSED_HASH,
  PARSED_IP,
  PARSED_KEY,
  PARSED_LEASED_PORT,
  PARSED_PROTOCOL,
  PARSED_SERVICE,
  PARSED_SOURCE,
  REASON_NO_RULE,
  REASON_PROTOCOL,
  SOURCE_SNAT,
} from './abi';
import { flowHash, flowHash6 } from './flow-hash';
import { dropFor, OUTCOME_CONTINUE } from './parse';
import { findService, findWiderService } from './table/endpoint';
import { flowBucket, flowKey } from './table/flow';
import { findSnatBackend } from './table/snat-block';
import { ipv4Addresses, ipv4Source } from './wire/ipv4';
import { ipv6Source } from './wire/ipv6';
import { isTcpOrUdp } from './wire/ports';

/** Finds what takes a packet; the parsed record has its family and protocol. */
export function classifyService(parsed: usize, vip: u32, ports: u32): u32 {
  const service = findService(vip, load<u8>(parsed, PARSED_FAMILY), load<u8>(parsed, PARSED_PROTOCOL), ports >>> 16);
  return service == NO_INDEX ? classifyWiderService(parsed, vip, ports) : takeBy(parsed, service, ports);
}

/** The same for a packet whose own port has no service. */
export function classifyWiderService(parsed: usize, vip: u32, ports: u32): u32 {
  const protocol: u32 = load<u8>(parsed, PARSED_PROTOCOL);
  const service = findWiderService(vip, load<u8>(parsed, PARSED_FAMILY), protocol);
  if (service != NO_INDEX) return takeBy(parsed, service, ports);
  return isTcpOrUdp(protocol) ? classifyLeased(parsed, vip, ports) : dropFor(REASON_PROTOCOL);
}

/** A packet for a port of a VIP that may be leased to a backend; its flow is not remembered. */
export function classifyLeased(parsed: usize, vip: u32, ports: u32): u32 {
  const backend = findSnatBackend(vip, load<u8>(parsed, PARSED_FAMILY), ports >>> 16);
  if (backend == NO_INDEX) return dropFor(REASON_NO_RULE);
  store<u32>(parsed, backend, PARSED_BACKEND);
  store<u8>(parsed, SOURCE_SNAT, PARSED_SOURCE);
  store<u16>(parsed, <u16>(ports >>> 16), PARSED_LEASED_PORT);
  store<u64>(parsed, hashOf(parsed, ports), PARSED_HASH);
  return OUTCOME_CONTINUE;
}

/** Notes the service of a packet, its hash, and its place in the flow table. */
export function takeBy(parsed: usize, service: u32, ports: u32): u32 {
  const hash = hashOf(parsed, ports);
  store<u32>(parsed, service, PARSED_SERVICE);
  store<u64>(parsed, hash, PARSED_HASH);
  store<u64>(parsed, keyOf(parsed, ports, hash), PARSED_KEY);
  store<u32>(parsed, <u32>flowBucket(hash), PARSED_BUCKET);
  return OUTCOME_CONTINUE;
}

/** The hash of a packet's addresses and protocol, and of these ports. */
export function hashOf(parsed: usize, ports: u32): u64 {
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const protocol: u32 = load<u8>(parsed, PARSED_PROTOCOL);
  if (load<u8>(parsed, PARSED_FAMILY) == 6) return flowHash6(ipv6Source(ip), ports, protocol);
  return flowHash(ipv4Addresses(ip), ports, protocol);
}

/** An IPv6 flow is known by its hash: it is keyed, so nobody can aim for another flow's. */
function keyOf(parsed: usize, ports: u32, hash: u64): u64 {
  if (load<u8>(parsed, PARSED_FAMILY) == 6) return hash;
  const protocol: u32 = load<u8>(parsed, PARSED_PROTOCOL);
  return flowKey(ipv4Source(load<u32>(parsed, PARSED_IP)), isTcpOrUdp(protocol) ? ports : protocol);
}
