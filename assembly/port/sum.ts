/**
 * One's complement sums of payloads, 16 bytes at a step.
 *
 * Words are made signed by turning their highest bit over, so that one instruction adds them in pairs; each then counts
 * 0x8000 too little, which is put right at the end. A lane has room for 512 KiB.
 */
import { fold64 } from '../wire/checksum';

const VECTOR_BYTES: u32 = 16;
const BLOCK_BYTES: u32 = 64;
/** What a vector of eight words lacks. */
const VECTOR_BIAS: u64 = 8 * 0x8000;

/** The sum of a range of at most 512 KiB, folded to 16 bits; an odd last byte counts as sumBytes has it. */
export function sumLong(start: usize, bytes: u32): u32 {
  const end = start + bytes;
  let at = start;
  let sum: u64 = 0;
  if (bytes >= VECTOR_BYTES) {
    let first = i32x4.splat(0);
    let second = i32x4.splat(0);
    for (; end - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
      first = i32x4.add(first, i32x4.add(pairs(v128.load(at)), pairs(v128.load(at, 16))));
      second = i32x4.add(second, i32x4.add(pairs(v128.load(at, 32)), pairs(v128.load(at, 48))));
    }
    for (; end - at >= VECTOR_BYTES; at += VECTOR_BYTES) first = i32x4.add(first, pairs(v128.load(at)));
    sum = sumOfLanes(i32x4.add(first, second), <u32>(at - start));
  }
  return fold64(sum + sumRest(at, <u32>(end - at)));
}

/** Copies a range and returns what sumLong does of it; `target` is `source` or does not overlap it. */
export function copySumming(target: usize, source: usize, bytes: u32): u32 {
  const end = source + bytes;
  const distance = target - source;
  let at = source;
  let first = i32x4.splat(0);
  let second = i32x4.splat(0);
  for (; end - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    v128.store(at + distance, a);
    v128.store(at + distance, b, 16);
    v128.store(at + distance, c, 32);
    v128.store(at + distance, d, 48);
    first = i32x4.add(first, i32x4.add(pairs(a), pairs(b)));
    second = i32x4.add(second, i32x4.add(pairs(c), pairs(d)));
  }
  for (; end - at >= VECTOR_BYTES; at += VECTOR_BYTES) {
    const a = v128.load(at);
    v128.store(at + distance, a);
    first = i32x4.add(first, pairs(a));
  }
  const sum = sumOfLanes(i32x4.add(first, second), <u32>(at - source)) + sumRest(at, <u32>(end - at));
  for (; at < end; at++) store<u8>(at + distance, load<u8>(at));
  return fold64(sum);
}

/** The words of a vector, signed, added in pairs. @inline */
function pairs(words: v128): v128 {
  return i32x4.dot_i16x8_s(v128.xor(words, i16x8.splat(-0x8000)), i16x8.splat(1));
}

function sumOfLanes(lanes: v128, bytes: u32): u64 {
  let sum: i64 = i32x4.extract_lane(lanes, 0);
  sum += i32x4.extract_lane(lanes, 1);
  sum += i32x4.extract_lane(lanes, 2);
  sum += i32x4.extract_lane(lanes, 3);
  return <u64>sum + VECTOR_BIAS * (bytes / VECTOR_BYTES);
}

/** The sum of fewer bytes than a vector has. */
function sumRest(start: usize, bytes: u32): u64 {
  let sum: u64 = 0;
  let at = start;
  if ((bytes & 8) != 0) {
    const words = load<u64>(at);
    sum = (words & 0xffffffff) + (words >> 32);
    at += 8;
  }
  if ((bytes & 4) != 0) {
    sum += load<u32>(at);
    at += 4;
  }
  if ((bytes & 2) != 0) {
    sum += load<u16>(at);
    at += 2;
  }
  if ((bytes & 1) != 0) sum += load<u8>(at);
  return sum;
}
