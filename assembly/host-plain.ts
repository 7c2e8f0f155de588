/**
 * What nearly every packet at a host agent is: a whole TCP or UDP packet over IPv4, of a connection that is known and
 * alive, in VXLAN over IPv4 for a VM or from a VM.
 *
 *   recognise ─► │ touch │ ─► find the flow ─► translate, frame
 *
 * The same decisions as in tunnel.ts, host-in.ts, host-out.ts and host-act.ts, in a straight line. Nothing is dropped,
 * passed or opened here: whatever is not as it should be is left alone, byte for byte, and goes the general way, which
 * says why. recognisePlain asks what no other packet of the batch can change, so that sixty-four frames can be asked
 * first and their flows fetched together; the flow itself is looked up when its turn comes.
 *
 * The record of a recognised packet is that of host-packet.ts, but for three fields:
 *
 *   44             48              52
 *   | first bucket | second bucket | PLAIN_… |
 */
import {
  CONFIG_ENCAPSULATION,
  CONFIG_GATEWAY_KNOWN,
  CONFIG_GATEWAY_MAC,
  CONFIG_LOCAL_MAC,
  CONFIG_PROVIDER_ADDRESS,
  CONFIG_VLAN_TCI,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  ENCAPSULATION_VXLAN,
  FIXED_CONFIG,
  FIXED_NO_BUCKET,
  LINK_ETHERNET,
  NAT_FLOW_FLAG_TCP_RESET,
  NAT_FLOW_LOCAL_ADDRESS,
  NAT_FLOW_NIC,
  NAT_FLOW_TWIN,
  PARSED_IP,
  PARSED_IP_LENGTH,
  PARSED_VLAN_TAG,
  PARSED_VLAN_TAG_INNER,
  REASON_NONE,
  VERDICT_DELIVER,
  VERDICT_REPLY,
} from './abi';
import { packetKey, packetLocal, packetLocalPort, packetProtocol } from './host-packet';
import { noteAcknowledgment, touchNatFlow, touchTcpFlow } from './nat-flow-use';
import { OUTCOME_CONTINUE } from './parse';
import { frameForGateway } from './rewrite/decapsulate';
import { translateSegment } from './rewrite/translate';
import { mayHaveFastpath } from './table/fastpath';
import {
  findNatFlow4In,
  firstBucket,
  isWithinLimit,
  natFlowVip,
  natFlowVipPort,
  natKeyHash4,
  secondBucket,
  writeNatKeyEnds,
  writeNatKeyOwner,
} from './table/nat-flow';
import { natFlowFlags } from './table/nat-flow-ends';
import { findNicInline, nicIndex, nicVni } from './table/nic';
import { findTranslation, translatedAddress, translatedPort } from './table/translation';
import { destinationMac, ETHERNET_BYTES, ETHERTYPE_IPV4_NET, etherType, sourceMac } from './wire/ethernet';
import {
  IPV4_BYTES_MIN,
  ipv4Destination,
  ipv4IsPlain,
  ipv4Protocol,
  ipv4Source,
  ipv4Tos,
  ipv4TotalLength,
  setIpv4Destination,
  setIpv4Source,
} from './wire/ipv4';
import { DESTINATION_PORT, destinationPort, portPair, SOURCE_PORT, sourcePort } from './wire/ports';
import { announcesMss, checkTcp, PROTOCOL_TCP, tcpFlags } from './wire/tcp';
import { checkUdp, PROTOCOL_UDP, UDP_BYTES, udpLength } from './wire/udp';
import { VXLAN_BYTES, VXLAN_PORT_NET, vxlanVni, vxlanVniIsValid } from './wire/vxlan';

const FIRST_BUCKET = 44;
const SECOND_BUCKET = 48;
const WAY = 52;

const PLAIN_NONE: u32 = 0;
const PLAIN_IN: u32 = 1;
const PLAIN_OUT: u32 = 2;

