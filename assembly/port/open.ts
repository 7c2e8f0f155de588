/** Opening and closing packet ports; what they are goes by numbers, as everything that crosses this boundary. */
import {
  DESCRIPTOR_BYTES,
  DESCRIPTOR_CHUNK,
  DESCRIPTOR_ORIGIN,
  PACKET_PORT_DATAGRAMS,
  PACKET_PORT_FRAMES,
  PACKET_PORT_HAND,
  PACKET_PORT_KIND,
  PACKET_PORT_MESSAGE_COUNT,
  PACKET_PORT_MESSAGES,
  PACKET_PORT_PENDING_COUNT,
  PACKET_PORT_RINGS,
} from '../abi';
import { descriptorsBase } from '../layout';
import { arrivals, initArrivals } from './arrival';
import { pendingChunk } from './departure';
import { closeHand } from './frame';
import { closeMessages, limitPending, openMessages, receiveChunk } from './message';
import { disownChunk, disownFreeChunks, freeChunkCount, initPool, pushChunk, reclaimChunks } from './pool';
import { closeRecord, initPorts, isOpen, openRecord, portAt, portCountMax } from './port';

/** To be called after init(), when regions and configuration have been written. */
export function portInit(): void {
  initPool();
  initPorts();
  initArrivals();
}

/** Opens a port that is free; false when there are no chunks for its receive side, and it stays free. */
export function portOpen(number: u32, kind: u32, link: u32, side: u32, flags: u32): bool {
  const port = openRecord(number, kind, link, side, flags);
  const hasRoom = openSides(port, kind);
  if (!hasRoom) closeRecord(port);
  return hasRoom;
}

function openSides(port: usize, kind: u32): bool {
  if (kind == PACKET_PORT_MESSAGES || kind == PACKET_PORT_DATAGRAMS) return openMessages(port);
  if (kind == PACKET_PORT_FRAMES) limitPending(port);
  return freeChunkCount() > 0;
}

/** Takes back every chunk of a port, and leaves it free. Its frames in the batch stay there. */
export function portClose(number: u32): void {
  const port = portAt(number);
  const kind: u32 = load<u8>(port, PACKET_PORT_KIND);
  const pending = load<u32>(port, PACKET_PORT_PENDING_COUNT);
  for (let index: u32 = 0; index < pending; index++) pushChunk(pendingChunk(port, index));
  if (kind == PACKET_PORT_MESSAGES || kind == PACKET_PORT_DATAGRAMS) closeMessages(port);
  else if (kind == PACKET_PORT_FRAMES) closeHand(port);
  closeRecord(port);
  forgetOrigin(port);
  if (kind == PACKET_PORT_RINGS) {
    disownVisibleChunks(number + 1);
    reclaimChunks(number + 1);
  }
}

/** Frames of a port that is closed came from nowhere: another port may get its record. */
function forgetOrigin(port: usize): void {
  for (let index: u32 = 0; index < arrivals(); index++) {
    const descriptor = descriptorsBase + index * DESCRIPTOR_BYTES;
    if (load<u32>(descriptor, DESCRIPTOR_ORIGIN) == <u32>port) store<u32>(descriptor, 0, DESCRIPTOR_ORIGIN);
  }
}

/** Of a port with rings the kernel has what nobody else has. */
function disownVisibleChunks(owner: u32): void {
  disownFreeChunks(owner);
  for (let index: u32 = 0; index < arrivals(); index++) {
    disownChunk(load<u32>(descriptorsBase + index * DESCRIPTOR_BYTES, DESCRIPTOR_CHUNK), owner);
  }
  for (let number: u32 = 0; number < portCountMax(); number++) {
    const port = portAt(number);
    if (isOpen(port)) disownChunksOf(port, owner);
  }
}

function disownChunksOf(port: usize, owner: u32): void {
  for (let index: u32 = 0; index < load<u32>(port, PACKET_PORT_MESSAGE_COUNT); index++) {
    disownChunk(receiveChunk(port, index), owner);
  }
  for (let index: u32 = 0; index < load<u32>(port, PACKET_PORT_PENDING_COUNT); index++) {
    disownChunk(pendingChunk(port, index), owner);
  }
  const hand = load<u32>(port, PACKET_PORT_HAND);
  if (hand != 0) disownChunk(hand, owner);
}
