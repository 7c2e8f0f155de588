/**
 * MUX, first stage: an ICMP message for a VIP. A VIP is no machine of anybody's; the MUX answers an echo request in its
 * place, so that an operator can see the way to it.
 */
import { PARSED_FAMILY, PARSED_IP, PARSED_IP_LENGTH, REASON_NONE, REASON_PROTOCOL, VERDICT_REPLY } from './abi';
import { dropFor } from './parse';
import { checkEchoRequest } from './wire/icmp';

/** What is to happen with a whole packet of ICMP (over IPv4) or ICMPv6 (over IPv6), whose message begins at `l4`. */
export function classifyIcmp(parsed: usize, _vip: u32, l4: usize): u32 {
  if (load<u8>(parsed, PARSED_FAMILY) == 6) return dropFor(REASON_PROTOCOL);
  const end = <usize>load<u32>(parsed, PARSED_IP) + load<u32>(parsed, PARSED_IP_LENGTH);
  const reason = checkEchoRequest(l4, <u32>(end - l4));
  return reason == REASON_NONE ? VERDICT_REPLY : dropFor(reason);
}
