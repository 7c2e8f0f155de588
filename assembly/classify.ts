/**
 * MUX, first stage: from a frame to the service it is for, its hash, and its place in the flow table.
 *
 * A frame that is not for one of our VIPs passes, however malformed it is: it is the kernel's to judge. Only what
 * claims to be ours is checked and, where it lies, dropped.
 */
import {
  FIXED_NO_BUCKET,
  NO_INDEX,
  PARSED_BACKEND,
  PARSED_BUCKET,
  PARSED_FAMILY,
  PARSED_FLOW,
  PARSED_HASH,
  PARSED_IP,
  PARSED_IP_LENGTH,
  PARSED_KEY,
  PARSED_L4,
  PARSED_PROTOCOL,
  PARSED_RING_SLOT,
  PARSED_SERVICE,
  PARSED_SOURCE,
  PARSED_TCP_FLAGS,
  PARSED_VERDICT,
  REASON_NO_RULE,
  REASON_NONE,
  REASON_OVERSIZE,
  SOURCE_NONE,
  VERDICT_FORWARD,
  VERDICT_REPLY,
} from './abi';
import { flowHash } from './flow-hash';
import { availableBytes, dropFor, isOversize, OUTCOME_CONTINUE, OUTCOME_PASS, parseLink } from './parse';
import { findService, isVip } from './table/endpoint';
import { flowBucket, flowKey } from './table/flow';
import { checkEchoRequest, PROTOCOL_ICMP } from './wire/icmp';
import {
  checkIpv4Header,
  checkIpv4Start,
  checkIpv4Whole,
  ipv4Addresses,
  ipv4Destination,
  ipv4HeaderBytes,
  ipv4Protocol,
  ipv4Source,
  ipv4TotalLength,
} from './wire/ipv4';
import { checkSegment, destinationPort, portPair } from './wire/ports';
import { PROTOCOL_TCP, tcpFlags } from './wire/tcp';

/** Fills the parsed record of a frame. Its verdict is FORWARD as long as nothing speaks against it. @inline */
export function classify(descriptor: usize, parsed: usize): void {
  store<u32>(parsed, FIXED_NO_BUCKET, PARSED_BUCKET);
  store<u32>(parsed, NO_INDEX, PARSED_SERVICE);
  store<u32>(parsed, NO_INDEX, PARSED_BACKEND);
  store<u32>(parsed, NO_INDEX, PARSED_RING_SLOT);
  store<u8>(parsed, SOURCE_NONE, PARSED_SOURCE);
  store<u32>(parsed, 0, PARSED_FLOW);
  store<u16>(parsed, 0, PARSED_PROTOCOL);
  let outcome = isOversize(descriptor) ? dropFor(REASON_OVERSIZE) : parseLink(descriptor, parsed);
  if (outcome == OUTCOME_CONTINUE) {
    const isIpv6 = load<u8>(parsed, PARSED_FAMILY) == 6;
    outcome = isIpv6 ? OUTCOME_PASS : classifyIpv4(parsed, availableBytes(descriptor, parsed));
  }
  store<u16>(parsed, <u16>(outcome == OUTCOME_CONTINUE ? VERDICT_FORWARD : outcome), PARSED_VERDICT);
}

/** @inline */
function classifyIpv4(parsed: usize, available: u32): u32 {
  const ip = load<u32>(parsed, PARSED_IP);
  const start = checkIpv4Start(ip, available);
  if (start != REASON_NONE) return dropFor(start);
  let reason = checkIpv4Header(ip, available);
  if (reason == REASON_NONE) reason = checkIpv4Whole(ip);
  if (reason == REASON_NONE && ipv4Protocol(ip) == PROTOCOL_ICMP) return classifyIcmp(ip);
  if (reason == REASON_NONE) reason = parseSegment(parsed, ip);
  if (reason == REASON_NONE) return findServiceOf(parsed, ip);
  return isVip(ipv4Destination(ip)) ? dropFor(reason) : OUTCOME_PASS;
}

/** A VIP is no machine of anybody's; the MUX answers in its place, so that an operator can see the way to it. */
function classifyIcmp(ip: usize): u32 {
  if (!isVip(ipv4Destination(ip))) return OUTCOME_PASS;
  const headerBytes = ipv4HeaderBytes(ip);
  const reason = checkEchoRequest(ip + headerBytes, ipv4TotalLength(ip) - headerBytes);
  return reason == REASON_NONE ? VERDICT_REPLY : dropFor(reason);
}

/** @inline */
function parseSegment(parsed: usize, ip: usize): u32 {
  const headerBytes = ipv4HeaderBytes(ip);
  const totalLength = ipv4TotalLength(ip);
  const protocol = ipv4Protocol(ip);
  const l4 = ip + headerBytes;
  const reason = checkSegment(protocol, l4, totalLength - headerBytes);
  if (reason != REASON_NONE) return reason;
  store<u32>(parsed, <u32>l4, PARSED_L4);
  store<u32>(parsed, totalLength, PARSED_IP_LENGTH);
  store<u8>(parsed, <u8>protocol, PARSED_PROTOCOL);
  if (protocol == PROTOCOL_TCP) store<u8>(parsed, <u8>tcpFlags(l4), PARSED_TCP_FLAGS);
  return REASON_NONE;
}

/** @inline */
function findServiceOf(parsed: usize, ip: usize): u32 {
  const l4 = load<u32>(parsed, PARSED_L4);
  const protocol: u32 = load<u8>(parsed, PARSED_PROTOCOL);
  const destination = ipv4Destination(ip);
  const service = findService(destination, protocol, destinationPort(l4));
  if (service == NO_INDEX) return isVip(destination) ? dropFor(REASON_NO_RULE) : OUTCOME_PASS;
  const hash = flowHash(ipv4Addresses(ip), portPair(l4), protocol);
  store<u32>(parsed, service, PARSED_SERVICE);
  store<u64>(parsed, hash, PARSED_HASH);
  store<u64>(parsed, flowKey(ipv4Source(ip), portPair(l4)), PARSED_KEY);
  store<u32>(parsed, <u32>flowBucket(hash), PARSED_BUCKET);
  return OUTCOME_CONTINUE;
}
