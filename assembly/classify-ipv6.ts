/** MUX, first stage, IPv6: the same steps as for IPv4 (classify.ts), with the extension headers in between. */
import {
  NO_INDEX,
  PARSED_BUCKET,
  PARSED_HASH,
  PARSED_IP,
  PARSED_IP_LENGTH,
  PARSED_KEY,
  PARSED_L4,
  PARSED_PROTOCOL,
  PARSED_SERVICE,
  PARSED_TCP_FLAGS,
  REASON_FRAGMENT,
  REASON_NONE,
  REASON_SOURCE,
} from './abi';
import { classifyRare, classifyUnnamed, dropIfOurs } from './classify-rare';
import { flowHash6 } from './flow-hash';
import { isOwnConversationV6 } from './own-vip';
import { dropFor, OUTCOME_CONTINUE, OUTCOME_PASS } from './parse';
import { addressWord } from './table/address';
import { findService } from './table/endpoint';
import { flowBucket } from './table/flow';
import {
  checkIpv6Header,
  checkIpv6Origin,
  checkIpv6Start,
  IPV6_BYTES,
  ipv6Destination,
  ipv6NextHeader,
  ipv6Source,
  ipv6TotalLength,
  walkedFragment,
  walkedL4,
  walkedProtocol,
  walkIpv6,
} from './wire/ipv6';
import { checkSegment, destinationPort, isTcpOrUdp, portPair } from './wire/ports';
import { PROTOCOL_TCP, tcpFlags } from './wire/tcp';

/** What is to happen with an IPv6 packet, of which so many bytes are there. A call, so that it takes nothing from IPv4. */
export function classifyIpv6(parsed: usize, available: u32): u32 {
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const start = checkIpv6Start(ip, available);
  if (start != REASON_NONE) return dropFor(start);
  const vip = addressWord(ipv6Destination(ip));
  if (vip == 0) return OUTCOME_PASS;
  let reason = checkIpv6Header(ip, available);
  if (reason == REASON_NONE) reason = checkIpv6Origin(ip);
  if (reason != REASON_NONE && (reason != REASON_SOURCE || !isOwnConversationV6(ip, vip)))
    return dropIfOurs(vip, 6, reason);
  const protocol = ipv6NextHeader(ip);
  return isTcpOrUdp(protocol)
    ? classifySegment(parsed, vip, protocol, ip + IPV6_BYTES)
    : classifyBehindExtensions(parsed, vip);
}

/** A packet whose extension headers, if it has any, are to be walked first. */
function classifyBehindExtensions(parsed: usize, vip: u32): u32 {
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const totalLength = ipv6TotalLength(ip);
  const reason = walkIpv6(ip, totalLength);
  if (reason != REASON_NONE) return dropIfOurs(vip, 6, reason);
  if (walkedFragment == 0) return classifySegmentRarely(parsed, vip, walkedProtocol, walkedL4);
  store<u32>(parsed, totalLength, PARSED_IP_LENGTH);
  store<u8>(parsed, <u8>walkedProtocol, PARSED_PROTOCOL);
  return classifyRare(parsed, vip, walkedL4, REASON_FRAGMENT);
}

function classifySegmentRarely(parsed: usize, vip: u32, protocol: u32, l4: usize): u32 {
  return classifySegment(parsed, vip, protocol, l4);
}

/** What is whole, and of any protocol. @inline */
function classifySegment(parsed: usize, vip: u32, protocol: u32, l4: usize): u32 {
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const totalLength = ipv6TotalLength(ip);
  store<u32>(parsed, totalLength, PARSED_IP_LENGTH);
  store<u8>(parsed, <u8>protocol, PARSED_PROTOCOL);
  const reason = checkSegment(protocol, l4, <u32>(ip + totalLength - l4));
  if (reason != REASON_NONE) return classifyRare(parsed, vip, l4, reason);

  store<u32>(parsed, <u32>l4, PARSED_L4);
  if (protocol == PROTOCOL_TCP) store<u8>(parsed, <u8>tcpFlags(l4), PARSED_TCP_FLAGS);
  const service = findService(vip, 6, protocol, destinationPort(l4));
  if (service == NO_INDEX) return classifyUnnamed(parsed, vip, portPair(l4));
  const hash = flowHash6(ipv6Source(ip), portPair(l4), protocol);
  store<u32>(parsed, service, PARSED_SERVICE);
  store<u64>(parsed, hash, PARSED_HASH);
  // A flow is known by its hash: it is keyed, so nobody can aim for another flow's.
  store<u64>(parsed, hash, PARSED_KEY);
  store<u32>(parsed, <u32>flowBucket(hash), PARSED_BUCKET);
  return OUTCOME_CONTINUE;
}
