/**
 * Frames on their way out: onto the transmit ring of a port, or into the queue of those that wait for sendmmsg or write. A frame
 * that there is no room for is counted, and its chunk given back.
 */
import {
  CHUNK_HEADROOM_BYTES,
  MESSAGE_BYTES,
  MESSAGE_NAME_LENGTH,
  NAME_BYTES,
  PACKET_PORT_FLAG_VIRTIO,
  PACKET_PORT_IN_FLIGHT_MAX,
  PACKET_PORT_KIND,
  PACKET_PORT_NATIVE_ADDRESS,
  PACKET_PORT_PENDING_COUNT,
  PACKET_PORT_RINGS,
  PACKET_PORT_SEGMENTED,
  PACKET_PORT_SEND_DROPPED,
  PACKET_PORT_SENT,
  PACKET_PORT_TRANSMIT_ROOM,
  ROOM_TRANSMIT_CHUNKS,
  ROOM_TRANSMIT_MESSAGES,
  ROOM_TRANSMIT_NAMES,
  ROOM_TRANSMIT_VECTORS,
  VECTOR_BASE,
  VECTOR_BYTES,
  VECTOR_LENGTH,
} from '../abi';
import { outerHeadersBytes, writeName } from './datagram';
import { isDatagrams } from './message';
import { frameRoomBytes, freeChunkCount, popChunk, poppedChunk, pushChunk } from './pool';
import { addToCounter, openPortAt, portHas, portRoom } from './port';
import { renewVirtioHeader } from './renew';
import { putOnRing } from './ring';
import { segmentBytesMax, segmentCountAnew, writeSegment } from './segment';
import { finishAnew } from './unfinished';
import { VIRTIO_HEADER_BYTES, virtioIsFinished, virtioIsGso, writeVirtioFinished } from './virtio-header';

/** Sends a frame that leaves nothing to anybody by an open port whose link is the frame's. */
export function depart(port: usize, chunk: usize, frame: usize, length: u32): void {
  if (isRings(port)) {
    putOnRing(port, chunk, frame, length);
  } else if (load<u32>(port, PACKET_PORT_PENDING_COUNT) >= load<u32>(port, PACKET_PORT_IN_FLIGHT_MAX)) {
    giveUp(port, chunk);
  } else if (isDatagrams(port)) {
    queueDatagram(port, chunk, frame, length);
  } else if (portHas(port, PACKET_PORT_FLAG_VIRTIO)) {
    writeVirtioFinished(frame - VIRTIO_HEADER_BYTES);
    queue(port, chunk, frame - VIRTIO_HEADER_BYTES, length + VIRTIO_HEADER_BYTES);
  } else {
    queue(port, chunk, frame, length);
  }
}

/** The same of a frame that is as a VM has sent it; its virtio header is at the start of the chunk. */
export function departWhole(port: usize, chunk: usize, frame: usize, length: u32, link: u32): void {
  if (virtioIsFinished(chunk)) {
    depart(port, chunk, frame, length);
  } else if (departRoom(port) == 0) {
    giveUp(port, chunk);
  } else if (mayLeaveWhole(port, chunk, frame, length, link)) {
    queue(port, chunk, frame - VIRTIO_HEADER_BYTES, length + VIRTIO_HEADER_BYTES);
  } else if (virtioIsGso(chunk)) {
    departInSegments(port, chunk, frame, length, link);
  } else if (finishAnew(frame, length, link)) {
    depart(port, chunk, frame, length);
  } else {
    giveUp(port, chunk);
  }
}

/** Counts a frame as not sent. */
export function giveUp(port: usize, chunk: usize): void {
  addToCounter(port, PACKET_PORT_SEND_DROPPED, 1);
  pushChunk(chunk);
}

/** The first `count` pending frames have left; those behind them are given up when `isRefused`, else they wait. */
export function portSent(number: u32, count: u32, isRefused: bool): void {
  const port = openPortAt(number);
  if (port == 0) return;
  const pending = load<u32>(port, PACKET_PORT_PENDING_COUNT);
  const sent = min(count, pending);
  const dropped = isRefused ? pending - sent : 0;
  const gone = sent + dropped;
  for (let index: u32 = 0; index < gone; index++) pushChunk(pendingChunk(port, index));
  addToCounter(port, PACKET_PORT_SENT, sent);
  addToCounter(port, PACKET_PORT_SEND_DROPPED, dropped);
  store<u32>(port, pending - gone, PACKET_PORT_PENDING_COUNT);
  if (gone > 0 && gone < pending) moveToFront(port, gone, pending - gone);
}

