/** The MUX's answer to an echo request for a VIP: the request itself, turned around. */
import { DESCRIPTOR_OFFSET, PARSED_FAMILY, PARSED_IP, PARSED_IP_LENGTH, PARSED_L4 } from '../abi';
import { sourceMac } from '../wire/ethernet';
import { turnIntoEchoReply } from '../wire/icmp';
import { turnIntoEchoReplyV6 } from '../wire/icmpv6';
import { turnIpv4Around } from '../wire/ipv4';
import { turnIpv6Around } from '../wire/ipv6';
import { sendBack } from './frame';

const REPLY_TTL: u32 = 64;

/** Rewrites a frame that classify has found to be an echo request; options and extension headers stay. */
export function answerEcho(descriptor: usize, parsed: usize): void {
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const icmp: usize = load<u32>(parsed, PARSED_L4);
  const messageBytes = <u32>(ip - icmp) + load<u32>(parsed, PARSED_IP_LENGTH);
  if (load<u8>(parsed, PARSED_FAMILY) == 6) {
    turnIntoEchoReplyV6(ip, icmp, messageBytes);
    turnIpv6Around(ip, REPLY_TTL);
  } else {
    turnIntoEchoReply(icmp, messageBytes);
    turnIpv4Around(ip, REPLY_TTL);
  }
  sendBack(descriptor, parsed, ip, sourceMac(load<u32>(descriptor, DESCRIPTOR_OFFSET)));
}
