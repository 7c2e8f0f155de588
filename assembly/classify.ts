/**
 * MUX, first stage: from a frame to the service it is for, its hash, and its place in the flow table.
 *
 * A frame that is not for one of our VIPs passes, however malformed it is: it is the kernel's to judge. Only what
 * claims to be ours is checked and, where it lies, dropped.
 *
 *   classify ─► IPv4 ─┬─► a whole TCP or UDP packet for a service's own port: here
 *            └► IPv6 ─┴─► everything else: classify-rare.ts ─► classify-fragment.ts, classify-icmp.ts, classify-service.ts
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
  REASON_FRAGMENT,
  REASON_NONE,
  REASON_OVERSIZE,
  REASON_SOURCE,
  SOURCE_NONE,
  VERDICT_FORWARD,
} from './abi';
import { classifyIpv6 } from './classify-ipv6';
import { classifyRare, classifyUnnamed, dropIfOurs } from './classify-rare';
import { flowHash } from './flow-hash';
import { isOwnConversationV4 } from './own-vip';
import { availableBytes, dropFor, isOversize, OUTCOME_CONTINUE, parseLink } from './parse';
import { findService } from './table/endpoint';
import { flowBucket, flowKey } from './table/flow';
import {
  checkIpv4Header,
  checkIpv4Origin,
  checkIpv4Start,
  ipv4Addresses,
  ipv4Destination,
  ipv4HeaderBytes,
  ipv4IsFragment,
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
    const available = availableBytes(descriptor, parsed);
    const isIpv6 = load<u8>(parsed, PARSED_FAMILY) == 6;
    outcome = isIpv6 ? classifyIpv6(parsed, available) : classifyIpv4(parsed, available);
  }
  store<u16>(parsed, <u16>(outcome == OUTCOME_CONTINUE ? VERDICT_FORWARD : outcome), PARSED_VERDICT);
}

/** @inline */
function classifyIpv4(parsed: usize, available: u32): u32 {
  const ip = load<u32>(parsed, PARSED_IP);
  const start = checkIpv4Start(ip, available);
  if (start != REASON_NONE) return dropFor(start);
  const vip = ipv4Destination(ip);
  let reason = checkIpv4Header(ip, available);
  if (reason == REASON_NONE) reason = checkIpv4Origin(ip);
  if (reason != REASON_NONE && (reason != REASON_SOURCE || !isOwnConversationV4(ip))) return dropIfOurs(vip, 4, reason);

  const headerBytes = ipv4HeaderBytes(ip);
  const totalLength = ipv4TotalLength(ip);
  const protocol = ipv4Protocol(ip);
  const l4 = ip + headerBytes;
  store<u32>(parsed, totalLength, PARSED_IP_LENGTH);
  store<u8>(parsed, <u8>protocol, PARSED_PROTOCOL);
  reason = ipv4IsFragment(ip) ? REASON_FRAGMENT : checkSegment(protocol, l4, totalLength - headerBytes);
  if (reason != REASON_NONE) return classifyRare(parsed, vip, l4, reason);

  store<u32>(parsed, <u32>l4, PARSED_L4);
  if (protocol == PROTOCOL_TCP) store<u8>(parsed, <u8>tcpFlags(l4), PARSED_TCP_FLAGS);
  const service = findService(vip, 4, protocol, destinationPort(l4));
  if (service == NO_INDEX) return classifyUnnamed(parsed, vip, portPair(l4));
  const hash = flowHash(ipv4Addresses(ip), portPair(l4), protocol);
  store<u32>(parsed, service, PARSED_SERVICE);
  store<u64>(parsed, hash, PARSED_HASH);
  store<u64>(parsed, flowKey(ipv4Source(ip), portPair(l4)), PARSED_KEY);
  store<u32>(parsed, <u32>flowBucket(hash), PARSED_BUCKET);
  return OUTCOME_CONTINUE;
}