/** The chunk of a frame that waits. */
export function pendingChunk(port: usize, index: u32): usize {
  return load<u32>(portRoom(port) + ROOM_TRANSMIT_CHUNKS + (index << 2));
}

/** Frames that may still be sent by a port. */
function departRoom(port: usize): u32 {
  if (isRings(port)) return load<u32>(port, PACKET_PORT_TRANSMIT_ROOM);
  return load<u32>(port, PACKET_PORT_IN_FLIGHT_MAX) - load<u32>(port, PACKET_PORT_PENDING_COUNT);
}

function mayLeaveWhole(port: usize, chunk: usize, frame: usize, length: u32, link: u32): bool {
  if (!portHas(port, PACKET_PORT_FLAG_VIRTIO)) return false;
  return renewVirtioHeader(frame - VIRTIO_HEADER_BYTES, chunk, frame, length, link);
}

/**
 * Segments leave in their order, as many as there is room for: a stream gets on with what arrives of it, where nothing of the
 * frame, time and again, would stop it. Until they leave their lengths are at the start of their chunks.
 */
function departInSegments(port: usize, chunk: usize, frame: usize, length: u32, link: u32): void {
  const count = segmentCountAnew(chunk, frame, length, link);
  const isTaken = !isDatagrams(port) || outerHeadersBytes(frame, length) != 0;
  if (count == 0 || segmentBytesMax() > frameRoomBytes() || !isTaken) {
    giveUp(port, chunk);
    return;
  }
  const sendable = min(count, min(departRoom(port), freeChunkCount() + 1));
  for (let index = sendable - 1; index > 0; index--) {
    const other = popChunk();
    store<u32>(other, writeSegment(index, other + CHUNK_HEADROOM_BYTES));
  }
  depart(port, chunk, frame, writeSegment(0, frame));
  for (let index: u32 = 1; index < sendable; index++) {
    const other = poppedChunk(index - 1);
    depart(port, other, other + CHUNK_HEADROOM_BYTES, load<u32>(other));
  }
  addToCounter(port, PACKET_PORT_SEGMENTED, 1);
  addToCounter(port, PACKET_PORT_SEND_DROPPED, count - sendable);
}

function queueDatagram(port: usize, chunk: usize, frame: usize, length: u32): void {
  const room = portRoom(port);
  const index = load<u32>(port, PACKET_PORT_PENDING_COUNT);
  const nameBytes = writeName(room + ROOM_TRANSMIT_NAMES + index * NAME_BYTES, frame, length);
  if (nameBytes == 0) {
    giveUp(port, chunk);
    return;
  }
  store<u32>(room + ROOM_TRANSMIT_MESSAGES + index * MESSAGE_BYTES, nameBytes, MESSAGE_NAME_LENGTH);
  const headers = outerHeadersBytes(frame, length);
  queue(port, chunk, frame + headers, length - headers);
}

/** @param bytes from `start` on, which leave as one */
function queue(port: usize, chunk: usize, start: usize, bytes: u32): void {
  const room = portRoom(port);
  const index = load<u32>(port, PACKET_PORT_PENDING_COUNT);
  const vector = room + ROOM_TRANSMIT_VECTORS + index * VECTOR_BYTES;
  store<u64>(vector, load<u64>(port, PACKET_PORT_NATIVE_ADDRESS) + start, VECTOR_BASE);
  store<u64>(vector, bytes, VECTOR_LENGTH);
  store<u32>(room + ROOM_TRANSMIT_CHUNKS + (index << 2), <u32>chunk);
  store<u32>(port, index + 1, PACKET_PORT_PENDING_COUNT);
}

function moveToFront(port: usize, first: u32, count: u32): void {
  const room = portRoom(port);
  const vectors = room + ROOM_TRANSMIT_VECTORS;
  memory.copy(vectors, vectors + first * VECTOR_BYTES, count * VECTOR_BYTES);
  const chunks = room + ROOM_TRANSMIT_CHUNKS;
  memory.copy(chunks, chunks + (first << 2), count << 2);
  if (!isDatagrams(port)) return;
  const names = room + ROOM_TRANSMIT_NAMES;
  memory.copy(names, names + first * NAME_BYTES, count * NAME_BYTES);
  for (let index: u32 = 0; index < count; index++) {
    const message = room + ROOM_TRANSMIT_MESSAGES + index * MESSAGE_BYTES;
    store<u32>(message, load<u32>(message + first * MESSAGE_BYTES, MESSAGE_NAME_LENGTH), MESSAGE_NAME_LENGTH);
  }
}

function isRings(port: usize): bool {
  return load<u8>(port, PACKET_PORT_KIND) == PACKET_PORT_RINGS;
}
