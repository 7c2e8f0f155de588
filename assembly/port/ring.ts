/**
 * The four rings of an AF_XDP socket, mapped into the room of a port. Indexes count up and wrap at 32 bits; the low ones
 * name the entry.
 *
 *   receive ring:    the kernel produces, we consume    | address, length | of frames that have arrived
 *   fill ring:       we produce, the kernel consumes    | address |         of chunks to receive into
 *   transmit ring:   we produce, the kernel consumes    | address, length | of frames to send
 *   completion ring: the kernel produces, we consume    | address |         of chunks that have been sent
 *
 * Addresses are distances from the start of the pool. What the kernel writes is compared before it is used: a frame outside
 * the pool is counted as too long, a chunk outside it is lost. ring-ends.ts has the indexes.
 */
import {
  DESCRIPTOR_BYTES,
  HEADROOM_BYTES,
  PACKET_PORT_COMPLETION_RING,
  PACKET_PORT_FILL_RING,
  PACKET_PORT_FINISHED,
  PACKET_PORT_FLAG_UNFINISHED,
  PACKET_PORT_IN_FLIGHT,
  PACKET_PORT_IN_FLIGHT_MAX,
  PACKET_PORT_LENT,
  PACKET_PORT_LENT_MAX,
  PACKET_PORT_LINK,
  PACKET_PORT_RECEIVE_RING,
  PACKET_PORT_RECEIVED,
  PACKET_PORT_RINGS,
  PACKET_PORT_SEND_DROPPED,
  PACKET_PORT_SENT,
  PACKET_PORT_TOO_LONG,
  PACKET_PORT_TRANSMIT_RING,
  PACKET_PORT_TRANSMIT_ROOM,
  XSK_ADDRESS_SHIFT,
  XSK_ENTRY_LENGTH,
  XSK_ENTRY_SHIFT,
  XSK_RING_CONSUMER,
  XSK_RING_ENTRIES,
  XSK_RING_INDEX,
  XSK_RING_MASK,
} from '../abi';
import { addArrivals, arrivalRoom, describeArrival, nextArrival } from './arrival';
import { isPlainlyFinished } from './plain';
import { chunkBytes, chunksBase, freeChunkCount, lendChunk, popChunk, pushChunk, umemBytes } from './pool';
import { addToCounter, descriptorWord, portAt, portHas, portNumber, portOfKind } from './port';
import {
  attachConsumer,
  attachProducer,
  consume,
  filledEntries,
  freeEntries,
  publish,
  publishConsumed,
} from './ring-ends';
import { finishUnmarked } from './unfinished';

/** The kernel has mapped the rings and the record says where: takes them as they are, and fills the fill ring. */
export function portStartRings(number: u32): void {
  const port = portAt(number);
  attachProducer(port + PACKET_PORT_TRANSMIT_RING);
  attachProducer(port + PACKET_PORT_FILL_RING);
  attachConsumer(port + PACKET_PORT_RECEIVE_RING);
  attachConsumer(port + PACKET_PORT_COMPLETION_RING);
  limitTo(port, PACKET_PORT_LENT_MAX, port + PACKET_PORT_FILL_RING);
  limitTo(port, PACKET_PORT_IN_FLIGHT_MAX, port + PACKET_PORT_TRANSMIT_RING);
  exchange(port);
}

/** Takes back what has been sent, moves received frames into the batch, and gives the kernel chunks for the next ones. */
export function portTakeRing(number: u32): u32 {
  const port = portOfKind(number, PACKET_PORT_RINGS);
  if (port == 0 || !isStarted(port)) return 0;
  const taken = takeReceived(port);
  exchange(port);
  return taken;
}

/** Entries of the transmit ring the kernel has not taken yet. */
export function portPendingEntries(number: u32): u32 {
  const ring = portAt(number) + PACKET_PORT_TRANSMIT_RING;
  return load<u32>(ring, XSK_RING_INDEX) - atomic.load<u32>(load<u32>(ring, XSK_RING_CONSUMER));
}

