/**
 * Flows that a new program ends. Members that leave a rule: their connections must not follow a backend that no longer
 * serves it.
 *
 * A backend may leave one rule and stay in another, so that its index and generation live on. Whoever leaves is looked
 * for in the flow table by one pass over it, which programs without a departure do not pay for.
 */
import * as abi from '../../assembly/abi.js';
import type { DataPlane } from '../dataplane/instance.js';

/** Backend indexes by service index: who may have connections of which service. Equal sets may be one object. */
export type Members = ReadonlyMap<number, ReadonlySet<number>>;

/**
 * Forgets every flow of a service whose backend was a member before and is none now.
 *
 * @param isInUse whether a backend index still belongs to somebody; the flows of one that does not are dead already, as
 * its generation has changed
 */
export function forgetDepartures(
  dataPlane: DataPlane,
  before: Members,
  after: Members,
  isInUse: (backend: number) => boolean,
): void {
  const departures = departuresOf(before, after, isInUse);
  if (departures.size === 0) return;
  const { words } = dataPlane;
  const { base, count } = dataPlane.region(abi.REGION_FLOWS);
  const end = (base + count * abi.FLOW_BUCKET_BYTES) / WORD_BYTES;
  let trusted = 0;
  let untrusted = 0;
  for (let bucket = base / WORD_BYTES; bucket < end; bucket += abi.FLOW_BUCKET_BYTES / WORD_BYTES) {
    for (let way = 0; way < abi.FLOW_WAYS; way++) {
      const value = bucket + abi.FLOW_VALUES / WORD_BYTES + way * 2;
      // Low word: service and backend; high word: never 0 in a value that is in use.
      if (words[value + 1] === 0 || !departures.get(words[value] & 0xffff)?.has(words[value] >>> 16)) continue;
      if (((words[value + 1] >>> STATE_SHIFT) & STATE_MASK) === abi.FLOW_TRUSTED) trusted++;
      else untrusted++;
      words[value] = 0;
      words[value + 1] = 0;
    }
  }
  lower(dataPlane, abi.COUNTER_FLOW_TRUSTED, trusted);
  lower(dataPlane, abi.COUNTER_FLOW_UNTRUSTED, untrusted);
}

/** Forgets every flow: under another hash key nobody would find them. */
export function forgetFlows(dataPlane: DataPlane): void {
  const { base, count } = dataPlane.region(abi.REGION_FLOWS);
  dataPlane.bytes.fill(0, base, base + count * abi.FLOW_BUCKET_BYTES);
  for (const gauge of [abi.COUNTER_FLOW_TRUSTED, abi.COUNTER_FLOW_UNTRUSTED]) {
    dataPlane.view.setBigUint64(abi.FIXED_COUNTERS + gauge * 8, 0n, true);
  }
}

const WORD_BYTES = 4;
/** Of the high word of a value. */
const STATE_SHIFT = abi.FLOW_STATE_SHIFT - 32;
const STATE_MASK = 7;

function lower(dataPlane: DataPlane, gauge: number, by: number): void {
  const address = abi.FIXED_COUNTERS + gauge * 8;
  dataPlane.view.setBigUint64(address, dataPlane.view.getBigUint64(address, true) - BigInt(by), true);
}

function departuresOf(
  before: Members,
  after: Members,
  isInUse: (backend: number) => boolean,
): Map<number, Set<number>> {
  const departures = new Map<number, Set<number>>();
  // Services with the same members share a set: what left it is worked out once.
  const known = new Map<ReadonlySet<number>, Map<ReadonlySet<number>, Set<number>>>();
  for (const [service, members] of before) {
    const stayed = after.get(service);
    // A service that is gone altogether is never asked for again before the table has been swept.
    if (!stayed) continue;
    const ofMembers = known.get(members) ?? new Map<ReadonlySet<number>, Set<number>>();
    known.set(members, ofMembers);
    const left = ofMembers.get(stayed) ?? new Set([...members].filter((one) => !stayed.has(one) && isInUse(one)));
    ofMembers.set(stayed, left);
    if (left.size > 0) departures.set(service, left);
  }
  return departures;
}
