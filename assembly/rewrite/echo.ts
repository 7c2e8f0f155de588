/** The MUX's answer to an echo request for a VIP: the request itself, turned around. */
import { DESCRIPTOR_LINK, DESCRIPTOR_OFFSET, LINK_BARE, PARSED_IP } from '../abi';
import { sourceMac } from '../wire/ethernet';
import { turnIntoEchoReply } from '../wire/icmp';
import { ipv4HeaderBytes, ipv4TotalLength, turnIpv4Around } from '../wire/ipv4';
import { setFrame, writeOutgoingEthernet } from './frame';

const REPLY_TTL: u32 = 64;

/** Rewrites a frame that classify has found to be an echo request. */
export function answerEcho(descriptor: usize, parsed: usize): void {
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const headerBytes = ipv4HeaderBytes(ip);
  turnIntoEchoReply(ip + headerBytes, ipv4TotalLength(ip) - headerBytes);
  turnIpv4Around(ip, REPLY_TTL);
  if (load<u8>(descriptor, DESCRIPTOR_LINK) == LINK_BARE) {
    setFrame(descriptor, ip, ip);
    return;
  }
  const asker = sourceMac(load<u32>(descriptor, DESCRIPTOR_OFFSET));
  setFrame(descriptor, writeOutgoingEthernet(parsed, ip, asker), ip);
}