const FAMILY: u32 = 4;
/** Ethernet, IPv4, UDP and VXLAN around an Ethernet header. */
const TUNNEL_BYTES: u32 = ETHERNET_BYTES + IPV4_BYTES_MIN + UDP_BYTES + VXLAN_BYTES;
/** The marks of a tunnel that a packet takes over, ECT(1) and CE, have this bit. */
const ECN_MARK: u32 = 1;
const SOURCE_MAC = 6;

/** Looks at a frame, which is not longer than its slot, and fills its record; isRecognised says what came of it. @inline */
export function recognisePlain(descriptor: usize, record: usize, isFromVm: bool): void {
  store<u64>(record, FIXED_NO_BUCKET | ((<u64>FIXED_NO_BUCKET) << 32), FIRST_BUCKET);
  const frame: usize = load<u32>(descriptor, DESCRIPTOR_OFFSET);
  const length = load<u32>(descriptor, DESCRIPTOR_LENGTH);
  const isEthernet = load<u8>(descriptor, DESCRIPTOR_LINK) == LINK_ETHERNET && length >= ETHERNET_BYTES;
  let way = PLAIN_NONE;
  if (isEthernet && etherType(frame) == ETHERTYPE_IPV4_NET) {
    way = isFromVm ? recogniseOut(record, frame, length) : recogniseIn(record, frame, length);
  }
  store<u8>(record, <u8>way, WAY);
}

/** The record of a frame that is not looked at. */
export function leaveUnrecognised(record: usize): void {
  store<u64>(record, FIXED_NO_BUCKET | ((<u64>FIXED_NO_BUCKET) << 32), FIRST_BUCKET);
  store<u8>(record, PLAIN_NONE, WAY);
}

/** Whether plainOutcome may be asked. */
export function isRecognised(record: usize): bool {
  return load<u8>(record, WAY) != PLAIN_NONE;
}

/** Reads from every line in which the flow of a recognised packet may be; returns a sum, so that no read is dropped. @inline */
export function touchPlain(record: usize): u32 {
  const first: usize = load<u32>(record, FIRST_BUCKET);
  const second: usize = load<u32>(record, SECOND_BUCKET);
  return (
    load<u32>(first) ^
    load<u32>(first, 64) ^
    load<u32>(first, 128) ^
    load<u32>(first, 192) ^
    load<u32>(second) ^
    load<u32>(second, 64) ^
    load<u32>(second, 128) ^
    load<u32>(second, 192)
  );
}

/** Does what is to be done with a recognised packet; OUTCOME_CONTINUE, and nothing is done, when its flow is not as usual. @inline */
export function plainOutcome(descriptor: usize, record: usize, now: u32): u32 {
  return load<u8>(record, WAY) == PLAIN_IN ? deliver(descriptor, record, now) : leave(descriptor, record, now);
}

// What the packet says by itself.

