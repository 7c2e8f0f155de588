/**
 * How each header of the packet builder becomes bytes.
 *
 * A layer is encoded around the payload behind it. It announces the layer behind it (`above`: EtherType, protocol) and,
 * for TCP and UDP, covers the addresses of the layer in front of it (`below`: pseudo header). Lengths and checksums are
 * right unless the fields say otherwise; a field that lies changes nothing else, so each packet holds one lie at a time.
 */

import { concat, ipv4Bytes, ipv6Bytes, macBytes, putBe16, putBe32 } from './bytes.js';
import { internetChecksum, transportChecksum } from './checksum.js';

const NO_NEXT_HEADER = 59;

export interface Layer {
  /** What an Ethernet header or a VLAN tag in front of this layer announces. */
  readonly etherType?: number;
  /** What an IP or extension header in front of this layer announces. */
  readonly protocol?: number;
  /** Source and destination address, for the pseudo header of the layer behind. */
  readonly addresses?: Uint8Array;
  /** An IPv6 extension header: the layer behind is covered by the addresses of the IPv6 header in front of it. */
  readonly isExtension?: boolean;
  /** The UDP datagram in front of this layer goes without a checksum unless told otherwise. */
  readonly sumsNothing?: boolean;
  encode(payload: Uint8Array, below: Layer | undefined, above: Layer | undefined): Uint8Array;
}

export interface EthernetFields {
  src?: string;
  dst?: string;
  type?: number;
  /** Shortest frame, filled up with zeros behind what the IP length covers. */
  padTo?: number;
}

export interface VlanFields {
  /** 0x8100 (802.1Q) unless told otherwise; 0x88a8 is the service tag of 802.1ad. */
  tpid?: number;
  priority?: number;
  type?: number;
}

export interface Ipv4Fields {
  ttl?: number;
  tos?: number;
  id?: number;
  /** Don't fragment; set unless told otherwise, as hosts do. */
  df?: boolean;
  mf?: boolean;
  /** The reserved first bit of the flags. */
  reserved?: boolean;
  /** In units of 8 bytes, as on the wire. */
  fragmentOffset?: number;
  /** Filled up with zeros (end of option list) to whole 32-bit words. */
  options?: Uint8Array;
  protocol?: number;
  version?: number;
  /** In 32-bit words, as on the wire. The bytes that are there stay as they are. */
  ihl?: number;
  totalLength?: number;
  checksum?: number;
}

export interface Ipv6Fields {
  hopLimit?: number;
  trafficClass?: number;
  flowLabel?: number;
  /** 59, "no next header", where nothing comes behind that has a number. */
  nextHeader?: number;
  version?: number;
  payloadLength?: number;
}

/** An extension header with options or routing data in it: hop-by-hop, routing, destination options. */
export interface ExtensionFields {
  nextHeader?: number;
  /** In units of 8 bytes without the first, as on the wire. The bytes that are there stay as they are. */
  length?: number;
  /** Of a routing header. */
  segmentsLeft?: number;
  /** Behind the first two bytes (four of a routing header); filled up with zeros (Pad1) to whole units of 8 bytes. */
  data?: Uint8Array;
}

export interface FragmentFields {
  nextHeader?: number;
  /** In units of 8 bytes, as on the wire. */
  offset?: number;
  more?: boolean;
  id?: number;
}

export interface GreFields {
  /** Flags and version, 0x2000 (key present) unless told otherwise. */
  flags?: number;
  /** 0x6558, transparent Ethernet bridging, unless told otherwise. */
  type?: number;
}

export interface TcpFields {
  seq?: number;
  ack?: number;
  window?: number;
  urgent?: number;
  /** Filled up with zeros to whole 32-bit words. */
  options?: Uint8Array;
  payload?: Uint8Array | string;
  /** In 32-bit words, as on the wire. */
  dataOffset?: number;
  checksum?: number;
}

export interface UdpFields {
  payload?: Uint8Array | string;
  udpLength?: number;
  checksum?: number | 'none';
}

export interface VxlanFields {
  /** 0x08, the I flag, unless told otherwise. */
  flags?: number;
  /** The 24 reserved bits between the flags and the VNI. */
  reserved?: number;
}

export interface IcmpFields {
  /** The second 32-bit word of the header: identifier and sequence number of an echo. */
  rest?: number;
  checksum?: number;
}

