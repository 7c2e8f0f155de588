/**
 * What TCP and UDP have in common: they begin with the two ports.
 *
 *   0             2                  4
 *   | source port | destination port |
 */
import { REASON_PROTOCOL } from '../abi';
import { checkTcp, PROTOCOL_TCP, TCP_CHECKSUM } from './tcp';
import { checkUdp, PROTOCOL_UDP, UDP_CHECKSUM } from './udp';

export const SOURCE_PORT = 0;
export const DESTINATION_PORT = 2;
export const PORT_PAIR_BYTES: u32 = 4;

export function sourcePort(l4: usize): u32 {
  return load<u16>(l4, SOURCE_PORT);
}

export function destinationPort(l4: usize): u32 {
  return load<u16>(l4, DESTINATION_PORT);
}

/** Both ports in one word, the source port low. */
export function portPair(l4: usize): u32 {
  return load<u32>(l4);
}

export function isTcpOrUdp(protocol: u32): bool {
  return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP;
}

export function checkSegment(protocol: u32, l4: usize, segmentBytes: u32): u32 {
  if (protocol == PROTOCOL_TCP) return checkTcp(l4, segmentBytes);
  if (protocol == PROTOCOL_UDP) return checkUdp(l4, segmentBytes);
  return REASON_PROTOCOL;
}

export function checksumField(protocol: u32): u32 {
  return protocol == PROTOCOL_TCP ? TCP_CHECKSUM : UDP_CHECKSUM;
}
