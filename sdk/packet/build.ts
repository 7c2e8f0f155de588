/**
 * Packets made from scratch: IPv4 or IPv6 with TCP, UDP or anything, every length and checksum right, with or without
 * Ethernet.
 *
 * For asking a data plane about a packet that nobody has captured, and for endpoints of a simulated fabric.
 */
import { parseIp } from '../net/address.js';
import { ByteWriter } from '../net/bytes.js';
import { macBytes } from '../net/mac.js';
import { onesComplementSum } from './header/checksum.js';
import { PROTOCOL_TCP, PROTOCOL_UDP } from './header/ip-protocol.js';

/** One end of a flow. */
export interface FlowEnd {
  /** IPv4 or IPv6; that of the other end is of the same family. */
  readonly address: string;
  /** 0..65535 */
  readonly port: number;
}

/** What every packet needs. */
export interface PacketEnds {
  readonly source: FlowEnd;
  readonly destination: FlowEnd;
  /** Time to live or hop limit, 1..255; default 64. */
  readonly ttl?: number;
  readonly payload?: Uint8Array;
}

/** A TCP segment: flags as in the header (`TCP_SYN | TCP_ACK`), numbers modulo 2^32. */
export interface TcpSegment extends PacketEnds {
  readonly flags: number;
  readonly sequence?: number;
  readonly acknowledgment?: number;
  /** Default 65,535. */
  readonly window?: number;
}

/** No more data from the sender. */
export const TCP_FIN = 0x01;
/** The sender's first sequence number. */
export const TCP_SYN = 0x02;
/** The connection is not one. */
export const TCP_RST = 0x04;
/** The receiver should not wait for more before it hands the data on. */
export const TCP_PSH = 0x08;
/** The acknowledgment number counts. */
export const TCP_ACK = 0x10;

const IPV4_BYTES = 20;
const VERSION_6 = 0x6000_0000;
const ETHERTYPES = { 4: 0x0800, 6: 0x86dd } as const;
const TCP_BYTES = 20;
const TCP_CHECKSUM = 16;
const UDP_BYTES = 8;
const UDP_CHECKSUM = 6;

/**
 * A packet with a TCP segment, without options.
 *
 * @example
 * ```ts
 * const syn = buildTcp({ source: { address: '192.0.2.7', port: 40000 }, destination: { address: vip, port: 80 }, flags: TCP_SYN });
 * ```
 */
export function buildTcp(segment: TcpSegment): Uint8Array {
  const { source, destination, flags, sequence = 0, acknowledgment = 0, window = 65_535 } = segment;
  const header = new ByteWriter()
    .u16be(source.port)
    .u16be(destination.port)
    .u32be(sequence)
    .u32be(acknowledgment)
    .u8((TCP_BYTES / 4) << 4)
    .u8(flags)
    .u16be(window)
    .u16be(0)
    .u16be(0);
  return buildSegment(segment, PROTOCOL_TCP, header, TCP_CHECKSUM);
}

/** A packet with a UDP datagram. */
export function buildUdp(datagram: PacketEnds): Uint8Array {
  const { source, destination, payload } = datagram;
  const header = new ByteWriter()
    .u16be(source.port)
    .u16be(destination.port)
    .u16be(UDP_BYTES + (payload?.length ?? 0))
    .u16be(0);
  return buildSegment(datagram, PROTOCOL_UDP, header, UDP_CHECKSUM);
}

/** What an IP packet of any protocol needs. */
export interface IpPacket {
  /** IPv4 or IPv6 address. */
  readonly source: string;
  /** Of the same family. */
  readonly destination: string;
  readonly protocol: number;
  /** Time to live or hop limit, 1..255; default 64. */
  readonly ttl?: number;
  readonly payload: Uint8Array;
}

/** A packet without options or extension headers. */
export function buildIp({ source, destination, protocol, ttl = 64, payload }: IpPacket): Uint8Array {
  const [from, to] = [parseIp(source), parseIp(destination)];
  if (from.family === 6) {
    return new ByteWriter()
      .u32be(VERSION_6)
      .u16be(payload.length)
      .u8(protocol)
      .u8(ttl)
      .bytes(from.bytes)
      .bytes(to.bytes)
      .bytes(payload)
      .toBytes();
  }
  const header = new ByteWriter()
    .u8(0x45)
    .u8(0)
    .u16be(IPV4_BYTES + payload.length)
    .u16be(0)
    .u16be(0x4000)
    .u8(ttl)
    .u8(protocol)
    .u16be(0)
    .bytes(from.bytes)
    .bytes(to.bytes)
    .toBytes();
  new DataView(header.buffer).setUint16(10, internetChecksum(header));
  return new ByteWriter().bytes(header).bytes(payload).toBytes();
}

/** Puts an Ethernet II header in front of an IP packet. */
export function withEthernet(packet: Uint8Array, macs: { source: string; destination: string }): Uint8Array {
  return new ByteWriter()
    .bytes(macBytes(macs.destination))
    .bytes(macBytes(macs.source))
    .u16be(packet[0] >> 4 === 6 ? ETHERTYPES[6] : ETHERTYPES[4])
    .bytes(packet)
    .toBytes();
}

function buildSegment(ends: PacketEnds, protocol: number, l4Header: ByteWriter, checksumOffset: number): Uint8Array {
  const { source, destination, ttl } = ends;
  const segment = l4Header.bytes(ends.payload ?? new Uint8Array(0)).toBytes();
  // The pseudo headers of both families sum up to the same: addresses, protocol, length.
  const pseudoHeader = new ByteWriter()
    .bytes(parseIp(source.address).bytes)
    .bytes(parseIp(destination.address).bytes)
    .u16be(protocol)
    .u16be(segment.length);
  const checksum = internetChecksum(pseudoHeader.bytes(segment).toBytes());
  // RFC 768: a UDP checksum that comes out as zero is sent as all ones.
  const sent = protocol === PROTOCOL_UDP && checksum === 0 ? 0xffff : checksum;
  new DataView(segment.buffer).setUint16(checksumOffset, sent);
  return buildIp({
    source: source.address,
    destination: destination.address,
    protocol,
    payload: segment,
    ...(ttl !== undefined && { ttl }),
  });
}

function internetChecksum(bytes: Uint8Array): number {
  return ~onesComplementSum(new DataView(bytes.buffer, bytes.byteOffset), 0, bytes.length) & 0xffff;
}
