/** What the two versions of IP have in common, for packets whose header has been checked. */
import { ipVersion, ipv4DestinationAt, ipv4SourceAt, ipv4TotalLength } from './ipv4';
import { ipv6Destination, ipv6Source, ipv6TotalLength } from './ipv6';

/** Bytes of the whole packet, its header included. */
export function ipTotalLength(ip: usize): u32 {
  return ipVersion(ip) == 6 ? ipv6TotalLength(ip) : ipv4TotalLength(ip);
}

/** Where its source address lies. */
export function ipSourceAt(ip: usize): usize {
  return ipVersion(ip) == 6 ? ipv6Source(ip) : ipv4SourceAt(ip);
}

/** Where its destination address lies. */
export function ipDestinationAt(ip: usize): usize {
  return ipVersion(ip) == 6 ? ipv6Destination(ip) : ipv4DestinationAt(ip);
}
