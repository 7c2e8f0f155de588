/**
 * Fragments that came before the first one of their datagram: kept as they came, in order of arrival.
 *
 *   0     48       52      56     57      64            2112
 *   | key | length | ticks | link | spare | frame       |
 *
 *   key: of the datagram, as in fragment.ts; length 0 is an empty record
 *
 * The order is a list of record indexes, one byte each, in the state of the fixed block.
 */
import {
  DATAGRAM_KEY_BYTES,
  DATAGRAM_TICKS_MAX,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  FIXED_STATE,
  HELD_BYTES,
  HELD_COUNT_MAX,
  HELD_FRAME,
  HELD_FRAME_BYTES_MAX,
  HELD_LENGTH,
  HELD_LINK,
  HELD_TICKS,
  STATE_HELD_COUNT,
  STATE_HELD_IS_DUE,
  STATE_HELD_ORDER,
  STATE_HELD_TICKS,
} from '../abi';
import { heldBase } from '../layout';
import { datagramTicksSince } from './fragment';

/** Frames that are kept; they are asked for by position, 0 is the one that came first. */
export function heldCount(): u32 {
  return load<u32>(FIXED_STATE + STATE_HELD_COUNT);
}

/** Whether one of them may be released or given up: something has changed since the last search, or time has passed. */
export function heldAreDue(now: u32): bool {
  if (heldCount() == 0) return false;
  return load<u32>(FIXED_STATE + STATE_HELD_IS_DUE) != 0 || load<u32>(FIXED_STATE + STATE_HELD_TICKS) != now;
}

/** Wants a search at the end of this call, or of the next one. */
export function markHeldDue(): void {
  store<u32>(FIXED_STATE + STATE_HELD_IS_DUE, 1);
}

/** Begins a search: it settles everything that markHeldDue has wanted so far. */
export function clearHeldDue(now: u32): void {
  store<u32>(FIXED_STATE + STATE_HELD_IS_DUE, 0);
  store<u32>(FIXED_STATE + STATE_HELD_TICKS, now);
}

/** Whether a frame could be kept. */
export function hasRoomToHold(descriptor: usize): bool {
  return heldCount() < <u32>HELD_COUNT_MAX && load<u32>(descriptor, DESCRIPTOR_LENGTH) <= <u32>HELD_FRAME_BYTES_MAX;
}

/** Keeps a copy of a frame; hasRoomToHold comes first. */
export function hold(descriptor: usize, key: usize, now: u32): void {
  const record = emptyRecord();
  const length = load<u32>(descriptor, DESCRIPTOR_LENGTH);
  memory.copy(record, key, DATAGRAM_KEY_BYTES);
  store<u32>(record, length, HELD_LENGTH);
  store<u32>(record, now, HELD_TICKS);
  store<u8>(record, load<u8>(descriptor, DESCRIPTOR_LINK), HELD_LINK);
  memory.copy(record + HELD_FRAME, load<u32>(descriptor, DESCRIPTOR_OFFSET), length);
  const position = heldCount();
  store<u8>(orderAt(position), <u8>((record - heldBase) / HELD_BYTES));
  store<u32>(FIXED_STATE + STATE_HELD_COUNT, position + 1);
}

/** The record of a kept frame; it begins with the key of its datagram. */
export function heldAt(position: u32): usize {
  return heldBase + <u32>load<u8>(orderAt(position)) * HELD_BYTES;
}

export function heldIsExpired(record: usize, now: u32): bool {
  return datagramTicksSince(load<u32>(record, HELD_TICKS), now) >= <u32>DATAGRAM_TICKS_MAX;
}

/** Puts a kept frame into a slot, as it came, and says so in the descriptor. */
export function copyHeld(record: usize, descriptor: usize, frame: usize): void {
  const length = load<u32>(record, HELD_LENGTH);
  memory.copy(frame, record + HELD_FRAME, length);
  memory.fill(descriptor, 0, DESCRIPTOR_BYTES);
  store<u32>(descriptor, <u32>frame, DESCRIPTOR_OFFSET);
  store<u32>(descriptor, length, DESCRIPTOR_LENGTH);
  store<u8>(descriptor, load<u8>(record, HELD_LINK), DESCRIPTOR_LINK);
}

/** Frees the record of a frame; those behind it move up one position. */
export function dropHeld(position: u32): void {
  store<u32>(heldAt(position), 0, HELD_LENGTH);
  const left = heldCount() - 1;
  memory.copy(orderAt(position), orderAt(position + 1), left - position);
  store<u32>(FIXED_STATE + STATE_HELD_COUNT, left);
}

function orderAt(position: u32): usize {
  return FIXED_STATE + STATE_HELD_ORDER + position;
}

/** There is one as long as fewer than HELD_COUNT_MAX frames are kept. */
function emptyRecord(): usize {
  let record: usize = heldBase;
  while (load<u32>(record, HELD_LENGTH) != 0) record += HELD_BYTES;
  return record;
}
