/** What lies behind the IP header of the packet in hand: is it sound, and what does it mean for its flow. */
import { REASON_NONE, REASON_UDP_LENGTH, REASON_UDP_TRUNCATED } from './abi';
import {
  FRAGMENT_NONE,
  packetFamily,
  packetFragment,
  packetIp,
  packetL4,
  packetL4Bytes,
  packetProtocol,
} from './host-packet';
import { noteAcknowledgment, touchNatFlow, touchTcpFlow } from './nat-flow-use';
import { answerFastpath, forgetFastpath, mayHaveFastpath } from './table/fastpath';
import { checkIcmp, icmpKind } from './wire/icmp';
import { checkIcmpv6, icmpv6Kind } from './wire/icmpv6';
import { announcesMss, checkTcp, endsConnection, PROTOCOL_TCP, tcpFlags } from './wire/tcp';
import { checkUdp, PROTOCOL_UDP, UDP_BYTES, udpLength } from './wire/udp';

const PROTOCOL_DCCP: u32 = 33;
const PROTOCOL_UDP_LITE: u32 = 136;

/**
 * Whether the TCP or UDP header of a whole packet or a first fragment is sound; other protocols have none to judge.
 *
 * @inline
 */
export function checkSegmentOf(packet: usize): u32 {
  return packetProtocol(packet) == PROTOCOL_TCP
    ? checkTcp(packetL4(packet), packetL4Bytes(packet))
    : checkDatagram(packet);
}

function checkDatagram(packet: usize): u32 {
  if (packetProtocol(packet) != PROTOCOL_UDP) return REASON_NONE;
  const udp = packetL4(packet);
  const bytes = packetL4Bytes(packet);
  return packetFragment(packet) == FRAGMENT_NONE ? checkUdp(udp, bytes) : checkUdpStart(udp, bytes);
}

/** Whether an ICMP message is whole and unharmed. */
export function checkMessage(packet: usize): u32 {
  const icmp = packetL4(packet);
  const bytes = packetL4Bytes(packet);
  return packetFamily(packet) == 6 ? checkIcmpv6(packetIp(packet), icmp, bytes) : checkIcmp(icmp, bytes);
}

/** What an ICMP message is for: ICMP_… of wire/icmp.ts. */
export function messageKind(packet: usize): u32 {
  return packetFamily(packet) == 6 ? icmpv6Kind(packetL4(packet)) : icmpKind(packetL4(packet));
}

/** Protocols whose checksums cover the addresses as that of UDP does, and are not mended: their packets stay as they are. */
export function sumsAddresses(protocol: u32): bool {
  return protocol == PROTOCOL_UDP_LITE || protocol == PROTOCOL_DCCP;
}

/**
 * The packet belongs to a flow, of which every entry but the outside ones may be given.
 *
 * @param answers it comes from the end that was called
 *
 * @inline
 */
export function useFlow(flow: usize, packet: usize, answers: bool, isFromVm: bool, now: u32): void {
  if (packetProtocol(packet) != PROTOCOL_TCP) {
    touchNatFlow(flow, answers, now);
    return;
  }
  const tcp = packetL4(packet);
  const flags = tcpFlags(tcp);
  touchTcpFlow(flow, flags, answers, now);
  noteAcknowledgment(flow, tcp, flags, isFromVm);
  if (mayHaveFastpath(flow)) followStraightWay(flow, flags, isFromVm);
}

/** What opens or ends a connection is for the MUX to see, and so is all behind it. */
function followStraightWay(flow: usize, flags: u32, isFromVm: bool): void {
  if (announcesMss(flags) || endsConnection(flags)) forgetFastpath(flow);
  else if (!isFromVm) answerFastpath(flow);
}

/** A first fragment holds the beginning of a datagram: its length may lead out of it. */
function checkUdpStart(udp: usize, bytes: u32): u32 {
  if (bytes < UDP_BYTES) return REASON_UDP_TRUNCATED;
  return udpLength(udp) < UDP_BYTES ? REASON_UDP_LENGTH : REASON_NONE;
}
