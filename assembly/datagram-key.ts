/** Which datagram a fragment belongs to: the key that all its fragments have in common, and no others meanwhile. */
import { writeDatagramKey4, writeDatagramKey6 } from './table/fragment';
import { ipv4Destination, ipv4Id, ipv4Source } from './wire/ipv4';
import { ipv6Destination, ipv6FragmentId, ipv6FragmentProtocol, ipv6Source } from './wire/ipv6';

/**
 * Reads the key of an IPv4 fragment, and returns where it is until the next one is read; as findDatagram takes it.
 *
 * @param nic index of the local VM on a host agent, 0 on a MUX
 */
export function datagramKeyV4(ip: usize, protocol: u32, nic: u32): usize {
  return writeDatagramKey4(ipv4Source(ip), ipv4Destination(ip), ipv4Id(ip), protocol, nic);
}

/**
 * The same of an IPv6 fragment, whose fragment header is at `fragment`. The protocol is what that header says, in the
 * first fragment too: extension headers behind it are data to the others.
 */
export function datagramKeyV6(ip: usize, fragment: usize, nic: u32): usize {
  return writeDatagramKey6(
    ipv6Source(ip),
    ipv6Destination(ip),
    ipv6FragmentId(fragment),
    ipv6FragmentProtocol(fragment),
    nic,
  );
}
