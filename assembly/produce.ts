/**
 * Frames of our own that come behind those of the batch: what a sweep, a kept fragment or a connection makes us send.
 *
 * They take the free slots of the batch, in order, and leave with it.
 */
import {
  CONFIG_SLOT_BYTES,
  DESCRIPTOR_BACKEND,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_LINK,
  DESCRIPTOR_SERVICE,
  FIXED_CONFIG,
  HEADROOM_BYTES,
  LINK_BARE,
  LINK_ETHERNET,
  NO_INDEX,
  REASON_NONE,
} from './abi';
import { conclude } from './counters';
import { descriptorsBase, descriptorsCount, slotsBase } from './layout';
import { setFrame } from './rewrite/frame';

/** Frames of the batch, those included that were produced. */
let frameCount: u32 = 0;

/** To be called with every batch. */
export function beginProducing(frames: u32): void {
  frameCount = frames;
}

/** How many frames there are now. */
export function producedCount(): u32 {
  return frameCount;
}

export function hasFreeSlots(count: u32): bool {
  return descriptorsCount - frameCount >= count;
}

/** Where the packet of the next frame goes; there must be a free slot. */
export function freeSlot(): usize {
  return slotsBase + frameCount * load<u32>(FIXED_CONFIG + CONFIG_SLOT_BYTES) + HEADROOM_BYTES;
}

/** Its descriptor. */
export function freeDescriptor(): usize {
  return descriptorsBase + frameCount * DESCRIPTOR_BYTES;
}

/** The slot has been filled by somebody else, and its descriptor too. */
export function takeSlot(): void {
  frameCount++;
}

/** Completes the frame in the free slot, which begins at `frame` and ends with the packet at `ip`. */
export function produce(verdict: u32, frame: usize, ip: usize): void {
  produceFor(NO_INDEX, verdict, frame, ip);
}

/** The same of a frame for the host of a backend. */
export function produceFor(backend: u32, verdict: u32, frame: usize, ip: usize): void {
  const descriptor = freeDescriptor();
  frameCount++;
  memory.fill(descriptor, 0, DESCRIPTOR_BYTES);
  store<u32>(descriptor, NO_INDEX, DESCRIPTOR_SERVICE);
  store<u32>(descriptor, backend, DESCRIPTOR_BACKEND);
  store<u8>(descriptor, <u8>(frame == ip ? LINK_BARE : LINK_ETHERNET), DESCRIPTOR_LINK);
  setFrame(descriptor, frame, ip);
  conclude(descriptor, verdict, REASON_NONE);
}
