/**
 * From a chunk that holds a frame of a socket or device to the batch: with a virtio header in front the frame may be unfinished,
 * or larger than the MTU.
 *
 *   0                  246             256
 *   | kept header 10   | virtio header | frame …        the first where the frame stays as it is (CHUNK_IS_WHOLE)
 */
import {
  CHUNK_HEADROOM_BYTES,
  CHUNK_IS_WHOLE,
  DESCRIPTOR_BYTES,
  PACKET_PORT_FINISHED,
  PACKET_PORT_FLAG_VIRTIO,
  PACKET_PORT_FLAG_WHOLE,
  PACKET_PORT_RECEIVED,
  PACKET_PORT_SEGMENTED,
  PACKET_PORT_TOO_LONG,
} from '../abi';
import {
  addArrivals,
  arrivalCountMax,
  arrivals,
  claimRoom,
  describeArrival,
  nextArrival,
  segmentRoom,
  settleClaim,
} from './arrival';
import { frameRoomBytes, freeChunkCount, popChunk } from './pool';
import { addToCounter, descriptorWord, portHas } from './port';
import { canStayWhole } from './renew';
import { segmentBytesMax, segmentCount, writeSegment } from './segment';
import { finishMarked } from './unfinished';
import {
  VIRTIO_HEADER_BYTES,
  virtioChecksumOffset,
  virtioChecksumStart,
  virtioIsFinished,
  virtioIsGso,
} from './virtio-header';

/** The chunk is in the batch. */
export const RECEIVE_TAKEN: u32 = 0;
/** The frame was counted and given up; its chunk can be received into again. */
export const RECEIVE_REFUSED: u32 = 1;
/** There is not enough room now: to be tried again with the next batch. */
export const RECEIVE_WAITS: u32 = 2;

const LINK_MASK: u32 = 0xff;

/** Bytes between what the kernel writes and the frame: those of its virtio header. */
export function frontBytes(port: usize): u32 {
  return portHas(port, PACKET_PORT_FLAG_VIRTIO) ? VIRTIO_HEADER_BYTES : 0;
}

/**
 * Moves a frame into the batch, which has room for one; there is a free chunk.
 *
 * @param bytes as the kernel said: of the frame, and of the virtio header if it has one
 */
export function receiveFrame(port: usize, chunk: usize, bytes: u32): u32 {
  const front = frontBytes(port);
  if (bytes < front || bytes - front > frameRoomBytes()) return refuse(port);
  const frame = chunk + CHUNK_HEADROOM_BYTES;
  if (front != 0 && !virtioIsFinished(frame - VIRTIO_HEADER_BYTES))
    return receiveUnfinished(port, chunk, bytes - front);
  take(port, chunk, frame, bytes - front);
  return RECEIVE_TAKEN;
}

/** A frame that does not fit its chunk, or contradicts its virtio header. */
export function refuse(port: usize): u32 {
  addToCounter(port, PACKET_PORT_TOO_LONG, 1);
  return RECEIVE_REFUSED;
}

function take(port: usize, chunk: usize, frame: usize, length: u32): void {
  describeArrival(nextArrival(), frame, length, descriptorWord(port), chunk, port);
  addArrivals(port, 1);
  addToCounter(port, PACKET_PORT_RECEIVED, 1);
}

function receiveUnfinished(port: usize, chunk: usize, length: u32): u32 {
  const frame = chunk + CHUNK_HEADROOM_BYTES;
  const header = frame - VIRTIO_HEADER_BYTES;
  const link = descriptorWord(port) & LINK_MASK;
  if (portHas(port, PACKET_PORT_FLAG_WHOLE) && canStayWhole(header, frame, length, link)) {
    memory.copy(chunk, header, VIRTIO_HEADER_BYTES);
    take(port, chunk + CHUNK_IS_WHOLE, frame, length);
    return RECEIVE_TAKEN;
  }
  if (virtioIsGso(header)) return receiveSegments(port, chunk, length, link);
  if (!finishMarked(frame, length, virtioChecksumStart(header), virtioChecksumOffset(header))) return refuse(port);
  addToCounter(port, PACKET_PORT_FINISHED, 1);
  take(port, chunk, frame, length);
  return RECEIVE_TAKEN;
}

/** The first segment stays where the frame is, the others get chunks of their own. */
function receiveSegments(port: usize, chunk: usize, length: u32, link: u32): u32 {
  const frame = chunk + CHUNK_HEADROOM_BYTES;
  const count = segmentCount(frame - VIRTIO_HEADER_BYTES, frame, length, link);
  if (count == 0 || count > arrivalCountMax() || segmentBytesMax() > frameRoomBytes()) return refuse(port);
  // One more, to receive into in place of this one.
  const hasChunks = freeChunkCount() >= count;
  if (!hasChunks && arrivals() == 0) return refuse(port);
  if (!hasChunks || count > segmentRoom(port)) {
    claimRoom(port, count);
    return RECEIVE_WAITS;
  }
  const word = descriptorWord(port);
  const first = nextArrival();
  for (let index = count - 1; index > 0; index--) {
    const other = popChunk();
    const target = other + CHUNK_HEADROOM_BYTES;
    describeArrival(first + index * DESCRIPTOR_BYTES, target, writeSegment(index, target), word, other, port);
  }
  describeArrival(first, frame, writeSegment(0, frame), word, chunk, port);
  addArrivals(port, count);
  settleClaim(port);
  addToCounter(port, PACKET_PORT_RECEIVED, 1);
  addToCounter(port, PACKET_PORT_SEGMENTED, 1);
  return RECEIVE_TAKEN;
}
