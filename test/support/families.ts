/**
 * IPv4 and IPv6 side by side: what differs between them, so that one table of packets serves both.
 *
 * Addresses are those of `dualStackMuxProgram`.
 */
import { concat, putBe16, putBe32 } from './bytes.js';
import type { IcmpFields } from './layers.js';
import { VIP_ANY, VIP_INSTANCE, VIP6, VIP6_ANY, VIP6_INSTANCE } from './mux-programs.js';
import { bare, eth, type Packet } from './packet.js';
import { VIP } from './programs.js';

export interface FamilyKit {
  readonly family: 4 | 6;
  readonly vip: string;
  /** Of which a service takes every protocol. */
  readonly anyVip: string;
  /** Of one backend alone, whose key this is. */
  readonly instance: string;
  readonly instanceBackend: string;
  readonly client: string;
  readonly router: string;
  readonly ipHeaderBytes: number;
  /** The protocol number of ICMP, and some types of its messages. */
  readonly icmp: number;
  readonly unreachable: number;
  readonly echoRequest: number;
  readonly echoReply: number;
}

export const IPV4: FamilyKit = {
  family: 4,
  vip: VIP,
  anyVip: VIP_ANY,
  instance: VIP_INSTANCE,
  instanceBackend: 'web-c',
  client: '192.0.2.7',
  router: '198.51.100.1',
  ipHeaderBytes: 20,
  icmp: 1,
  unreachable: 3,
  echoRequest: 8,
  echoReply: 0,
};

export const IPV6: FamilyKit = {
  family: 6,
  vip: VIP6,
  anyVip: VIP6_ANY,
  instance: VIP6_INSTANCE,
  instanceBackend: 'web-d',
  client: '2001:db8:c::7',
  router: '2001:db8:f::1',
  ipHeaderBytes: 40,
  icmp: 58,
  unreachable: 1,
  echoRequest: 128,
  echoReply: 129,
};

export const FAMILIES = [IPV4, IPV6];

/** A packet begins; routers may fragment it. `protocol` is needed where nothing behind it says one. */
export function ip(kit: FamilyKit, source: string, destination: string, start = eth(), protocol?: number): Packet {
  const said = protocol !== undefined;
  if (kit.family === 6) return start.ipv6(source, destination, said ? { nextHeader: protocol } : {});
  return start.ipv4(source, destination, said ? { df: false, protocol } : { df: false });
}

/** An ICMP message of the family. */
export function icmp(kit: FamilyKit, packet: Packet, type: number, code = 0, fields: IcmpFields = {}): Packet {
  return kit.family === 6 ? packet.icmpv6(type, code, fields) : packet.icmp(type, code, fields);
}

/** The IP packet alone. */
export function ipBytes(
  kit: FamilyKit,
  [source, destination]: readonly [string, string],
  rest: (packet: Packet) => Packet,
  protocol?: number,
): Uint8Array {
  return rest(ip(kit, source, destination, bare(), protocol)).bytes();
}

/** Where a fragment is in its datagram: `offset` in units of 8 bytes. */
export interface Part {
  readonly offset: number;
  readonly more: boolean;
  readonly id?: number;
}

/** A packet that is a fragment, with these bytes behind the header that says so. */
export function fragment(
  kit: FamilyKit,
  [source, destination]: readonly [string, string],
  { offset, more, id = 1 }: Part,
  protocol: number,
  payload: Uint8Array,
  start = eth(),
): Packet {
  if (kit.family === 6) {
    return start.ipv6(source, destination).fragment({ offset, more, id, nextHeader: protocol }).payload(payload);
  }
  const fields = { df: false, mf: more, fragmentOffset: offset, id, protocol };
  return start.ipv4(source, destination, fields).payload(payload);
}

/** A TCP segment as it is behind an IP header; its checksum is of no matter to a load balancer. */
export function tcpBytes(sourcePort: number, destinationPort: number, flags: number, length = 20): Uint8Array {
  const segment = new Uint8Array(20);
  putBe16(segment, 0, sourcePort);
  putBe16(segment, 2, destinationPort);
  putBe32(segment, 4, 1);
  segment[12] = 0x50;
  segment[13] = flags;
  return filled(segment, length);
}

/** The same of UDP; `udpLength` is that of the whole datagram. */
export function udpBytes(sourcePort: number, destinationPort: number, length: number, udpLength = length): Uint8Array {
  const datagram = new Uint8Array(8);
  putBe16(datagram, 0, sourcePort);
  putBe16(datagram, 2, destinationPort);
  putBe16(datagram, 4, udpLength);
  return filled(datagram, length);
}

/** Cut, or filled up with bytes that are not all alike. */
function filled(header: Uint8Array, length: number): Uint8Array {
  const rest = Uint8Array.from({ length: Math.max(0, length - header.length) }, (_, at) => at * 7);
  return concat(header.slice(0, length), rest);
}
