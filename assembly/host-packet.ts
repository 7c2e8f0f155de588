/**
 * The packet in hand: what the host agent reads of a tenant's packet of either family, kept in the parsed record of its
 * frame. From byte 16 on it is the key of the packet's flow, laid out as the NAT flow table has it.
 *
 *   0    4    8        12         16       32      36            38           40    42         43
 *   | IP | L4 | length | VLAN tag | remote | local | remote port | local port | NIC | protocol | kind |
 *   | L4 bytes | fragment header | outer ECN | family of the frame | fragment | spare | flow | inner tag |
 *   44         48                52          53                    54         55      56     60          64
 *
 * Only the family is decided per packet; all that comes behind asks this record.
 */
import { PARSED_HASH, PARSED_IP, PARSED_IP_LENGTH, PARSED_L4, REASON_NONE } from './abi';
import { datagramKeyV4, datagramKeyV6 } from './datagram-key';
import { natKeyOwner, writeNatKeyEnds, writeNatKeyOwner } from './table/nat-flow';
import { PROTOCOL_ICMP } from './wire/icmp';
import { PROTOCOL_ICMPV6 } from './wire/icmpv6';
import {
  checkIpv4Header,
  ipv4HeaderBytes,
  ipv4IsFragment,
  ipv4IsLaterFragment,
  ipv4Protocol,
  ipv4TotalLength,
} from './wire/ipv4';
import {
  checkIpv6Header,
  ipv6FragmentOffset,
  ipv6TotalLength,
  walkedFragment,
  walkedL4,
  walkedProtocol,
  walkIpv6,
} from './wire/ipv6';

/** The key of the packet's flow, 28 bytes. */
const KEY = 16;
const REMOTE = 16;
const LOCAL = 32;
const REMOTE_PORT = 36;
const LOCAL_PORT = 38;
const NIC = 40;
const PROTOCOL = 42;
const KIND = 43;
const L4_BYTES = 44;
const FRAGMENT_HEADER = 48;
const OUTER_ECN = 52;
const FRAGMENT = 54;

const FAMILY_MASK: u32 = 0x0f;

export const FRAGMENT_NONE: u32 = 0;
export const FRAGMENT_FIRST: u32 = 1;
export const FRAGMENT_LATER: u32 = 2;

/**
 * Checks the header of an IPv4 packet whose fixed part is there, and notes where its parts are.
 *
 * @inline
 */
export function openIpv4(packet: usize, ip: usize, available: u32, nic: u32): u32 {
  const reason = checkIpv4Header(ip, available);
  if (reason != REASON_NONE) return reason;
  const headerBytes = ipv4HeaderBytes(ip);
  const length = ipv4TotalLength(ip);
  store<u64>(packet, <u64>ip | ((<u64>(<u32>ip + headerBytes)) << 32), PARSED_IP);
  store<u32>(packet, length, PARSED_IP_LENGTH);
  store<u64>(packet, <u64>natKeyOwner(nic, ipv4Protocol(ip), 4) | ((<u64>(length - headerBytes)) << 32), NIC);
  store<u8>(packet, 0, FRAGMENT);
  if (ipv4IsFragment(ip)) {
    store<u8>(packet, <u8>(ipv4IsLaterFragment(ip) ? FRAGMENT_LATER : FRAGMENT_FIRST), FRAGMENT);
  }
  return REASON_NONE;
}

