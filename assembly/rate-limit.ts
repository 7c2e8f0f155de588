/**
 * How often the MUX tells senders that their packets are too big: a token bucket (RFC 4443 section 2.4 (f), RFC 1812
 * section 4.3.2.8).
 *
 * 100 messages at once, and 100 per second. What is kept is how many thousandths of a token have been spent, so that the
 * zeros of a fresh memory are a full bucket.
 */
import { FIXED_STATE, STATE_TOLD_MS, STATE_TOLD_SPENT } from './abi';

const TOKEN: u32 = 1000;
const BUCKET: u32 = 100 * TOKEN;
const REFILL_PER_MS: u32 = 100;
/** An empty bucket is full again after so many milliseconds. */
const REFILL_MS: u32 = BUCKET / REFILL_PER_MS;

/** Whether a message may be sent now; takes nothing. */
export function mayTell(nowMs: u32): bool {
  return spentAt(nowMs) + TOKEN <= BUCKET;
}

/** Takes the token of a message; mayTell comes first. */
export function spendToken(nowMs: u32): void {
  store<u32>(FIXED_STATE + STATE_TOLD_SPENT, spentAt(nowMs) + TOKEN);
  store<u32>(FIXED_STATE + STATE_TOLD_MS, nowMs);
}

function spentAt(nowMs: u32): u32 {
  const spent = load<u32>(FIXED_STATE + STATE_TOLD_SPENT);
  const passedMs = nowMs - load<u32>(FIXED_STATE + STATE_TOLD_MS);
  const refilled = min<u32>(passedMs, REFILL_MS) * REFILL_PER_MS;
  return spent > refilled ? spent - refilled : 0;
}
