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
import { checksumOf } from '../wire/checksum';
import { isTcpOrUdp } from '../wire/ports';
import { UDP_CHECKSUM } from '../wire/udp';
import { crc32c } from './crc32c';
import { sumLong } from './sum';
import {
  findInnerTransport,
  findTransport,
  foundChecksumAt,
  foundL4,
  foundL4Bytes,
  foundMayBeTunnel,
  foundOuterL4,
  foundProtocol,
  foundPseudoSum,
} from './transport';

/** Where an SCTP header has its checksum of four bytes, and no other header has one; RFC 9260 section 3.1. */
const SCTP_CHECKSUM: u32 = 8;
const SCTP_BYTES: u32 = 12;

/**
 * Finishes the checksum that a virtio header has marked. No other byte of the frame changes.
 *
 * @param length of the frame in bytes, all of which may be read
 * @param checksumStart any number, as the header has it
 * @param checksumOffset likewise
 * @returns false when the header's words do not fit the frame, which is untouched then and should be dropped
 */
export function finishMarked(frame: usize, length: u32, checksumStart: u32, checksumOffset: u32): bool {
  if (checksumStart > length) return false;
  const bytes = length - checksumStart;
  if (bytes < 2 || checksumOffset > bytes - 2) return false;
  const start = frame + checksumStart;
  if (checksumOffset == SCTP_CHECKSUM && bytes >= SCTP_BYTES) {
    store<u32>(start, 0, SCTP_CHECKSUM);
    store<u32>(start, crc32c(start, bytes), SCTP_CHECKSUM);
    return true;
  }
  storeChecksum(start + checksumOffset, sumLong(start, bytes));
  return true;
}

/**
 * Finishes the checksum of a frame of which nobody says whether that is needed, when its TCP or UDP checksum is unfinished;
 * in a tunnel (VXLAN, NVGRE) first that of the inner packet. Fragments have finished ones. A frame that is finished costs the
 * walk to its segment and the sum of its pseudo header; plain.ts says the same of most of them sooner.
 *
 * @param link LINK_…
 * @returns whether there was something to finish
 */
export function finishUnmarked(frame: usize, length: u32, link: u32): bool {
  if (!findTransport(frame, length, link)) return false;
  return foundMayBeTunnel() ? finishTunnel(frame, length, link) : finishFound();
}

/**
 * Computes the TCP or UDP checksum of a frame that canStayWhole let stay unfinished, and that the pipeline has translated or
 * put into a tunnel since: then it is that of the inner packet. What the field holds does not matter.
 *
 * @param link LINK_…
 * @returns false when there is no such field; the frame is untouched then and should be dropped
 */
export function finishAnew(frame: usize, length: u32, link: u32): bool {
  if (!findTransport(frame, length, link)) return false;
  findInnerTransport();
  if (!isTcpOrUdp(foundProtocol)) return false;
  store<u16>(foundChecksumAt(), 0);
  storeChecksum(foundChecksumAt(), foundPseudoSum() + sumLong(foundL4, foundL4Bytes));
  return true;
}

/** Stores what ends a sum; zero as its other form, since that says "no checksum" in UDP and nothing else in TCP. */
export function storeChecksum(field: usize, sum: u32): void {
  const checksum: u32 = checksumOf(sum);
  store<u16>(field, <u16>(checksum == 0 ? 0xffff : checksum));
}

/** The inner checksum is covered by the outer one, which was computed as if the inner one were finished. */
function finishTunnel(frame: usize, length: u32, link: u32): bool {
  if (!findInnerTransport()) return finishFound();
  const isInnerFinished = finishFound();
  // Of GRE these are two bytes of its key, and nothing is found to finish.
  if (load<u16>(foundOuterL4, UDP_CHECKSUM) == 0) return isInnerFinished;
  findTransport(frame, length, link);
  return finishFound() || isInnerFinished;
}

/** @inline */
function finishFound(): bool {
  const pseudoSum = foundPseudoSum();
  return <u32>load<u16>(foundChecksumAt()) == pseudoSum && finishUnlessRight(pseudoSum);
}

/** One in 65,536 right checksums looks unfinished. */
function finishUnlessRight(pseudoSum: u32): bool {
  if (!isTcpOrUdp(foundProtocol)) return false;
  const sum = sumLong(foundL4, foundL4Bytes);
  if (checksumOf(pseudoSum + sum) == 0) return false;
  storeChecksum(foundChecksumAt(), sum);
  return true;
}
