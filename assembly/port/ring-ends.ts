/**
 * Both ends of a ring: the kernel's, in memory it shares with us, and ours, in the record of the port. Loads of the kernel's
 * end come before those of its entries, and stores to entries before that of our end: both are atomic.
 */
import { XSK_RING_CONSUMER, XSK_RING_INDEX, XSK_RING_MASK, XSK_RING_PRODUCER, XSK_RING_PUBLISHED } from '../abi';

/** Entries of a ring the kernel produces that we have not consumed; never more than it has. */
export function filledEntries(ring: usize): u32 {
  const produced = atomic.load<u32>(load<u32>(ring, XSK_RING_PRODUCER));
  return min(produced - load<u32>(ring, XSK_RING_INDEX), load<u32>(ring, XSK_RING_MASK) + 1);
}

/** Entries of a ring we produce that the kernel has consumed. */
export function freeEntries(ring: usize): u32 {
  const consumed = atomic.load<u32>(load<u32>(ring, XSK_RING_CONSUMER));
  const filled = load<u32>(ring, XSK_RING_INDEX) - consumed;
  const count = load<u32>(ring, XSK_RING_MASK) + 1;
  return filled < count ? count - filled : 0;
}

/** So far we have read a ring the kernel produces. */
export function consume(ring: usize, index: u32): void {
  store<u32>(ring, index, XSK_RING_INDEX);
  publishConsumed(ring);
}

/** Shows the kernel how far we have read. */
export function publishConsumed(ring: usize): void {
  atomic.store<u32>(load<u32>(ring, XSK_RING_CONSUMER), load<u32>(ring, XSK_RING_INDEX));
}

/** Shows the kernel the entries that have been written; returns how many. */
export function publish(ring: usize): u32 {
  const index = load<u32>(ring, XSK_RING_INDEX);
  const count = index - load<u32>(ring, XSK_RING_PUBLISHED);
  if (count == 0) return 0;
  store<u32>(ring, index, XSK_RING_PUBLISHED);
  atomic.store<u32>(load<u32>(ring, XSK_RING_PRODUCER), index);
  return count;
}

/** A ring we produce is taken as it is. */
export function attachProducer(ring: usize): void {
  const index = atomic.load<u32>(load<u32>(ring, XSK_RING_PRODUCER));
  store<u32>(ring, index, XSK_RING_INDEX);
  store<u32>(ring, index, XSK_RING_PUBLISHED);
}

/** And one the kernel produces. */
export function attachConsumer(ring: usize): void {
  store<u32>(ring, atomic.load<u32>(load<u32>(ring, XSK_RING_CONSUMER)), XSK_RING_INDEX);
}