/** @inline */
function recogniseIn(record: usize, frame: usize, length: u32): u32 {
  if (load<u8>(FIXED_CONFIG + CONFIG_ENCAPSULATION) != ENCAPSULATION_VXLAN) return PLAIN_NONE;
  const outer = frame + ETHERNET_BYTES;
  if (!ipv4IsPlain(outer, length - ETHERNET_BYTES) || ipv4Protocol(outer) != PROTOCOL_UDP) return PLAIN_NONE;
  const ours = load<u32>(FIXED_CONFIG + CONFIG_PROVIDER_ADDRESS);
  if (ipv4Destination(outer) != ours || ours == 0 || (ipv4Tos(outer) & ECN_MARK) != 0) return PLAIN_NONE;
  const udp = outer + IPV4_BYTES_MIN;
  if (checkUdp(udp, ipv4TotalLength(outer) - IPV4_BYTES_MIN) != REASON_NONE) return PLAIN_NONE;
  const tunneledBytes = udpLength(udp) + ETHERNET_BYTES + IPV4_BYTES_MIN;
  const vxlan = udp + UDP_BYTES;
  if (destinationPort(udp) != VXLAN_PORT_NET || tunneledBytes < TUNNEL_BYTES + ETHERNET_BYTES) return PLAIN_NONE;
  const inner = frame + TUNNEL_BYTES;
  if (!vxlanVniIsValid(vxlan) || etherType(inner) != ETHERTYPE_IPV4_NET) return PLAIN_NONE;
  const nic = findNicInline(destinationMac(inner));
  if (nic == 0 || nicVni(nic) != vxlanVni(vxlan)) return PLAIN_NONE;

  const ip = inner + ETHERNET_BYTES;
  if (!ipv4IsPlain(ip, tunneledBytes - TUNNEL_BYTES - ETHERNET_BYTES) || !isSegmentSound(ip)) return PLAIN_NONE;
  const protocol = ipv4Protocol(ip);
  const l4 = ip + IPV4_BYTES_MIN;
  const vip = ipv4Destination(ip);
  const translation = findTranslation(nicIndex(nic), vip, FAMILY, protocol, destinationPort(l4));
  if (translation == 0) return PLAIN_NONE;
  const dip = translatedAddress(translation, vip);
  if (ipv4Source(ip) == dip) return PLAIN_NONE;
  const ports = sourcePort(l4) | (translatedPort(translation, destinationPort(l4)) << 16);
  note(record, ip, ipv4Source(ip), dip, ports, nicIndex(nic), protocol);
  return PLAIN_IN;
}

/** @inline */
function recogniseOut(record: usize, frame: usize, length: u32): u32 {
  const nic = findNicInline(sourceMac(frame));
  const ip = frame + ETHERNET_BYTES;
  if (nic == 0 || !ipv4IsPlain(ip, length - ETHERNET_BYTES) || !isSegmentSound(ip)) return PLAIN_NONE;
  const protocol = ipv4Protocol(ip);
  const l4 = ip + IPV4_BYTES_MIN;
  if (protocol == PROTOCOL_TCP && announcesMss(tcpFlags(l4))) return PLAIN_NONE;
  note(record, ip, ipv4Destination(ip), ipv4Source(ip), rotl<u32>(portPair(l4), 16), nicIndex(nic), protocol);
  return PLAIN_OUT;
}

/** Whether a plain packet has a TCP or UDP header, and a sound one. @inline */
function isSegmentSound(ip: usize): bool {
  const protocol = ipv4Protocol(ip);
  const l4 = ip + IPV4_BYTES_MIN;
  const bytes = ipv4TotalLength(ip) - IPV4_BYTES_MIN;
  if (protocol == PROTOCOL_TCP) return checkTcp(l4, bytes) == REASON_NONE;
  return protocol == PROTOCOL_UDP && checkUdp(l4, bytes) == REASON_NONE;
}

/** Writes the record of a packet. @inline */
function note(record: usize, ip: usize, remote: u32, local: u32, ports: u32, nic: u32, protocol: u32): void {
  store<u32>(record, <u32>ip, PARSED_IP);
  store<u32>(record, ipv4TotalLength(ip), PARSED_IP_LENGTH);
  const key = packetKey(record);
  // The other half of the address is that of IPv6.
  store<u64>(key, remote);
  writeNatKeyEnds(key, local, ports);
  writeNatKeyOwner(key, nic, protocol, FAMILY);
  const hash = natKeyHash4(remote, local, ports, nic | (protocol << 16) | (FAMILY << 24));
  store<u32>(record, <u32>firstBucket(hash), FIRST_BUCKET);
  store<u32>(record, <u32>secondBucket(hash), SECOND_BUCKET);
}

// What is known of its flow.

