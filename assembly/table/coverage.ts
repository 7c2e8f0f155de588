/**
 * Which bytes of a datagram have come already, so that no fragment can replace what another one said (RFC 5722, RFC 3128).
 *
 * Up to eight ranges that neither overlap nor touch, in no order; offsets in units of 8 bytes, as on the wire, the last
 * fragment's end rounded up. Fragments that come in order make one range. Layout in abi.ts, at the end of the record.
 *
 *   | first u16 | end u16 | … eight times |
 */
import {
  DATAGRAM_IS_POISONED,
  DATAGRAM_RANGE_COUNT,
  DATAGRAM_RANGE_COUNT_MAX,
  DATAGRAM_RANGES,
  REASON_FRAGMENT_LIMIT,
  REASON_FRAGMENT_OVERLAP,
  REASON_NONE,
} from '../abi';

const RANGE_SHIFT: u32 = 2;
const END = 2;

/** Whether a fragment may be sent on; answers with a drop reason, and changes nothing. */
export function checkCoverage(record: usize, first: u32, end: u32): u32 {
  const count = rangeCount(record);
  let touches = false;
  for (let index: u32 = 0; index < count; index++) {
    const range = rangeAt(record, index);
    if (first < endOf(range) && end > firstOf(range)) return REASON_FRAGMENT_OVERLAP;
    if (first == endOf(range) || end == firstOf(range)) touches = true;
  }
  return touches || count < <u32>DATAGRAM_RANGE_COUNT_MAX ? REASON_NONE : REASON_FRAGMENT_LIMIT;
}

/** Adds the range of a fragment that was sent on; checkCoverage comes first. */
export function cover(record: usize, first: u32, end: u32): void {
  let count = rangeCount(record);
  for (let index: u32 = 0; index < count; ) {
    const range = rangeAt(record, index);
    const isBefore = endOf(range) == first;
    if (isBefore || firstOf(range) == end) {
      if (isBefore) first = firstOf(range);
      else end = endOf(range);
      // The last range takes the place of the one that was merged, and is looked at next.
      store<u32>(range, load<u32>(rangeAt(record, --count)));
    } else {
      index++;
    }
  }
  store<u32>(rangeAt(record, count), first | (end << 16));
  store<u8>(record, <u8>(count + 1), DATAGRAM_RANGE_COUNT);
}

/** Nothing of the datagram is sent on any more. */
export function poisonDatagram(record: usize): void {
  store<u8>(record, 1, DATAGRAM_IS_POISONED);
}

export function datagramIsPoisoned(record: usize): bool {
  return load<u8>(record, DATAGRAM_IS_POISONED) != 0;
}

function rangeCount(record: usize): u32 {
  return load<u8>(record, DATAGRAM_RANGE_COUNT);
}

function rangeAt(record: usize, index: u32): usize {
  return record + DATAGRAM_RANGES + (index << RANGE_SHIFT);
}

function firstOf(range: usize): u32 {
  return load<u16>(range);
}

function endOf(range: usize): u32 {
  return load<u16>(range, END);
}