/** Finds out how many entries of the transmit ring are free; to be called before putOnRing. */
export function beginTransmit(port: usize): void {
  const room = isStarted(port) ? freeEntries(port + PACKET_PORT_TRANSMIT_RING) : 0;
  const inFlight = load<u32>(port, PACKET_PORT_IN_FLIGHT);
  const max = load<u32>(port, PACKET_PORT_IN_FLIGHT_MAX);
  store<u32>(port, min(room, max > inFlight ? max - inFlight : 0), PACKET_PORT_TRANSMIT_ROOM);
}

/** Puts a frame on the transmit ring, or gives its chunk back when that is full. */
export function putOnRing(port: usize, chunk: usize, frame: usize, length: u32): void {
  const room = load<u32>(port, PACKET_PORT_TRANSMIT_ROOM);
  if (room == 0) {
    addToCounter(port, PACKET_PORT_SEND_DROPPED, 1);
    pushChunk(chunk);
    return;
  }
  store<u32>(port, room - 1, PACKET_PORT_TRANSMIT_ROOM);
  const ring = port + PACKET_PORT_TRANSMIT_RING;
  const index = load<u32>(ring, XSK_RING_INDEX);
  store<u32>(ring, index + 1, XSK_RING_INDEX);
  const slot = (index & load<u32>(ring, XSK_RING_MASK)) << XSK_ENTRY_SHIFT;
  const entry = load<u32>(ring, XSK_RING_ENTRIES) + slot;
  const address = <u32>frame - chunksBase;
  store<u64>(entry, address);
  store<u64>(entry, length, XSK_ENTRY_LENGTH);
  lendChunk(address, portNumber(port) + 1);
}

/** Shows the kernel what putOnRing has put there. */
export function endTransmit(port: usize): void {
  const count = publish(port + PACKET_PORT_TRANSMIT_RING);
  if (count == 0) return;
  addToCounter(port, PACKET_PORT_SENT, count);
  store<u32>(port, load<u32>(port, PACKET_PORT_IN_FLIGHT) + count, PACKET_PORT_IN_FLIGHT);
}

function takeReceived(port: usize): u32 {
  const ring = port + PACKET_PORT_RECEIVE_RING;
  const available = filledEntries(ring);
  if (available == 0) return 0;
  const count = min(available, arrivalRoom(port));
  const first = load<u32>(ring, XSK_RING_INDEX);
  const mask = load<u32>(ring, XSK_RING_MASK);
  const entries: usize = load<u32>(ring, XSK_RING_ENTRIES);
  const mayBeUnfinished = portHas(port, PACKET_PORT_FLAG_UNFINISHED);
  const word = descriptorWord(port);
  const link: u32 = load<u8>(port, PACKET_PORT_LINK);
  const base = chunksBase;
  const end: u64 = umemBytes;
  const bytesOfChunk = chunkBytes;
  const begin = nextArrival();
  let descriptor = begin;
  for (let index = first; index != first + count; index++) {
    const entry = entries + ((index & mask) << XSK_ENTRY_SHIFT);
    const address = load<u64>(entry);
    const length = load<u32>(entry, XSK_ENTRY_LENGTH);
    const inChunk = <u32>address & (bytesOfChunk - 1);
    if (address < end && inChunk >= <u32>HEADROOM_BYTES && length <= bytesOfChunk - inChunk) {
      const frame: usize = base + <u32>address;
      if (mayBeUnfinished && !isPlainlyFinished(frame, length, link)) finish(port, frame, length);
      describeArrival(descriptor, frame, length, word, frame - inChunk, port);
      descriptor += DESCRIPTOR_BYTES;
    } else {
      refuse(port, address);
    }
  }
  const taken = <u32>(descriptor - begin) / DESCRIPTOR_BYTES;
  consume(ring, first + count);
  addArrivals(port, taken);
  addToCounter(port, PACKET_PORT_RECEIVED, taken);
  lower(port, PACKET_PORT_LENT, count);
  return taken;
}

function finish(port: usize, frame: usize, length: u32): void {
  if (finishUnmarked(frame, length, load<u8>(port, PACKET_PORT_LINK))) addToCounter(port, PACKET_PORT_FINISHED, 1);
}

/** Whether its rings have been mapped. */
function isStarted(port: usize): bool {
  return load<u32>(port, PACKET_PORT_RECEIVE_RING + XSK_RING_ENTRIES) != 0;
}

