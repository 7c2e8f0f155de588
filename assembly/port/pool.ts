/**
 * The pool: chunks of linear memory that frames of packet ports lie in, and the stack of those that nobody has. The last one
 * that came back is the first one to leave, as it is still in the cache.
 *
 *   0            256                                     chunk bytes
 *   | headroom   | frame as it was received              |
 *
 * With AF_XDP the pool is the UMEM, whose chunks are powers of two; the kernel then knows them by their distance from its
 * start. A byte per chunk says which port gave it to the kernel last: what the kernel had when that port was closed.
 */
import {
  CHUNK_HEADROOM_BYTES,
  CONFIG_CHUNK_BYTES,
  FIXED_CONFIG,
  FIXED_REGIONS,
  REGION_CHUNK_OWNERS,
  REGION_CHUNKS,
  REGION_FREE_CHUNKS,
  REGION_PAIR_BYTES,
} from '../abi';

export let chunksBase: u32 = 0;
export let chunkBytes: u32 = 0;
/** Bytes of all chunks. */
export let umemBytes: u32 = 0;
/** log2 of the bytes of a chunk, where they are a power of two. */
export let chunkShift: u32 = 0;

let chunkCount: u32 = 0;
let freeBase: u32 = 0;
let freeCount: u32 = 0;
let ownersBase: u32 = 0;

/** Puts all chunks on the stack, the first one on top. */
export function initPool(): void {
  chunksBase = regionBase(REGION_CHUNKS);
  freeBase = regionBase(REGION_FREE_CHUNKS);
  ownersBase = regionBase(REGION_CHUNK_OWNERS);
  chunkCount = load<u32>(FIXED_REGIONS + REGION_CHUNKS * REGION_PAIR_BYTES, 4);
  chunkBytes = load<u32>(FIXED_CONFIG + CONFIG_CHUNK_BYTES);
  chunkShift = ctz<u32>(chunkBytes);
  umemBytes = chunkCount * chunkBytes;
  freeCount = 0;
  for (let index = chunkCount; index-- > 0; ) pushChunk(chunksBase + index * chunkBytes);
}

/** Chunks that nobody has. */
export function freeChunkCount(): u32 {
  return freeCount;
}

/** Takes a chunk; there must be one. @inline */
export function popChunk(): usize {
  return load<u32>(freeBase + (--freeCount << 2));
}

/** Gives one back. What is on the stack is never more than there is, whatever the kernel says twice. */
export function pushChunk(chunk: usize): void {
  if (freeCount < chunkCount) store<u32>(freeBase + (freeCount++ << 2), <u32>chunk);
}

/** The chunk that was taken `depth` calls before the last one, as long as none has been given back since. */
export function poppedChunk(depth: u32): usize {
  return load<u32>(freeBase + ((freeCount + depth) << 2));
}

/** Bytes of the longest frame that fits a chunk behind its headroom. */
export function frameRoomBytes(): u32 {
  return chunkBytes - CHUNK_HEADROOM_BYTES;
}

/** Notes that a port gives a chunk to the kernel, by its distance from the start of the pool. @inline */
export function lendChunk(umemAddress: u32, owner: u32): void {
  store<u8>(ownersBase + (umemAddress >>> chunkShift), <u8>owner);
}

/** Notes that the kernel does not have a chunk of a port any more. */
export function disownChunk(chunk: usize, owner: u32): void {
  const place = ownersBase + ((<u32>chunk - chunksBase) >>> chunkShift);
  if (load<u8>(place) == owner) store<u8>(place, 0);
}

/** The same of all chunks on the stack. */
export function disownFreeChunks(owner: u32): void {
  for (let index: u32 = 0; index < freeCount; index++) disownChunk(load<u32>(freeBase + (index << 2)), owner);
}

/** Takes back every chunk a port has lent to the kernel. */
export function reclaimChunks(owner: u32): void {
  for (let index: u32 = 0; index < chunkCount; index++) {
    if (load<u8>(ownersBase + index) != owner) continue;
    store<u8>(ownersBase + index, 0);
    pushChunk(chunksBase + (index << chunkShift));
  }
}

/** Where a region begins. */
export function regionBase(region: u32): u32 {
  return load<u32>(FIXED_REGIONS + region * REGION_PAIR_BYTES);
}
