/**
 * Fair share: on an overloaded MUX a VIP that takes more than its share loses packets, in proportion to the excess
 * (Ananta, SIGCOMM'13, section 3.6.2).
 *
 * Once a second the SDK works out what share of its packets each VIP is to lose and writes it into the services of the
 * VIP (sdk/mux/fair-share.ts). Here only the dice are thrown: a service without a share costs one comparison.
 */
import { FIXED_STATE, SERVICE_DROPPED_PACKETS, STATE_RANDOM } from './abi';
import { countTraffic } from './counters';
import { serviceDropShare } from './table/service';

const SEED: u32 = 0x9e3779b9;

/** Whether this packet is one of those its service has to lose; counts it then. @inline */
export function losesToFairShare(service: usize, ipLength: u32): bool {
  return serviceDropShare(service) != 0 && isDrawn(service, ipLength);
}

function isDrawn(service: usize, ipLength: u32): bool {
  if (random16() >= serviceDropShare(service)) return false;
  countTraffic(service + SERVICE_DROPPED_PACKETS, ipLength);
  return true;
}

/** The next 16 random bits: xorshift (Marsaglia 2003). Nobody gains by guessing them. */
function random16(): u32 {
  let state = load<u32>(FIXED_STATE + STATE_RANDOM);
  if (state == 0) state = SEED;
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  store<u32>(FIXED_STATE + STATE_RANDOM, state);
  return state >>> 16;
}