/** @inline */
function deliver(descriptor: usize, record: usize, now: u32): u32 {
  const flow = findPlainFlow(record, now);
  if (flow == 0) return OUTCOME_CONTINUE;
  const ip: usize = load<u32>(record, PARSED_IP);
  const l4 = ip + IPV4_BYTES_MIN;
  const port = destinationPort(l4);
  if (natFlowVip(flow) != ipv4Destination(ip) || natFlowVipPort(flow) != port) return OUTCOME_CONTINUE;
  const protocol = packetProtocol(record);
  use(flow, l4, protocol, false, false, now);
  const change = setIpv4Destination(ip, packetLocal(record));
  translateSegment(l4, protocol, DESTINATION_PORT, change, packetLocalPort(record));
  // The destination is the VM already, and the type is that of IPv4.
  const frame = ip - ETHERNET_BYTES;
  writeLocalMac(frame);
  store<u32>(descriptor, <u32>frame, DESCRIPTOR_OFFSET);
  store<u32>(descriptor, ETHERNET_BYTES + load<u32>(record, PARSED_IP_LENGTH), DESCRIPTOR_LENGTH);
  return VERDICT_DELIVER;
}

/** @inline */
function leave(descriptor: usize, record: usize, now: u32): u32 {
  const flow = findPlainFlow(record, now);
  if (flow == 0) return OUTCOME_CONTINUE;
  const ip: usize = load<u32>(record, PARSED_IP);
  const l4 = ip + IPV4_BYTES_MIN;
  const protocol = packetProtocol(record);
  // Who was called answers; of an outbound connection it is the VM that has called.
  use(flow, l4, protocol, load<u32>(flow, NAT_FLOW_TWIN) == 0, true, now);
  translateSegment(l4, protocol, SOURCE_PORT, setIpv4Source(ip, natFlowVip(flow)), natFlowVipPort(flow));
  if (load<u16>(FIXED_CONFIG + CONFIG_VLAN_TCI) != 0) {
    store<u32>(record, 0, PARSED_VLAN_TAG);
    store<u32>(record, 0, PARSED_VLAN_TAG_INNER);
    frameForGateway(descriptor, record);
    return VERDICT_REPLY;
  }
  const frame = ip - ETHERNET_BYTES;
  if (load<u8>(FIXED_CONFIG + CONFIG_GATEWAY_KNOWN) != 0) {
    store<u32>(frame, load<u32>(FIXED_CONFIG + CONFIG_GATEWAY_MAC));
    store<u16>(frame, load<u16>(FIXED_CONFIG + CONFIG_GATEWAY_MAC + 4), 4);
  }
  writeLocalMac(frame);
  store<u32>(descriptor, ETHERNET_BYTES + load<u32>(record, PARSED_IP_LENGTH), DESCRIPTOR_LENGTH);
  return VERDICT_REPLY;
}

/** The flow of a packet, where it is alive and nothing is special about it; else 0. @inline */
function findPlainFlow(record: usize, now: u32): usize {
  const key = packetKey(record);
  const remote = load<u64>(key);
  const ends = load<u64>(key, NAT_FLOW_LOCAL_ADDRESS);
  const owner = load<u32>(key, NAT_FLOW_NIC);
  let flow = findNatFlow4In(load<u32>(record, FIRST_BUCKET), remote, ends, owner);
  if (flow == 0) flow = findNatFlow4In(load<u32>(record, SECOND_BUCKET), remote, ends, owner);
  if (flow == 0 || (natFlowFlags(flow) & ~NAT_FLOW_FLAG_TCP_RESET) != 0) return 0;
  // What goes straight to another host leaves by the general way.
  return !mayHaveFastpath(flow) && isWithinLimit(flow, now) ? flow : 0;
}

/** @inline */
function use(flow: usize, l4: usize, protocol: u32, answers: bool, isFromVm: bool, now: u32): void {
  if (protocol != PROTOCOL_TCP) {
    touchNatFlow(flow, answers, now);
    return;
  }
  const flags = tcpFlags(l4);
  touchTcpFlow(flow, flags, answers, now);
  noteAcknowledgment(flow, l4, flags, isFromVm);
}

/** We are the sender. @inline */
function writeLocalMac(frame: usize): void {
  store<u32>(frame, load<u32>(FIXED_CONFIG + CONFIG_LOCAL_MAC), SOURCE_MAC);
  store<u16>(frame, load<u16>(FIXED_CONFIG + CONFIG_LOCAL_MAC + 4), SOURCE_MAC + 4);
}
