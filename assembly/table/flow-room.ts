/**
 * Room for a new flow in a bucket of four: an empty way, else that of a dead flow, else that of an untrusted one,
 * half-open ones before the others and the oldest first. Trusted flows that live are never asked to go.
 *
 * Of two half-open flows the older one goes, and whether it is dead makes no difference. So a bucket of half-open flows,
 * which is what a flood of SYNs leaves, is judged by its own line alone: four ranks side by side, each of them what the
 * flow is in the higher bits and how long it has waited in the lower twenty.
 */
import {
  COUNTER_FLOW_EVICTED,
  COUNTER_FLOW_EXPIRED,
  FLOW_HALF_OPEN,
  FLOW_HALF_OPEN_TICKS,
  FLOW_STATE_SHIFT,
  FLOW_TICKS_SHIFT,
  FLOW_TRUSTED,
  FLOW_VALUES,
  FLOW_WAYS,
} from '../abi';
import { count } from '../counters';
import { isLive } from './flow-state';

const RANK_SHIFT = 20;
const HALF_OPEN: i32 = 2 << RANK_SHIFT;
const UNTRUSTED: i32 = 1 << RANK_SHIFT;

/** Every untrusted flow may be asked to go. */
export const LEAST_UNTRUSTED: i32 = UNTRUSTED;
/** Only dead ones may. */
export const LEAST_DEAD: i32 = HALF_OPEN + FLOW_HALF_OPEN_TICKS + 1;

/** Of the high half of a value. */
const TICKS_SHIFT: i32 = FLOW_TICKS_SHIFT - 32;
const STATE_SHIFT: i32 = FLOW_STATE_SHIFT - 32;

/**
 * The way a new flow may have; FLOW_WAYS when there is none.
 *
 * @param mayFill whether an empty way may be had: untrusted flows are only so many
 * @param least the rank a flow must have to go, LEAST_…
 */
export function findRoom(bucket: usize, now: u32, mayFill: bool, least: i32): u32 {
  const values = bucket + FLOW_VALUES;
  const high = v128.shuffle<i32>(v128.load(values), v128.load(values, 16), 1, 3, 5, 7);
  const isEmpty = i32x4.eq(high, i32x4.splat(0));
  const empty = i32x4.bitmask(isEmpty);
  if (mayFill && empty != 0) return ctz(empty);

  const state = v128.and(i32x4.shr_u(high, STATE_SHIFT), i32x4.splat(7));
  const isHalfOpen = i32x4.eq(state, i32x4.splat(FLOW_HALF_OPEN));
  const others = ~(empty | i32x4.bitmask(isHalfOpen)) & 0xf;
  if (others != 0) {
    const way = findDead(values, others, now);
    if (way != FLOW_WAYS) return way;
  }
  const age = i32x4.shr_s(
    i32x4.sub(i32x4.splat((<i32>now) << TICKS_SHIFT), v128.and(high, i32x4.splat(-1 << TICKS_SHIFT))),
    TICKS_SHIFT,
  );
  const kind = v128.bitselect(i32x4.splat(HALF_OPEN), i32x4.splat(UNTRUSTED), isHalfOpen);
  const isNotToGo = v128.or(isEmpty, i32x4.eq(state, i32x4.splat(FLOW_TRUSTED)));
  const rank = v128.andnot(v128.or(kind, i32x4.max_s(age, i32x4.splat(0))), isNotToGo);
  const pairs = i32x4.max_s(rank, v128.shuffle<i32>(rank, rank, 2, 3, 0, 1));
  const highest = i32x4.max_s(pairs, v128.shuffle<i32>(pairs, pairs, 1, 0, 3, 2));
  const best = i32x4.extract_lane(highest, 0);
  if (best < least) return FLOW_WAYS;
  count(best >= LEAST_DEAD ? COUNTER_FLOW_EXPIRED : COUNTER_FLOW_EVICTED);
  return ctz(i32x4.bitmask(i32x4.eq(rank, highest)));
}

function findDead(values: usize, ways: u32, now: u32): u32 {
  for (let left = ways; left != 0; left &= left - 1) {
    const way = ctz(left);
    if (isLive(load<u64>(values + (way << 3)), now)) continue;
    count(COUNTER_FLOW_EXPIRED);
    return way;
  }
  return FLOW_WAYS;
}