/** An entry no frame of ours can be behind. */
function refuse(port: usize, address: u64): void {
  addToCounter(port, PACKET_PORT_TOO_LONG, 1);
  if (address < umemBytes) pushChunk(chunksBase + (<u32>address & ~(chunkBytes - 1)));
}

/**
 * Takes back the chunks that have been sent, and lends the kernel chunks to receive into, up to what the port may have: the
 * same ones as far as possible, which then need no stack and stay the port's.
 */
function exchange(port: usize): void {
  const completion = port + PACKET_PORT_COMPLETION_RING;
  const fill = port + PACKET_PORT_FILL_RING;
  const lent = load<u32>(port, PACKET_PORT_LENT);
  const lentMax = load<u32>(port, PACKET_PORT_LENT_MAX);
  const completed = filledEntries(completion);
  const wanted = min(lentMax > lent ? lentMax - lent : 0, freeEntries(fill));
  const direct = min(completed, wanted);
  const recycled = recycle(completion, fill, direct);
  if (completed > direct) takeCompleted(completion, completed - direct);
  const stacked = min(wanted - recycled, freeChunkCount());
  if (stacked > 0) refill(fill, stacked, portNumber(port) + 1);
  if (completed > 0) {
    publishConsumed(completion);
    lower(port, PACKET_PORT_IN_FLIGHT, completed);
  }
  if (publish(fill) > 0) store<u32>(port, lent + recycled + stacked, PACKET_PORT_LENT);
}

/** Moves chunks from the completion ring to the fill ring; returns how many they were. */
function recycle(completion: usize, fill: usize, count: u32): u32 {
  const mask = load<u32>(completion, XSK_RING_MASK);
  const entries: usize = load<u32>(completion, XSK_RING_ENTRIES);
  const fillMask = load<u32>(fill, XSK_RING_MASK);
  const fillEntries: usize = load<u32>(fill, XSK_RING_ENTRIES);
  const first = load<u32>(completion, XSK_RING_INDEX);
  const fillFirst = load<u32>(fill, XSK_RING_INDEX);
  const end: u64 = umemBytes;
  const chunkMask: u64 = ~(<u64>chunkBytes - 1);
  let to = fillFirst;
  for (let index = first; index != first + count; index++) {
    const address = load<u64>(entries + ((index & mask) << XSK_ADDRESS_SHIFT));
    if (address >= end) continue;
    store<u64>(fillEntries + ((to++ & fillMask) << XSK_ADDRESS_SHIFT), address & chunkMask);
  }
  store<u32>(completion, first + count, XSK_RING_INDEX);
  store<u32>(fill, to, XSK_RING_INDEX);
  return to - fillFirst;
}

/** Puts chunks of the completion ring on the stack. */
function takeCompleted(ring: usize, count: u32): void {
  const first = load<u32>(ring, XSK_RING_INDEX);
  const mask = load<u32>(ring, XSK_RING_MASK);
  const entries: usize = load<u32>(ring, XSK_RING_ENTRIES);
  const chunkMask = ~(chunkBytes - 1);
  for (let index = first; index != first + count; index++) {
    const address = load<u64>(entries + ((index & mask) << XSK_ADDRESS_SHIFT));
    if (address < umemBytes) pushChunk(chunksBase + (<u32>address & chunkMask));
  }
  store<u32>(ring, first + count, XSK_RING_INDEX);
}

/** Puts chunks of the stack into the fill ring. */
function refill(ring: usize, count: u32, owner: u32): void {
  const first = load<u32>(ring, XSK_RING_INDEX);
  const mask = load<u32>(ring, XSK_RING_MASK);
  const entries: usize = load<u32>(ring, XSK_RING_ENTRIES);
  for (let index = first; index != first + count; index++) {
    const address = <u32>popChunk() - chunksBase;
    store<u64>(entries + ((index & mask) << XSK_ADDRESS_SHIFT), address);
    lendChunk(address, owner);
  }
  store<u32>(ring, first + count, XSK_RING_INDEX);
}

/** A port needs no more chunks than its ring has entries. */
function limitTo(port: usize, field: usize, ring: usize): void {
  store<u32>(port + field, min(load<u32>(port + field), load<u32>(ring, XSK_RING_MASK) + 1));
}

function lower(port: usize, field: usize, count: u32): void {
  const value = load<u32>(port + field);
  store<u32>(port + field, value - min(value, count));
}
