/**
 * MUX, first stage: an ICMP message for a VIP. A VIP is no machine of anybody's; the MUX answers an echo request in its
 * place, so that an operator can see the way to it. An echo reply and an error go to whose packet they are about.
 */
import {
  PARSED_FAMILY,
  PARSED_IP,
  PARSED_IP_LENGTH,
  PARSED_L4,
  REASON_NONE,
  REASON_PROTOCOL,
  VERDICT_REPLY,
} from './abi';
import { classifyLeased } from './classify-service';
import { dropFor, PENDING_QUOTE } from './parse';
import { checkIcmp, ICMP_ECHO_REPLY, ICMP_ECHO_REQUEST, ICMP_ERROR, icmpIdentifier, icmpKind } from './wire/icmp';
import { checkIcmpv6, icmpv6Kind } from './wire/icmpv6';

/** What is to happen with a whole packet of ICMP (over IPv4) or ICMPv6 (over IPv6), whose message begins at `l4`. */
export function classifyIcmp(parsed: usize, vip: u32, l4: usize): u32 {
  const isIpv6 = load<u8>(parsed, PARSED_FAMILY) == 6;
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const messageBytes = <u32>(ip + load<u32>(parsed, PARSED_IP_LENGTH) - l4);
  const reason = isIpv6 ? checkIcmpv6(ip, l4, messageBytes) : checkIcmp(l4, messageBytes);
  if (reason != REASON_NONE) return dropFor(reason);
  store<u32>(parsed, <u32>l4, PARSED_L4);
  const kind = isIpv6 ? icmpv6Kind(l4) : icmpKind(l4);
  if (kind == ICMP_ECHO_REQUEST) return VERDICT_REPLY;
  // Only a backend's own ping is answered to a VIP: its identifier was leased as a port.
  if (kind == ICMP_ECHO_REPLY) return classifyLeased(parsed, vip, icmpIdentifier(l4) << 16);
  return kind == ICMP_ERROR ? PENDING_QUOTE : dropFor(REASON_PROTOCOL);
}
