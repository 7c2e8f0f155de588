/** MUX, first stage: a fragment for a VIP. */
import { PARSED_FAMILY, PARSED_PROTOCOL, REASON_FRAGMENT } from './abi';
import { dropFor, PENDING_FRAGMENT } from './parse';
import { PROTOCOL_ICMP } from './wire/icmp';
import { PROTOCOL_ICMPV6 } from './wire/icmpv6';

/**
 * What is to happen with a fragment: nothing but a first fragment knows its service, and that one may be in the same
 * batch, so that the second stage decides. A ping in fragments is not worth reassembling.
 */
export function classifyFragment(parsed: usize): u32 {
  const icmp = load<u8>(parsed, PARSED_FAMILY) == 6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP;
  return load<u8>(parsed, PARSED_PROTOCOL) == icmp ? dropFor(REASON_FRAGMENT) : PENDING_FRAGMENT;
}