export function ethernetLayer(fields: EthernetFields): Layer {
  return {
    encode(payload, _below, above) {
      const type = new Uint8Array(2);
      putBe16(type, 0, fields.type ?? above?.etherType ?? 0x0800);
      const dst = macBytes(fields.dst ?? '02:00:00:00:00:02');
      const src = macBytes(fields.src ?? '02:00:00:00:00:01');
      return padded(concat(dst, src, type, payload), fields.padTo);
    },
  };
}

/** No header at all: only the place of the padding. */
export function bareLayer(padTo: number | undefined): Layer {
  return { encode: (payload) => padded(payload, padTo) };
}

export function vlanLayer(id: number, fields: VlanFields): Layer {
  return {
    etherType: fields.tpid ?? 0x8100,
    encode(payload, _below, above) {
      const tag = new Uint8Array(4);
      putBe16(tag, 0, ((fields.priority ?? 0) << 13) | id);
      putBe16(tag, 2, fields.type ?? above?.etherType ?? 0x0800);
      return concat(tag, payload);
    },
  };
}

export function ipv4Layer(source: string, destination: string, fields: Ipv4Fields): Layer {
  const addresses = concat(ipv4Bytes(source), ipv4Bytes(destination));
  return {
    etherType: 0x0800,
    protocol: 4,
    addresses,
    encode(payload, _below, above) {
      const options = words(fields.options);
      const header = concat(new Uint8Array(12), addresses, options);
      header[0] = ((fields.version ?? 4) << 4) | (fields.ihl ?? header.length / 4);
      header[1] = fields.tos ?? 0;
      putBe16(header, 2, fields.totalLength ?? header.length + payload.length);
      putBe16(header, 4, fields.id ?? 0);
      const flags = (fields.reserved ? 0x8000 : 0) | (fields.df === false ? 0 : 0x4000) | (fields.mf ? 0x2000 : 0);
      putBe16(header, 6, flags | (fields.fragmentOffset ?? 0));
      header[8] = fields.ttl ?? 64;
      header[9] = fields.protocol ?? above?.protocol ?? 0;
      putBe16(header, 10, fields.checksum ?? internetChecksum(header));
      return concat(header, payload);
    },
  };
}

export function ipv6Layer(source: string, destination: string, fields: Ipv6Fields): Layer {
  const addresses = concat(ipv6Bytes(source), ipv6Bytes(destination));
  return {
    etherType: 0x86dd,
    protocol: 41,
    addresses,
    encode(payload, _below, above) {
      const header = concat(new Uint8Array(8), addresses);
      const word = (fields.version ?? 6) * 0x10000000 + (fields.trafficClass ?? 0) * 0x100000 + (fields.flowLabel ?? 0);
      putBe32(header, 0, word);
      putBe16(header, 4, fields.payloadLength ?? payload.length);
      header[6] = fields.nextHeader ?? above?.protocol ?? NO_NEXT_HEADER;
      header[7] = fields.hopLimit ?? 64;
      return concat(header, payload);
    },
  };
}

/** Hop-by-hop options (0), routing header (43) or destination options (60). */
export function extensionLayer(protocol: 0 | 43 | 60, fields: ExtensionFields): Layer {
  return {
    protocol,
    isExtension: true,
    encode(payload, _below, above) {
      const start = new Uint8Array(protocol === 43 ? 4 : 2);
      const content = concat(start, fields.data ?? new Uint8Array(0));
      const header = padded(content, Math.ceil(content.length / 8) * 8);
      header[0] = fields.nextHeader ?? above?.protocol ?? NO_NEXT_HEADER;
      header[1] = fields.length ?? header.length / 8 - 1;
      if (protocol === 43) header[3] = fields.segmentsLeft ?? 0;
      return concat(header, payload);
    },
  };
}

export function fragmentLayer(fields: FragmentFields): Layer {
  return {
    protocol: 44,
    isExtension: true,
    encode(payload, _below, above) {
      const header = new Uint8Array(8);
      header[0] = fields.nextHeader ?? above?.protocol ?? NO_NEXT_HEADER;
      putBe16(header, 2, ((fields.offset ?? 0) << 3) | (fields.more ? 1 : 0));
      putBe32(header, 4, fields.id ?? 0);
      return concat(header, payload);
    },
  };
}

