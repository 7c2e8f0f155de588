/**
 * Host agent: packets that go straight to the host of the other VM, past gateway and MUX.
 *
 *   VM ─► connection ─► VIP ─► tunnel as the MUX makes it, to the peer, for the VM's MAC address in its network
 *
 * Which is what the other host has always got; it does not know the difference.
 */
import {
  BACKEND_KIND,
  CHUNK_IS_WHOLE,
  CONFIG_MTU_BYTES,
  COUNTER_FASTPATH_PACKETS,
  DESCRIPTOR_CHUNK,
  FIXED_CONFIG,
  VERDICT_FORWARD,
} from './abi';
import { count } from './counters';
import { flowHash, flowHash6 } from './flow-hash';
import { noteFastpath } from './host-decision';
import {
  FRAGMENT_NONE,
  packetFamily,
  packetFragment,
  packetIp,
  packetL4,
  packetL4Bytes,
  packetLength,
  packetProtocol,
  setPacketHash,
} from './host-packet';
import { virtioGsoBytes, virtioIsGso } from './port/virtio-header';
import { overheadBytes } from './rewrite/encapsulate';
import { encapsulateOther } from './rewrite/encapsulate-other';
import { setTunnelEnds } from './rewrite/tunnel-ends';
import { askFastpath, fastpathMac, fastpathPeer, fastpathVni, findFastpath, mayHaveFastpath } from './table/fastpath';
import { IPV4_LENGTH_MAX, ipv4Addresses } from './wire/ipv4';
import { ipv6Source } from './wire/ipv6';
import { portPair } from './wire/ports';
import { announcesMss, endsConnection, PROTOCOL_TCP, tcpFlags, tcpHeaderBytes } from './wire/tcp';

/**
 * The entry by which a packet of a flow leaves; 0 for one that takes the way by the gateway: all of most flows, and of
 * the others what opens or ends the connection, is a fragment, or would be too big.
 *
 * @param descriptor of the frame the packet is in; 0 for one that is only asked about
 * @inline
 */
export function findStraightWay(descriptor: usize, packet: usize, flow: usize, now: u32): usize {
  return mayHaveFastpath(flow) ? chooseStraightWay(descriptor, packet, flow, now) : 0;
}

/** Encapsulates a packet that has its new source; answers with an outcome. */
export function sendStraight(descriptor: usize, packet: usize, entry: usize, now: u32): u32 {
  const ip = packetIp(packet);
  const l4 = packetL4(packet);
  if (packetL4Bytes(packet) > tcpHeaderBytes(l4)) askFastpath(entry, now);
  const peer = fastpathPeer(entry);
  const kind: u32 = load<u8>(peer, BACKEND_KIND);
  setPacketHash(packet, hashOf(packet));
  encapsulateOther(descriptor, packet, peer, kind, overheadBytes(kind));
  setTunnelEnds(ip, fastpathVni(entry), fastpathMac(entry));
  count(COUNTER_FASTPATH_PACKETS);
  return VERDICT_FORWARD;
}

function chooseStraightWay(descriptor: usize, packet: usize, flow: usize, now: u32): usize {
  const entry = findFastpath(flow, now);
  if (entry == 0 || packetProtocol(packet) != PROTOCOL_TCP || packetFragment(packet) != FRAGMENT_NONE) return 0;
  const flags = tcpFlags(packetL4(packet));
  if (announcesMss(flags) || endsConnection(flags)) return 0;
  const overhead = overheadBytes(load<u8>(fastpathPeer(entry), BACKEND_KIND));
  if (packetLength(packet) + overhead > IPV4_LENGTH_MAX) return 0;
  const mtuBytes = load<u32>(FIXED_CONFIG + CONFIG_MTU_BYTES);
  if (mtuBytes != 0 && longestPacket(descriptor, packet) + overhead > mtuBytes) return 0;
  noteFastpath(entry);
  return entry;
}

/** Bytes of the packet as the network will see it: one that its VM wants to be cut is cut behind the pipeline. */
function longestPacket(descriptor: usize, packet: usize): u32 {
  const length = packetLength(packet);
  const chunk = descriptor != 0 ? load<u32>(descriptor, DESCRIPTOR_CHUNK) : 0;
  if ((chunk & CHUNK_IS_WHOLE) == 0) return length;
  const header = chunk & ~CHUNK_IS_WHOLE;
  if (!virtioIsGso(header)) return length;
  const l4 = packetL4(packet);
  return min(length, <u32>(l4 - packetIp(packet)) + tcpHeaderBytes(l4) + virtioGsoBytes(header));
}

/** What the MUX would take for the connection. */
function hashOf(packet: usize): u64 {
  const ip = packetIp(packet);
  const ports = portPair(packetL4(packet));
  if (packetFamily(packet) == 6) return flowHash6(ipv6Source(ip), ports, PROTOCOL_TCP);
  return flowHash(ipv4Addresses(ip), ports, PROTOCOL_TCP);
}
