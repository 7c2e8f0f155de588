/**
 * A packet whose source address is the VIP it is for.
 *
 * Nobody outside can have sent it, and a packet to its own sender is an old attack ("land"). But a VM that reaches out
 * under a leased port of its own VIP talks to that VIP in just this way: then one of the ports is leased.
 */
import { NO_INDEX } from './abi';
import { findSnatBackend } from './table/snat-block';
import {
  ipv4Destination,
  ipv4HeaderBytes,
  ipv4IsFragment,
  ipv4Protocol,
  ipv4Source,
  ipv4TotalLength,
} from './wire/ipv4';
import { IPV6_BYTES, ipv6HasOneAddress, ipv6NextHeader, ipv6TotalLength } from './wire/ipv6';
import { destinationPort, isTcpOrUdp, PORT_PAIR_BYTES, sourcePort } from './wire/ports';

/** Whether a packet with a sound IPv4 header is part of such a conversation. */
export function isOwnConversationV4(ip: usize): bool {
  const vip = ipv4Destination(ip);
  if (ipv4Source(ip) != vip || ipv4IsFragment(ip) || !isTcpOrUdp(ipv4Protocol(ip))) return false;
  const headerBytes = ipv4HeaderBytes(ip);
  return ipv4TotalLength(ip) - headerBytes >= PORT_PAIR_BYTES && hasLeasedPort(vip, 4, ip + headerBytes);
}

/** The same with a sound IPv6 header, of which nothing is behind extension headers. */
export function isOwnConversationV6(ip: usize, vip: u32): bool {
  if (!ipv6HasOneAddress(ip) || !isTcpOrUdp(ipv6NextHeader(ip))) return false;
  return ipv6TotalLength(ip) - IPV6_BYTES >= PORT_PAIR_BYTES && hasLeasedPort(vip, 6, ip + IPV6_BYTES);
}

function hasLeasedPort(vip: u32, family: u32, l4: usize): bool {
  return isLeased(vip, family, sourcePort(l4)) || isLeased(vip, family, destinationPort(l4));
}

function isLeased(vip: u32, family: u32, portNet: u32): bool {
  return findSnatBackend(vip, family, portNet) != NO_INDEX;
}