/** RFC 7637: a GRE header whose key is a virtual subnet id and a flow id. */
export function nvgreLayer(vsid: number, flowId: number, fields: GreFields): Layer {
  return {
    protocol: 47,
    encode(payload) {
      const header = new Uint8Array(8);
      putBe16(header, 0, fields.flags ?? 0x2000);
      putBe16(header, 2, fields.type ?? 0x6558);
      putBe32(header, 4, vsid * 0x100 + flowId);
      return concat(header, payload);
    },
  };
}

export function tcpLayer(sourcePort: number, destinationPort: number, flags: number, fields: TcpFields): Layer {
  return {
    protocol: 6,
    encode(payload, below) {
      const header = concat(new Uint8Array(20), words(fields.options));
      putBe16(header, 0, sourcePort);
      putBe16(header, 2, destinationPort);
      putBe32(header, 4, fields.seq ?? 0);
      putBe32(header, 8, fields.ack ?? 0);
      header[12] = (fields.dataOffset ?? header.length / 4) << 4;
      header[13] = flags;
      putBe16(header, 14, fields.window ?? 65535);
      putBe16(header, 18, fields.urgent ?? 0);
      const segment = concat(header, toBytes(fields.payload), payload);
      putBe16(segment, 16, fields.checksum ?? transportChecksum(pseudoAddresses(below), 6, segment));
      return segment;
    },
  };
}

export function udpLayer(sourcePort: number, destinationPort: number, fields: UdpFields): Layer {
  return {
    protocol: 17,
    encode(payload, below, above) {
      const datagram = concat(new Uint8Array(8), toBytes(fields.payload), payload);
      const length = fields.udpLength ?? datagram.length;
      putBe16(datagram, 0, sourcePort);
      putBe16(datagram, 2, destinationPort);
      putBe16(datagram, 4, length);
      let checksum = fields.checksum ?? (above?.sumsNothing ? 'none' : undefined);
      if (checksum === undefined) {
        // A length that fits says where the datagram ends, and the bytes behind it belong to no one (RFC 768).
        const covered = length >= 8 && length <= datagram.length ? datagram.subarray(0, length) : datagram;
        // A computed zero is sent as all ones: zero on the wire means that there is no checksum (RFC 768).
        checksum = transportChecksum(pseudoAddresses(below), 17, covered) || 0xffff;
      }
      putBe16(datagram, 6, checksum === 'none' ? 0 : checksum);
      return datagram;
    },
  };
}

export function vxlanLayer(vni: number, fields: VxlanFields): Layer {
  return {
    // RFC 7348 section 5: the outer UDP checksum SHOULD be zero.
    sumsNothing: true,
    encode(payload) {
      const header = new Uint8Array(8);
      putBe32(header, 0, (fields.flags ?? 0x08) * 0x1000000 + (fields.reserved ?? 0));
      putBe32(header, 4, vni * 0x100);
      return concat(header, payload);
    },
  };
}

export function icmpLayer(type: number, code: number, fields: IcmpFields): Layer {
  return {
    protocol: 1,
    encode(payload) {
      const message = concat(Uint8Array.of(type, code, 0, 0, 0, 0, 0, 0), payload);
      putBe32(message, 4, fields.rest ?? 0);
      putBe16(message, 2, fields.checksum ?? internetChecksum(message));
      return message;
    },
  };
}

export function icmpv6Layer(type: number, code: number, fields: IcmpFields): Layer {
  return {
    protocol: 58,
    encode(payload, below) {
      const message = concat(Uint8Array.of(type, code, 0, 0, 0, 0, 0, 0), payload);
      putBe32(message, 4, fields.rest ?? 0);
      putBe16(message, 2, fields.checksum ?? transportChecksum(pseudoAddresses(below), 58, message));
      return message;
    },
  };
}

export function payloadLayer(content: Uint8Array | string): Layer {
  return { encode: (payload) => concat(toBytes(content), payload) };
}

function toBytes(content: Uint8Array | string = ''): Uint8Array {
  return typeof content === 'string' ? new TextEncoder().encode(content) : content;
}

function words(options: Uint8Array = new Uint8Array(0)): Uint8Array {
  return padded(options, Math.ceil(options.length / 4) * 4);
}

function padded(bytes: Uint8Array, length = 0): Uint8Array {
  return bytes.length < length ? concat(bytes, new Uint8Array(length - bytes.length)) : bytes;
}

function pseudoAddresses(below: Layer | undefined): Uint8Array {
  if (below?.addresses === undefined) {
    throw new TypeError('expected an ipv4 or ipv6 layer in front of tcp or udp: the checksum covers its addresses');
  }
  return below.addresses;
}
