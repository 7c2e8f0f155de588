/**
 * Frames that have arrived: the batch the next call will process, filled by one port after the other.
 *
 * Ports share its room: each may take its part of what is left when its turn comes, so that none is forgotten beside a busy
 * one. As many are expected to come as came for the batch before; whoever waits for frames does not ask. Room is left for what the pipelines produce. A frame that is to be cut into more segments than there is room for makes
 * the other ports leave that much in the next batch.
 */
import { DESCRIPTOR_BYTES, DESCRIPTOR_CHUNK, DESCRIPTOR_LINK, PACKET_PORT_BATCH, PACKET_PORT_BUDGET } from '../abi';
import { descriptorsBase, descriptorsCount } from '../layout';
import { isOpen, openCount } from './port';

/** Descriptors left for what is produced, at most, and at least this part of them all. */
const PRODUCED_COUNT: u32 = 64;
const PRODUCED_SHIFT: u32 = 2;

let arrivedCount: u32 = 0;
/** The batch that is being filled; no port has been in batch 0. */
let batchNumber: u32 = 1;
/** Ports that have had their turn in it, and those that had one in the batch before. */
let turnCount: u32 = 0;
let expectedCount: u32 = 0;
/** A port that waits for much room, how much, and in which batch it is to get that. */
let waitingPort: usize = 0;
let waitingRoom: u32 = 0;
let waitingBatch: u32 = 0;

export function initArrivals(): void {
  batchNumber = 1;
  turnCount = 0;
  expectedCount = 0;
  waitingBatch = 0;
  beginArrivals();
}

/** How many frames there are. */
export function arrivals(): u32 {
  return arrivedCount;
}

/** Frames a batch can take from ports. */
export function arrivalCountMax(): u32 {
  return descriptorsCount - min(PRODUCED_COUNT, descriptorsCount >>> PRODUCED_SHIFT);
}

/** The batch has been processed. */
export function beginArrivals(): void {
  if (turnCount > 0) expectedCount = turnCount;
  arrivedCount = 0;
  turnCount = 0;
  batchNumber++;
}

/** How many frames a port may put into the batch now. */
export function arrivalRoom(port: usize): u32 {
  if (load<u32>(port, PACKET_PORT_BATCH) != batchNumber) giveTurn(port);
  return min(load<u32>(port, PACKET_PORT_BUDGET), roomFor(port));
}

/** How many segments of one frame it may put there: more than its part, where others have left that. */
export function segmentRoom(port: usize): u32 {
  return roomFor(port);
}

/** Makes the other ports leave room for so many segments in the next batch, if no port has asked for that before. */
export function claimRoom(port: usize, count: u32): void {
  if (waitingBatch == batchNumber + 1) return;
  waitingPort = port;
  waitingRoom = count;
  waitingBatch = batchNumber + 1;
}

/** The port has got what it claimed. */
export function settleClaim(port: usize): void {
  if (waitingPort == port && waitingBatch == batchNumber) waitingBatch = 0;
}

/** The descriptor of the next frame. @inline */
export function nextArrival(): usize {
  return descriptorsBase + arrivedCount * DESCRIPTOR_BYTES;
}

/**
 * Describes a frame for the pipelines and for dispatch.
 *
 * @param word descriptorWord of the port
 * @param chunk the one it lies in, plus CHUNK_IS_WHOLE
 * @inline
 */
export function describeArrival(
  descriptor: usize,
  frame: usize,
  length: u32,
  word: u32,
  chunk: usize,
  port: usize,
): void {
  store<u64>(descriptor, <u64>frame | ((<u64>length) << 32));
  store<u32>(descriptor, word, DESCRIPTOR_LINK);
  store<u64>(descriptor, <u64>chunk | ((<u64>port) << 32), DESCRIPTOR_CHUNK);
}

/** So many frames of a port have been described. */
export function addArrivals(port: usize, count: u32): void {
  arrivedCount += count;
  const budget = load<u32>(port, PACKET_PORT_BUDGET);
  store<u32>(port, budget - min(budget, count), PACKET_PORT_BUDGET);
}

function giveTurn(port: usize): void {
  const room = roomFor(port);
  const expected = expectedCount > 0 ? expectedCount : openCount;
  const turns = expected > turnCount ? expected - turnCount : 1;
  const part = room / turns;
  store<u32>(port, batchNumber, PACKET_PORT_BATCH);
  store<u32>(port, part > 0 ? part : min<u32>(room, 1), PACKET_PORT_BUDGET);
  turnCount++;
}

function roomFor(port: usize): u32 {
  const claimed = isClaimedByOther(port) ? waitingRoom : 0;
  const max = arrivalCountMax();
  return max > arrivedCount + claimed ? max - arrivedCount - claimed : 0;
}

function isClaimedByOther(port: usize): bool {
  return waitingBatch == batchNumber && waitingPort != port && isOpen(waitingPort);
}
