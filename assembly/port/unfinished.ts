/**
 * Checksums that their sender has left to the hardware (CHECKSUM_PARTIAL): the field holds the sum of the pseudo header,
 * folded and not complemented, and is finished here by the sum over the segment.
 *
 * | who says so | function |
 * |---|---|
 * | the virtio header: NEEDS_CSUM | finishMarked |
 * | nobody; the field looks like it | finishUnmarked |
 * | the data plane has kept it unfinished, and mended the field as if it were not | finishAnew |
 */

/**
 * Finishes the checksum that a virtio header has marked. No other byte of the frame changes.
 *
 * @param length of the frame in bytes, all of which may be read
 * @param checksumStart any number, as the header has it
 * @param checksumOffset likewise
 * @returns false when the header's words do not fit the frame, which is untouched then and should be dropped
 */
export function finishMarked(frame: usize, length: u32, checksumStart: u32, checksumOffset: u32): bool {
  return false;
}

/**
 * Finishes the checksum of a frame of which nobody says whether that is needed, when its TCP or UDP checksum is unfinished;
 * in a tunnel (VXLAN, NVGRE) first that of the inner packet. Fragments have finished ones. For most frames this costs
 * the sum of the pseudo header.
 *
 * @param link LINK_…
 * @returns whether there was something to finish
 */
export function finishUnmarked(frame: usize, length: u32, link: u32): bool {
  return false;
}

/**
 * Computes the TCP or UDP checksum of a frame that canStayWhole let stay unfinished, and that the pipeline has translated or
 * put into a tunnel since: then it is that of the inner packet. What the field holds does not matter.
 *
 * @param link LINK_…
 * @returns false when there is no such field; the frame is untouched then and should be dropped
 */
export function finishAnew(frame: usize, length: u32, link: u32): bool {
  return false;
}
