/**
 * Cuts a frame that is larger than the MTU into the segments its sender has left to the hardware: TCP (TSO) and UDP (USO)
 * over IPv4 and IPv6, behind VLAN tags, IPv4 options and IPv6 extension headers, alone or inside VXLAN or NVGRE.
 *
 *   | headers | payload                                    |   frame, GSO size 3
 *   | headers | pay |   | headers | loa |   | headers | d |    its segments
 *
 * Each has the headers of the frame, with their lengths; IPv4 identifications count up, TCP sequence numbers too; CWR is
 * on the first one only, FIN and PSH on the last one only; all checksums are complete, whatever the frame's fields hold.
 *
 *   const count = segmentCount(header, frame, length, link);
 *   for (let index = count; index-- > 0; ) bytes = writeSegment(index, target);
 *
 * segmentCount leaves what it found in variables of this module, for writeSegment. The pipeline may have translated the
 * frame since it was received, and put it into a tunnel or taken it out of one.
 */

/** More segments than this are refused: what 64 KiB make at the smallest size that is accepted. */
export const SEGMENT_COUNT_MAX: u32 = 512;
/** GSO sizes below this are refused: nobody has such an MTU, and each byte would become a packet. */
export const GSO_BYTES_MIN: u32 = 128;

/**
 * How many segments a GSO frame makes; 1 when all of its payload fits one. Nothing is written.
 *
 * @param header its virtio header, virtioIsGso. Its words are compared with the frame, none is trusted.
 * @param length of the frame in bytes, all of which may be read
 * @param link LINK_…
 * @returns 0 when it cannot be cut, because frame and header do not agree or the type is none of ours (UFO): drop it
 */
export function segmentCount(header: usize, frame: usize, length: u32, link: u32): u32 {
  return 0;
}

/** Bytes of the longest segment of the frame segmentCount has read. */
export function segmentBytesMax(): u32 {
  return 0;
}

/**
 * Writes a segment of the frame segmentCount has read last.
 *
 * @param index 0 … count − 1, in any order
 * @param target room for segmentBytesMax bytes, outside the frame; or the frame itself, for segment 0 when all others
 *   have been written
 * @returns bytes of the segment
 */
export function writeSegment(index: u32, target: usize): u32 {
  return 0;
}
