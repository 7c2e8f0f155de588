/**
 * Frames that go through the data plane as their sender left them, unfinished and larger than the MTU, and leave whole by a
 * port that has virtio headers: nothing ever sums or copies their payload.
 *
 *   receive:  canStayWhole ? hand it to the pipeline, keep its 10 bytes of header : finish or cut it now
 *   send:     renewVirtioHeader; by a port without virtio header, segmentCountAnew and writeSegment, or finishAnew
 */

import { checksumField } from '../wire/ports';
import { foundCanBeCut, foundHeaderBytes, foundIsMarked } from './segment';
import {
  findTransport,
  foundChecksumAt,
  foundL4,
  foundL4Bytes,
  foundMayBeTunnel,
  foundProtocol,
  foundPseudoSum,
} from './transport';
import {
  VIRTIO_GSO_NONE,
  virtioGsoBytes,
  virtioGsoField,
  virtioIsFinished,
  virtioIsGso,
  virtioNeedsChecksum,
  writeVirtioFinished,
  writeVirtioUnfinished,
} from './virtio-header';

/**
 * Whether a frame may go through the pipeline as it is: what its virtio header says is about the TCP or UDP segment of its
 * outermost packet, and agrees with it. A frame that leaves nothing to do may, too. Tunnels may not, since their inside
 * is whatever it is; only those the pipeline makes are looked into afterwards.
 *
 * @param header its virtio header
 * @param length of the frame in bytes, all of which may be read
 * @param link LINK_…
 */
export function canStayWhole(header: usize, frame: usize, length: u32, link: u32): bool {
  if (virtioIsFinished(header)) return true;
  if (!findTransport(frame, length, link) || foundMayBeTunnel()) return false;
  // Whoever finishes the checksum sums to the end of the frame.
  if (foundL4 + foundL4Bytes != frame + length) return false;
  if (virtioNeedsChecksum(header) && !foundIsMarked(header, frame)) return false;
  return !virtioIsGso(header) || foundCanBeCut(header);
}

/**
 * Writes the virtio header of a frame that leaves whole, and the sum of its pseudo header into its checksum field;
 * canStayWhole let it in. Addresses, ports, VLAN tags and link may have changed since then, all headers in front of TCP or
 * UDP may have moved.
 *
 * @param target where the header is to be written: in front of the frame, say
 * @param received the header the frame came with, anywhere, also at `target`
 * @param link LINK_… of the frame as it leaves
 * @returns false, with nothing written, when the frame is no such segment any more (it is in a tunnel, say): cut or finish it
 */
export function renewVirtioHeader(target: usize, received: usize, frame: usize, length: u32, link: u32): bool {
  if (virtioIsFinished(received)) {
    writeVirtioFinished(target);
    return true;
  }
  if (!findTransport(frame, length, link) || foundMayBeTunnel()) return false;
  if (foundL4 + foundL4Bytes != frame + length) return false;
  const start = <u32>(foundL4 - frame);
  const isGso = virtioIsGso(received);
  if (isGso && !foundCanBeCut(received)) return false;
  const headerBytes = isGso ? start + foundHeaderBytes() : 0;
  const gsoBytes = isGso ? virtioGsoBytes(received) : 0;
  const gsoType = isGso ? virtioGsoField(received) : VIRTIO_GSO_NONE;
  store<u16>(foundChecksumAt(), <u16>foundPseudoSum());
  writeVirtioUnfinished(target, gsoType, headerBytes, gsoBytes, start, checksumField(foundProtocol));
  return true;
}
