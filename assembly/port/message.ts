/**
 * Arrays of `struct mmsghdr` in the room of a port, for recvmmsg and sendmmsg. Each message has one vector, over one chunk;
 * the virtio header, where there is one, lies right in front of the frame. Pointers are addresses of the process.
 *
 * A received message stays in its place until the batch has room for its frame; its place then gets another chunk.
 */
import {
  CHUNK_HEADROOM_BYTES,
  MESSAGE_BYTES,
  MESSAGE_FLAG_TRUNCATED,
  MESSAGE_FLAGS,
  MESSAGE_LENGTH,
  MESSAGE_NAME,
  MESSAGE_NAME_LENGTH,
  MESSAGE_VECTOR,
  MESSAGE_VECTOR_COUNT,
  NAME_BYTES,
  PACKET_PORT_DATAGRAMS,
  PACKET_PORT_IN_FLIGHT_MAX,
  PACKET_PORT_KIND,
  PACKET_PORT_LENT_MAX,
  PACKET_PORT_MESSAGE_COUNT,
  PACKET_PORT_NATIVE_ADDRESS,
  PACKET_PORT_RECEIVED,
  PACKET_PORT_WAITING_COUNT,
  PACKET_PORT_WAITING_FIRST,
  ROOM_MESSAGE_COUNT_MAX,
  ROOM_RECEIVE_CHUNKS,
  ROOM_RECEIVE_MESSAGES,
  ROOM_RECEIVE_NAMES,
  ROOM_RECEIVE_VECTORS,
  ROOM_TRANSMIT_MESSAGES,
  ROOM_TRANSMIT_NAMES,
  ROOM_TRANSMIT_VECTORS,
  VECTOR_BASE,
  VECTOR_BYTES,
  VECTOR_LENGTH,
} from '../abi';
import { addArrivals, arrivalRoom, arrivals, describeArrival, nextArrival } from './arrival';
import { NAME_BYTES_6, writeOuterHeaders } from './datagram';
import { frameRoomBytes, freeChunkCount, popChunk, pushChunk } from './pool';
import { addToCounter, descriptorWord, openPortAt, portRoom } from './port';
import { frontBytes, RECEIVE_TAKEN, RECEIVE_WAITS, receiveFrame, refuse } from './receive';

/** Messages received by one call, at most: as many as are worth it. */
const RECEIVE_COUNT_MAX: u32 = 128;

/** Lays out both arrays, each received message with a chunk of its own; false when there are none. */
export function openMessages(port: usize): bool {
  const count = min(load<u32>(port, PACKET_PORT_LENT_MAX), RECEIVE_COUNT_MAX);
  if (count == 0 || freeChunkCount() < count) return false;
  store<u32>(port, count, PACKET_PORT_MESSAGE_COUNT);
  limitPending(port);
  const room = portRoom(port);
  const hasNames = isDatagrams(port);
  memory.fill(room, 0, ROOM_RECEIVE_VECTORS);
  for (let index: u32 = 0; index < <u32>ROOM_MESSAGE_COUNT_MAX; index++) {
    pointMessage(port, ROOM_RECEIVE_MESSAGES, ROOM_RECEIVE_VECTORS, hasNames ? ROOM_RECEIVE_NAMES : 0, index);
    pointMessage(port, ROOM_TRANSMIT_MESSAGES, ROOM_TRANSMIT_VECTORS, hasNames ? ROOM_TRANSMIT_NAMES : 0, index);
  }
  for (let index: u32 = 0; index < count; index++) receiveInto(port, index, popChunk());
  return true;
}

/** Gives back the chunks that were to be received into. */
export function closeMessages(port: usize): void {
  const count = load<u32>(port, PACKET_PORT_MESSAGE_COUNT);
  for (let index: u32 = 0; index < count; index++) pushChunk(receiveChunk(port, index));
}

/** A port sends no more messages at once than its arrays have. */
export function limitPending(port: usize): void {
  const max = min<u32>(load<u32>(port, PACKET_PORT_IN_FLIGHT_MAX), ROOM_MESSAGE_COUNT_MAX);
  store<u32>(port, max, PACKET_PORT_IN_FLIGHT_MAX);
}

/** The chunk a message is received into. */
export function receiveChunk(port: usize, index: u32): usize {
  return load<u32>(portRoom(port) + ROOM_RECEIVE_CHUNKS + (index << 2));
}

