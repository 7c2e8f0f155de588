/** What the two versions of IP have in common, for packets whose header has been checked. */
import { ipVersion, ipv4TotalLength } from './ipv4';
import { ipv6TotalLength } from './ipv6';

/** Bytes of the whole packet, its header included. */
export function ipTotalLength(ip: usize): u32 {
  return ipVersion(ip) == 6 ? ipv6TotalLength(ip) : ipv4TotalLength(ip);
}
