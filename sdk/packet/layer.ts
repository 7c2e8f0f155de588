/**
 * What every header reader shares: the layer it makes, the region of bytes it may look at, and the words for a header
 * that is cut short or cannot be.
 *
 *      0                    offset                    captureEnd        wireEnd
 *      | headers read so far | this header and payload | never captured  | not ours (padding, trailers)
 *
 * `captureEnd` bounds every read. `wireEnd` is where the payload ended on the wire, as the enclosing length fields say;
 * it is what lengths are computed from, so that a capture cut by a snap length still shows `length 1448`.
 */

/** The headers that are told apart; `payload` is anything that is not decoded further. */
export type LayerName =
  | 'ethernet'
  | 'vlan'
  | 'arp'
  | 'ipv4'
  | 'ipv6'
  | 'ipv6-extension'
  | 'ipv6-fragment'
  | 'tcp'
  | 'udp'
  | 'icmp'
  | 'icmpv6'
  | 'vxlan'
  | 'gre'
  | 'nvgre'
  | 'redirect'
  | 'payload';

/** The fields of one header by the RFC's names: numbers as they stand in the header, addresses and flags as text. */
export type Fields = Readonly<Record<string, string | number>>;

/**
 * One header of a packet.
 *
 * `offset` and `length` are in bytes, from the start of the frame; `length` is what of the header is there. `depth`
 * counts the tunnels around it (0 outside of any); `quoted` is true inside the packet an ICMP error quotes.
 *
 * Besides the header's own fields there may be `checksumExpected` (the checksum is wrong, this would be right),
 * `bytesPresent` and `bytesNeeded` (the header, or the payload it promises, is cut short) and `malformed` (a phrase: what
 * about the header cannot be).
 */
export interface Layer {
  readonly name: LayerName;
  readonly fields: Fields;
  readonly offset: number;
  readonly length: number;
  readonly depth: number;
  readonly quoted: boolean;
}

/** Where a header starts, how far it may be read, and what the headers around it said. */
export interface Region {
  /** The whole frame. */
  readonly view: DataView;
  readonly offset: number;
  readonly captureEnd: number;
  readonly wireEnd: number;
  readonly depth: number;
  readonly quoted: boolean;
  /** In a fragment or a quote, lengths go past the end by right, and checksums cannot be checked. */
  readonly partial: boolean;
  /** One's complement sum of the addresses for the pseudo header; `undefined` where it cannot be known. */
  readonly addressSum: number | undefined;
  /** What the enclosing header called it, for describing a payload: `ethertype 0x88cc`, `ospf`. */
  readonly announcedAs: string;
}

/** A header as read, and which one comes after it, if any. */
export interface Decoded {
  readonly layer: Layer;
  readonly next?: Next | undefined;
}

/** Which header to read next, and where. */
export interface Next {
  readonly header: LayerName;
  readonly region: Region;
}

/** One kind of header: how to read it and how to say it. */
export interface Header {
  /** Reads the header at the region's offset; never throws, never looks at or beyond `captureEnd`. */
  decode(region: Region): Decoded;
  /**
   * Says it as tcpdump would; an IP header is also given the transport header after it, for its ports. Of a transport
   * header cut off behind its ports there is nothing left to say, and the text is empty.
   */
  describe(layer: Layer, transport: Layer | undefined): string;
}

/** Whether the first `bytes` bytes of the region were captured. */
export function fits(region: Region, bytes: number): boolean {
  return region.offset + bytes <= region.captureEnd;
}

/** A layer at the start of the region whose header takes `length` bytes. */
export function layerAt(name: LayerName, region: Region, length: number, fields: Fields): Layer {
  return { name, fields, offset: region.offset, length, depth: region.depth, quoted: region.quoted };
}

/** A header of which only the beginning is there; `fields` are what could be read of it. */
export function cutHeader(name: LayerName, region: Region, bytesNeeded: number, fields: Fields = {}): Decoded {
  const bytesPresent = region.captureEnd - region.offset;
  return { layer: layerAt(name, region, bytesPresent, { ...fields, bytesPresent, bytesNeeded }) };
}

/** A header that is there but cannot be, for the reason `malformed`. */
export function malformedHeader(name: LayerName, region: Region, malformed: string): Decoded {
  return { layer: layerAt(name, region, region.captureEnd - region.offset, { malformed }) };
}

/**
 * The fields that say a header promises bytes up to `end` and the capture or the enclosing header has fewer; none when
 * all is well.
 */
export function cutPayloadFields(region: Region, end: number): Fields {
  if (region.partial || end <= region.wireEnd) return {};
  return { bytesPresent: region.captureEnd - region.offset, bytesNeeded: end - region.offset };
}

/** The region of what a header carries: from `offset` to where its length field, or else the region, ends. */
export function payloadOf(region: Region, offset: number, end: number = region.wireEnd): Region {
  return { ...region, offset, captureEnd: Math.min(end, region.captureEnd), wireEnd: end };
}

/** The region of a frame or packet inside a tunnel. */
export function tunnelled(region: Region, offset: number): Region {
  return { ...payloadOf(region, offset), depth: region.depth + 1, addressSum: undefined };
}

/** `0x` and at least `digits` hexadecimal digits. */
export function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}
