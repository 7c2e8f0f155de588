/**
 * `struct virtio_net_hdr`, virtio 1.2 section 5.1.6 and linux/virtio_net.h: what a sender has left to the hardware. Little
 * endian, as every machine is that runs this; sockets with PACKET_VNET_HDR and TUN and TAP devices with IFF_VNET_HDR put it
 * in front of each frame they give and want it in front of each frame they take.
 *
 *   0       1          2               4          6                8                 10
 *   | flags | GSO type | header length | GSO size | checksum start | checksum offset |
 *
 * Positions count from the first byte of the frame. GSO size is the payload of each segment. All of it is the word of
 * somebody else: a VM may write what it likes there.
 */

export const VIRTIO_HEADER_BYTES: u32 = 10;

/** The checksum is unfinished: its field holds the sum of the pseudo header, not complemented. */
export const VIRTIO_NEEDS_CHECKSUM: u32 = 1;

/** GSO types, without VIRTIO_GSO_ECN. */
export const VIRTIO_GSO_NONE: u32 = 0;
export const VIRTIO_GSO_TCP_4: u32 = 1;
/** TCP over IPv6 */
export const VIRTIO_GSO_TCP_6: u32 = 4;
/** UDP over either family, each segment a datagram of its own. */
export const VIRTIO_GSO_UDP: u32 = 5;
/** A bit beside the type: the first segment of TCP has CWR. */
export const VIRTIO_GSO_ECN: u32 = 0x80;

const FLAGS = 0;
const GSO_TYPE = 1;
const HEADER_LENGTH = 2;
const GSO_SIZE = 4;
const CHECKSUM_START = 6;
const CHECKSUM_OFFSET = 8;

/** Whether the sender has left the checksum to us. */
export function virtioNeedsChecksum(header: usize): bool {
  return (load<u8>(header, FLAGS) & VIRTIO_NEEDS_CHECKSUM) != 0;
}

/** VIRTIO_GSO_… without the ECN bit; other values than those are possible. */
export function virtioGsoType(header: usize): u32 {
  return load<u8>(header, GSO_TYPE) & ~VIRTIO_GSO_ECN;
}

/** The GSO type as it stands there, ECN bit included. */
export function virtioGsoField(header: usize): u32 {
  return load<u8>(header, GSO_TYPE);
}

/** Whether the frame is to be cut into segments. */
export function virtioIsGso(header: usize): bool {
  return virtioGsoType(header) != VIRTIO_GSO_NONE;
}

export function virtioGsoBytes(header: usize): u32 {
  return load<u16>(header, GSO_SIZE);
}

/** Where the checksum starts to sum, from the first byte of the frame. */
export function virtioChecksumStart(header: usize): u32 {
  return load<u16>(header, CHECKSUM_START);
}

/** Where its field is, from there. */
export function virtioChecksumOffset(header: usize): u32 {
  return load<u16>(header, CHECKSUM_OFFSET);
}

/** Whether nothing is left to do: what most frames say, in one load. @inline */
export function virtioIsFinished(header: usize): bool {
  return (load<u16>(header) & (VIRTIO_NEEDS_CHECKSUM | ((<u32>0xff & ~VIRTIO_GSO_ECN) << 8))) == 0;
}

/** Writes a header that leaves nothing to anybody. @inline */
export function writeVirtioFinished(header: usize): void {
  store<u64>(header, 0);
  store<u16>(header, 0, CHECKSUM_OFFSET);
}

/**
 * Writes a header that leaves the checksum to the receiver, and the cutting if it has a GSO type.
 *
 * @param gsoType as it was received, with its ECN bit
 * @param headerBytes bytes in front of the payload; 0 without a GSO type
 */
export function writeVirtioUnfinished(
  header: usize,
  gsoType: u32,
  headerBytes: u32,
  gsoBytes: u32,
  checksumStart: u32,
  checksumOffset: u32,
): void {
  store<u8>(header, <u8>VIRTIO_NEEDS_CHECKSUM, FLAGS);
  store<u8>(header, <u8>gsoType, GSO_TYPE);
  store<u16>(header, <u16>headerBytes, HEADER_LENGTH);
  store<u16>(header, <u16>gsoBytes, GSO_SIZE);
  store<u16>(header, <u16>checksumStart, CHECKSUM_START);
  store<u16>(header, <u16>checksumOffset, CHECKSUM_OFFSET);
}