/**
 * Moves received messages into the batch; those without room wait. Returns how many frames that made.
 *
 * @param messageCount what recvmmsg has returned; not looked at as long as others wait
 */
export function portTakeMessages(number: u32, messageCount: u32): u32 {
  const port = openPortAt(number);
  if (port == 0 || load<u32>(port, PACKET_PORT_MESSAGE_COUNT) == 0) return 0;
  let first = load<u32>(port, PACKET_PORT_WAITING_FIRST);
  let waiting = load<u32>(port, PACKET_PORT_WAITING_COUNT);
  if (waiting == 0) {
    first = 0;
    waiting = min(messageCount, load<u32>(port, PACKET_PORT_MESSAGE_COUNT));
  }
  if (waiting == 0) return 0;
  const before = arrivals();
  const room = arrivalRoom(port);
  const isNamed = isDatagrams(port);
  while (waiting > 0 && arrivals() - before < room && freeChunkCount() > 0) {
    const outcome = isNamed ? takeDatagram(port, first) : takeMessage(port, first);
    if (outcome == RECEIVE_WAITS) break;
    if (outcome == RECEIVE_TAKEN) receiveInto(port, first, popChunk());
    first++;
    waiting--;
  }
  store<u32>(port, first, PACKET_PORT_WAITING_FIRST);
  store<u32>(port, waiting, PACKET_PORT_WAITING_COUNT);
  return arrivals() - before;
}

/** Whether a port has messages with addresses. */
export function isDatagrams(port: usize): bool {
  return load<u8>(port, PACKET_PORT_KIND) == PACKET_PORT_DATAGRAMS;
}

function takeMessage(port: usize, index: u32): u32 {
  const message = portRoom(port) + ROOM_RECEIVE_MESSAGES + index * MESSAGE_BYTES;
  if (isTruncated(message)) return refuse(port);
  return receiveFrame(port, receiveChunk(port, index), load<u32>(message, MESSAGE_LENGTH));
}

function takeDatagram(port: usize, index: u32): u32 {
  const room = portRoom(port);
  const message = room + ROOM_RECEIVE_MESSAGES + index * MESSAGE_BYTES;
  const bytes = load<u32>(message, MESSAGE_LENGTH);
  // What the kernel has written there is what the next call would have for room.
  store<u32>(message, NAME_BYTES_6, MESSAGE_NAME_LENGTH);
  if (isTruncated(message) || bytes > frameRoomBytes()) return refuse(port);
  const chunk = receiveChunk(port, index);
  const payload = chunk + CHUNK_HEADROOM_BYTES;
  const headers = writeOuterHeaders(payload, bytes, room + ROOM_RECEIVE_NAMES + index * NAME_BYTES);
  if (headers == 0) return refuse(port);
  describeArrival(nextArrival(), payload - headers, headers + bytes, descriptorWord(port), chunk, port);
  addArrivals(port, 1);
  addToCounter(port, PACKET_PORT_RECEIVED, 1);
  return RECEIVE_TAKEN;
}

function isTruncated(message: usize): bool {
  return (load<u32>(message, MESSAGE_FLAGS) & MESSAGE_FLAG_TRUNCATED) != 0;
}

function receiveInto(port: usize, index: u32, chunk: usize): void {
  const room = portRoom(port);
  const front = frontBytes(port);
  const vector = room + ROOM_RECEIVE_VECTORS + index * VECTOR_BYTES;
  const target = load<u64>(port, PACKET_PORT_NATIVE_ADDRESS) + chunk + CHUNK_HEADROOM_BYTES - front;
  store<u64>(vector, target, VECTOR_BASE);
  store<u64>(vector, frameRoomBytes() + front, VECTOR_LENGTH);
  store<u32>(room + ROOM_RECEIVE_CHUNKS + (index << 2), <u32>chunk);
}

/** What of a message never changes. */
function pointMessage(port: usize, messages: u32, vectors: u32, names: u32, index: u32): void {
  const room = portRoom(port);
  const native = load<u64>(port, PACKET_PORT_NATIVE_ADDRESS) + room;
  const message = room + messages + index * MESSAGE_BYTES;
  store<u64>(message, native + vectors + index * VECTOR_BYTES, MESSAGE_VECTOR);
  store<u64>(message, 1, MESSAGE_VECTOR_COUNT);
  if (names == 0) return;
  store<u64>(message, native + names + index * NAME_BYTES, MESSAGE_NAME);
  store<u32>(message, NAME_BYTES_6, MESSAGE_NAME_LENGTH);
}