/** The same for an IPv6 packet, its extension headers included. */
export function openIpv6(packet: usize, ip: usize, available: u32, nic: u32): u32 {
  let reason = checkIpv6Header(ip, available);
  if (reason != REASON_NONE) return reason;
  const length = ipv6TotalLength(ip);
  reason = walkIpv6(ip, length);
  if (reason != REASON_NONE) return reason;
  store<u32>(packet, <u32>ip, PARSED_IP);
  store<u32>(packet, <u32>walkedL4, PARSED_L4);
  store<u32>(packet, length, PARSED_IP_LENGTH);
  store<u32>(packet, <u32>(ip + length - walkedL4), L4_BYTES);
  writeNatKeyOwner(packet + KEY, nic, walkedProtocol, 6);
  store<u8>(packet, 0, FRAGMENT);
  if (walkedFragment != 0) {
    store<u8>(packet, <u8>(ipv6FragmentOffset(walkedFragment) != 0 ? FRAGMENT_LATER : FRAGMENT_FIRST), FRAGMENT);
    store<u32>(packet, <u32>walkedFragment, FRAGMENT_HEADER);
  }
  return REASON_NONE;
}

export function packetIp(packet: usize): usize {
  return load<u32>(packet, PARSED_IP);
}

/** Where the header of the upper layer begins; of a later fragment, its data. */
export function packetL4(packet: usize): usize {
  return load<u32>(packet, PARSED_L4);
}

/** Bytes from there to the end of the packet. */
export function packetL4Bytes(packet: usize): u32 {
  return load<u32>(packet, L4_BYTES);
}

/** Bytes of the whole packet. */
export function packetLength(packet: usize): u32 {
  return load<u32>(packet, PARSED_IP_LENGTH);
}

/** 4 or 6. */
export function packetFamily(packet: usize): u32 {
  return load<u8>(packet, KIND) & FAMILY_MASK;
}

export function packetProtocol(packet: usize): u32 {
  return load<u8>(packet, PROTOCOL);
}

/** Whether a packet is an ICMP message of its family; the other family's is a protocol like any. */
export function isIcmp(packet: usize): bool {
  return isIcmpOf(packetProtocol(packet), packetFamily(packet));
}

export function isIcmpOf(protocol: u32, family: u32): bool {
  return protocol == (family == 6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP);
}

/** FRAGMENT_… */
export function packetFragment(packet: usize): u32 {
  return load<u8>(packet, FRAGMENT);
}

/** Writes the key of the datagram a fragment is of, as the fragment table has it; returns where it lies. */
export function packetDatagramKey(packet: usize): usize {
  const ip = packetIp(packet);
  const nic = packetNic(packet);
  if (packetFamily(packet) == 4) return datagramKeyV4(ip, packetProtocol(packet), nic);
  return datagramKeyV6(ip, load<u32>(packet, FRAGMENT_HEADER), nic);
}

/** Index of the local VM's NIC. */
export function packetNic(packet: usize): u32 {
  return load<u16>(packet, NIC);
}

/** The key of the packet's flow, as table/nat-flow.ts takes it. */
export function packetKey(packet: usize): usize {
  return packet + KEY;
}

/** The address of the far end: 16 bytes, of an IPv4 address 4 and zeros. */
export function packetRemote(packet: usize): usize {
  return packet + REMOTE;
}

/** The address on our side, as the key has it: what setPacketEnds was told. */
export function packetLocal(packet: usize): u32 {
  return load<u32>(packet, LOCAL);
}

export function packetRemotePort(packet: usize): u32 {
  return load<u16>(packet, REMOTE_PORT);
}

export function packetLocalPort(packet: usize): u32 {
  return load<u16>(packet, LOCAL_PORT);
}

/** Our end of the flow, and both ports: the rest of the key. */
export function setPacketEnds(packet: usize, local: u32, remotePortNet: u32, localPortNet: u32): void {
  writeNatKeyEnds(packet + KEY, local, remotePortNet | (localPortNet << 16));
}

/** The flow hash the packet's tunnel is to show; it takes the place of the packet's key. */
export function setPacketHash(packet: usize, hash: u64): void {
  store<u64>(packet, hash, PARSED_HASH);
}

/** ECN field of the tunnel the packet came in. */
export function packetOuterEcn(packet: usize): u32 {
  return load<u8>(packet, OUTER_ECN);
}

export function setPacketOuterEcn(packet: usize, ecn: u32): void {
  store<u8>(packet, <u8>ecn, OUTER_ECN);
}
