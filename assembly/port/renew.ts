/**
 * Frames that go through the data plane as their sender left them, unfinished and larger than the MTU, and leave whole by a
 * port that has virtio headers: nothing ever sums or copies their payload.
 *
 *   receive:  canStayWhole ? hand it to the pipeline, keep its 10 bytes of header : finish or cut it now
 *   send:     renewVirtioHeader ; by a port without virtio header: segmentCount and writeSegment, or finishAnew
 */

/**
 * Whether a frame may go through the pipeline as it is: what its virtio header says is about the TCP or UDP segment of its
 * outermost packet, and agrees with it. A frame that leaves nothing to do may, too.
 *
 * @param header its virtio header
 * @param length of the frame in bytes, all of which may be read
 * @param link LINK_…
 */
export function canStayWhole(header: usize, frame: usize, length: u32, link: u32): bool {
  return false;
}

/**
 * Writes the virtio header of a frame that leaves whole, and the sum of its pseudo header into its checksum field; canStayWhole
 * let it in. Addresses, ports, VLAN tags and link may have changed since then, all headers in front of TCP or UDP may
 * have moved.
 *
 * @param target where the header is to be written: in front of the frame, say
 * @param received the header the frame came with, anywhere, also at `target`
 * @param link LINK_… of the frame as it leaves
 * @returns false, with nothing written, when the frame is no such segment any more (it is in a tunnel, say): cut or finish it
 */
export function renewVirtioHeader(target: usize, received: usize, frame: usize, length: u32, link: u32): bool {
  return false;
}
