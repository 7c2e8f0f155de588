/** Ports that take frames one at a time, and give them one at a time: a chunk is in hand for the next one. */
import { CHUNK_HEADROOM_BYTES, PACKET_PORT_FRAMES, PACKET_PORT_HAND, PACKET_PORT_WAITING_COUNT } from '../abi';
import { arrivalRoom, arrivals } from './arrival';
import { freeChunkCount, popChunk, pushChunk } from './pool';
import { portOfKind } from './port';
import { frontBytes, RECEIVE_TAKEN, RECEIVE_WAITS, receiveFrame } from './receive';

/** Where the next frame is to be put, its virtio header first; 0 when there is no room for one in the batch. */
export function portFrameRoom(number: u32): u32 {
  const port = portOfKind(number, PACKET_PORT_FRAMES);
  if (port == 0) return 0;
  const waiting = load<u32>(port, PACKET_PORT_WAITING_COUNT);
  if (waiting != 0 && takeInHand(port, waiting) == RECEIVE_WAITS) return 0;
  if (freeChunkCount() < 2 || arrivalRoom(port) == 0) return 0;
  let chunk: usize = load<u32>(port, PACKET_PORT_HAND);
  if (chunk == 0) {
    chunk = popChunk();
    store<u32>(port, <u32>chunk, PACKET_PORT_HAND);
  }
  return <u32>(chunk + CHUNK_HEADROOM_BYTES - frontBytes(port));
}

/**
 * Moves the frame that was put there into the batch; returns how many frames it made. One that is to be cut into more than the
 * batch has room for waits, and is taken when there is: then there is no room for another one until the next batch.
 */
export function portTakeFrame(number: u32, bytes: u32): u32 {
  const port = portOfKind(number, PACKET_PORT_FRAMES);
  if (port == 0 || load<u32>(port, PACKET_PORT_HAND) == 0 || load<u32>(port, PACKET_PORT_WAITING_COUNT) != 0) return 0;
  const before = arrivals();
  takeInHand(port, bytes);
  return arrivals() - before;
}

export function closeHand(port: usize): void {
  const chunk = load<u32>(port, PACKET_PORT_HAND);
  if (chunk != 0) pushChunk(chunk);
}

function takeInHand(port: usize, bytes: u32): u32 {
  if (arrivalRoom(port) == 0 || freeChunkCount() == 0) {
    store<u32>(port, bytes, PACKET_PORT_WAITING_COUNT);
    return RECEIVE_WAITS;
  }
  const outcome = receiveFrame(port, load<u32>(port, PACKET_PORT_HAND), bytes);
  store<u32>(port, outcome == RECEIVE_WAITS ? bytes : 0, PACKET_PORT_WAITING_COUNT);
  if (outcome == RECEIVE_TAKEN) store<u32>(port, 0, PACKET_PORT_HAND);
  return outcome;
}
