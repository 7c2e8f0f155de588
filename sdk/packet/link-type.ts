/**
 * Link types of captures, and the way from each to the IP packet: https://www.tcpdump.org/linktypes.html.
 *
 *   NULL, LOOP   | address family 32 | IP packet          family in the writer's byte order / big-endian
 *   LINUX_SLL    | type 16 | ARPHRD 16 | address length 16 | address 64 | protocol 16 | payload
 *   LINUX_SLL2   | protocol 16 | reserved 16 | interface 32 | ARPHRD 16 | type 8 | address length 8 | address 64 | payload
 *   RAW, IPV4, IPV6                                       the IP packet itself
 */

/** BSD loopback: an address family in the byte order of the capturing machine, then the packet. */
export const LINKTYPE_NULL = 0;
/** Ethernet II frames, without preamble. */
export const LINKTYPE_ETHERNET = 1;
/** A bare IPv4 or IPv6 packet; the version nibble tells. */
export const LINKTYPE_RAW = 101;
/** OpenBSD loopback: an address family in network byte order, then the packet. */
export const LINKTYPE_LOOP = 108;
/** Linux "cooked" capture (`tcpdump -i any` before 2020): a header of 16 bytes in place of the link layer's. */
export const LINKTYPE_LINUX_SLL = 113;
/** A bare IPv4 packet. */
export const LINKTYPE_IPV4 = 228;
/** A bare IPv6 packet. */
export const LINKTYPE_IPV6 = 229;
/** Linux "cooked" capture, version 2 (`tcpdump -i any` today): a header of 20 bytes. */
export const LINKTYPE_LINUX_SLL2 = 276;

/** What DLT_RAW is numbered on the BSDs; found in files written without going through the LINKTYPE registry. */
const DLT_RAW_BSD = 12;
const DLT_RAW_OPENBSD = 14;

/**
 * How frames of a link type reach the data plane: `'ethernet'` as they are, `'bare'` as the IP packet `bareIp` gives,
 * `undefined` when nothing here reads them.
 */
export function linkKind(linkType: number): 'ethernet' | 'bare' | undefined {
  if (linkType === LINKTYPE_ETHERNET) return 'ethernet';
  return BARE[linkType] === undefined ? undefined : 'bare';
}

/**
 * The IP packet in a frame of a `'bare'` link type, as a view on `bytes`; `undefined` when the frame carries something
 * else (ARP, spanning tree), is too short to tell, or is not of a `'bare'` link type.
 *
 * @example
 * ```ts
 * bareIp(LINKTYPE_LINUX_SLL, frame.bytes); // the same bytes without the first 16
 * ```
 */
export function bareIp(linkType: number, bytes: Uint8Array): Uint8Array | undefined {
  const link = BARE[linkType];
  if (link === undefined || bytes.length <= link.headerBytes || !link.isIp(bytes)) return undefined;
  const version = bytes[link.headerBytes]! >> 4;
  return version === 4 || version === 6 ? bytes.subarray(link.headerBytes) : undefined;
}

interface BareLink {
  readonly headerBytes: number;
  /** Asked only when the header and at least one byte more are there. */
  readonly isIp: (bytes: Uint8Array) => boolean;
}

const RAW: BareLink = { headerBytes: 0, isIp: () => true };

const BARE: Readonly<Record<number, BareLink>> = {
  [LINKTYPE_NULL]: {
    headerBytes: 4,
    // Whichever end holds the family, the other three bytes are zero.
    isIp: (b) => (b[1] === 0 && b[2] === 0 && b[3] === 0 && isIpFamily(b[0]!)) || isIpFamilyBigEndian(b),
  },
  [LINKTYPE_LOOP]: { headerBytes: 4, isIp: isIpFamilyBigEndian },
  [LINKTYPE_LINUX_SLL]: { headerBytes: 16, isIp: (b) => isIpEtherType((b[14]! << 8) | b[15]!) },
  [LINKTYPE_LINUX_SLL2]: { headerBytes: 20, isIp: (b) => isIpEtherType((b[0]! << 8) | b[1]!) },
  [LINKTYPE_RAW]: RAW,
  [LINKTYPE_IPV4]: RAW,
  [LINKTYPE_IPV6]: RAW,
  [DLT_RAW_BSD]: RAW,
  [DLT_RAW_OPENBSD]: RAW,
};

function isIpFamilyBigEndian(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0 && isIpFamily(bytes[3]!);
}

/** AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on Darwin. */
function isIpFamily(family: number): boolean {
  return family === 2 || family === 10 || family === 24 || family === 28 || family === 30;
}

function isIpEtherType(etherType: number): boolean {
  return etherType === 0x0800 || etherType === 0x86dd;
}
