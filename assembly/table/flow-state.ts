/**
 * What the value of a flow says, how long it is true, and how many flows there are.
 *
 *   0              16             32              40         42         45          64
 *   | service : 16 | backend : 16 | generation: 8 | class: 2 | state: 3 | ticks: 19 |
 *
 *             SYN                 another packet           later              later
 *   (unknown) ───► half-open (30) ─────────────► seen once ─────► seen twice ─────► trusted
 *        └────────────── another packet ─────────────▲  ▲
 *                                                       └── reset (4) ◄── RST, from any     closing (60) ◄── FIN, from any
 *
 * "Later" is another tick than that of the packet before: whoever sends one packet or two, or many at once, is never
 * trusted. In brackets the ticks a flow of that state may be idle at most, where its rule does not allow fewer.
 */
import {
  COUNTER_FLOW_TRUSTED,
  COUNTER_FLOW_UNTRUSTED,
  FIXED_COUNTERS,
  FLOW_BACKEND_SHIFT,
  FLOW_CLASS_SHIFT,
  FLOW_CLOSING_TICKS,
  FLOW_GENERATION_SHIFT,
  FLOW_HALF_OPEN_TICKS,
  FLOW_IDLE_TICKS_MAX,
  FLOW_RESET_TICKS,
  FLOW_STATE_SHIFT,
  FLOW_TICKS_MASK,
  FLOW_TICKS_SHIFT,
  FLOW_TRUSTED,
} from '../abi';
import { backendAt, backendGeneration, backendIs } from './backend';
import { serviceAt, serviceIdleTicks } from './service';

/** By state, so that a limit is one load: idle ticks that no rule can raise. */
const IDLE_TICKS_BY_STATE: usize = memory.data<u32>([
  FLOW_HALF_OPEN_TICKS,
  FLOW_IDLE_TICKS_MAX,
  FLOW_IDLE_TICKS_MAX,
  FLOW_IDLE_TICKS_MAX,
  FLOW_CLOSING_TICKS,
  FLOW_RESET_TICKS,
  0,
  0,
]);
const TRUSTED_BITS: u64 = (<u64>FLOW_TRUSTED) << FLOW_STATE_SHIFT;
const STATE_BITS: u64 = (<u64>7) << FLOW_STATE_SHIFT;
const TICKS_BITS: u64 = (<u64>FLOW_TICKS_MASK) << FLOW_TICKS_SHIFT;

/** Moves the highest bit of ticks to where the sign is. */
const SIGN_SHIFT: u32 = FLOW_TICKS_SHIFT - 32;

/** Service and class: what a value adds to the key. */
export const FLOW_IDENTITY_BITS: u64 = 0xffff | ((<u64>3) << FLOW_CLASS_SHIFT);

export function flowIdentity(service: u32, flowClass: u32): u64 {
  return <u64>service | ((<u64>flowClass) << FLOW_CLASS_SHIFT);
}

/** A value: an identity, and the backend as it is now. */
export function flowValue(identity: u64, backend: u32, state: u32, now: u32): u64 {
  const generation = backendGeneration(backendAt(backend));
  const who = identity | ((<u64>backend) << FLOW_BACKEND_SHIFT) | ((<u64>generation) << FLOW_GENERATION_SHIFT);
  return who | ((<u64>state) << FLOW_STATE_SHIFT) | ((<u64>now) << FLOW_TICKS_SHIFT);
}

/** The same flow in another state, last seen now. */
export function inState(value: u64, state: u32, now: u32): u64 {
  const rest = value & ~(STATE_BITS | TICKS_BITS);
  return rest | ((<u64>state) << FLOW_STATE_SHIFT) | ((<u64>now) << FLOW_TICKS_SHIFT);
}

export function withoutGeneration(value: u64): u64 {
  return value & ~((<u64>0xff) << FLOW_GENERATION_SHIFT);
}

export function serviceIn(value: u64): u32 {
  return <u32>value & 0xffff;
}

export function backendIn(value: u64): u32 {
  return <u32>value >>> FLOW_BACKEND_SHIFT;
}

export function generationIn(value: u64): u32 {
  return <u32>(value >> FLOW_GENERATION_SHIFT) & 0xff;
}

export function classIn(value: u64): u32 {
  return <u32>(value >> FLOW_CLASS_SHIFT) & 3;
}

export function stateIn(value: u64): u32 {
  return <u32>(value >> FLOW_STATE_SHIFT) & 7;
}

export function ticksIn(value: u64): u32 {
  return <u32>(value >> FLOW_TICKS_SHIFT);
}

export function isTrusted(value: u64): bool {
  return (value & STATE_BITS) == TRUSTED_BITS;
}

/** Whether a flow is trusted and was seen in this tick: most packets of most connections find theirs so. */
export function isSettled(value: u64, now: u32): bool {
  return <u32>(value >> FLOW_STATE_SHIFT) == (((now & FLOW_TICKS_MASK) << 3) | FLOW_TRUSTED);
}

/** Ticks since a flow was last seen; negative when the caller's clock was set back meanwhile. */
export function ageOf(value: u64, now: u32): i32 {
  return <i32>((now - ticksIn(value)) << SIGN_SHIFT) >> SIGN_SHIFT;
}

/** Whether a flow may still be followed: not idle too long, and its backend still who it was. */
export function isLive(value: u64, now: u32): bool {
  return backendIs(backendAt(backendIn(value)), generationIn(value)) && ageOf(value, now) <= <i32>idleLimit(value);
}

function idleLimit(value: u64): u32 {
  return min<u32>(
    serviceIdleTicks(serviceAt(serviceIn(value))),
    load<u32>(IDLE_TICKS_BY_STATE + (stateIn(value) << 2)),
  );
}

/** Writes a value, 0 to forget the flow. No other function changes the table, so that the gauges are exact. */
export function writeFlow(flow: usize, after: u64): void {
  const before = load<u64>(flow);
  store<u64>(flow, after);
  const known = one(after != 0) - one(before != 0);
  const trusted = one(isTrusted(after)) - one(isTrusted(before));
  if ((known | trusted) == 0) return;
  addTo(COUNTER_FLOW_TRUSTED, trusted);
  addTo(COUNTER_FLOW_UNTRUSTED, known - trusted);
}

export function trustedCount(): u64 {
  return load<u64>(FIXED_COUNTERS + (COUNTER_FLOW_TRUSTED << 3));
}

export function untrustedCount(): u64 {
  return load<u64>(FIXED_COUNTERS + (COUNTER_FLOW_UNTRUSTED << 3));
}

function one(is: bool): i64 {
  return is ? 1 : 0;
}

function addTo(gauge: u32, difference: i64): void {
  const address = FIXED_COUNTERS + (gauge << 3);
  store<u64>(address, load<u64>(address) + difference);
}
