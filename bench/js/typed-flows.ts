/**
 * The flow table of the typed-array MUX.
 *
 * A bucket is sixteen words: four keys { source, ports }, then four values { service:16 | backend:16 } and
 * { generation:8 | class:2 | state:3 | ticks:19 }, the layout of assembly/abi.ts cut in halves.
 */
import * as abi from '../../assembly/abi.js';
import type { Tables } from '../tables.js';

const BUCKET_WORDS = 16;
const VALUES = 8;
const CLASS_SHIFT = abi.FLOW_CLASS_SHIFT - 32;
const CLASS_BITS = 3 << CLASS_SHIFT;
const STATE_SHIFT = abi.FLOW_STATE_SHIFT - 32;
const TICKS_SHIFT = abi.FLOW_TICKS_SHIFT - 32;
/** What of the high half tells who the flow is and not what became of it. */
const WHO_BITS = (1 << STATE_SHIFT) - 1;
const IDLE_TICKS_BY_STATE = Int32Array.of(
  abi.FLOW_HALF_OPEN_TICKS,
  abi.FLOW_IDLE_TICKS_MAX,
  abi.FLOW_IDLE_TICKS_MAX,
  abi.FLOW_IDLE_TICKS_MAX,
  abi.FLOW_CLOSING_TICKS,
  abi.FLOW_RESET_TICKS,
  0,
  0,
);

/** Ranks of ways that are asked to give way; below them 20 bits of ticks. */
const UNTRUSTED = 1 << 20;
const HALF_OPEN = 2 << 20;
const HALF_OPEN_DEAD = HALF_OPEN + abi.FLOW_HALF_OPEN_TICKS + 1;
const DEAD = 3 << 20;

const TCP_FIN = 0x01;
const TCP_SYN = 0x02;
const TCP_RST = 0x04;
const TCP_ACK = 0x10;

/** A packet whose backend the ring has chosen. */
interface Start {
  readonly hashLow: number;
  readonly source: number;
  readonly ports: number;
  readonly service: number;
  readonly flowClass: number;
  readonly backend: number;
  readonly tcpFlags: number;
  readonly now: number;
}

export class TypedFlows {
  readonly counters = new Float64Array(abi.COUNTER_COUNT);
  readonly #words: Int32Array;
  readonly #mask: number;
  readonly #trustedMax: number;
  readonly #untrustedMax: number;
  readonly #idleTicks: Int32Array;
  readonly #generations: Int32Array;
  #sweptTicks = 0;
  #nextSwept = 0;

  /**
   * @param idleTicks by service
   * @param generations by backend; -1 for one that is not in use, which no flow has
   */
  constructor(tables: Tables, idleTicks: Int32Array, generations: Int32Array) {
    this.#words = new Int32Array(tables.flowBucketCount * BUCKET_WORDS);
    this.#mask = tables.flowBucketCount - 1;
    this.#trustedMax = tables.trustedFlowCountMax;
    this.#untrustedMax = tables.untrustedFlowCountMax;
    this.#idleTicks = idleTicks;
    this.#generations = generations;
  }

  reset(): void {
    this.#words.fill(0);
    this.counters.fill(0);
  }

  /** Reads a word of the bucket of a hash. */
  touch(hashLow: number): number {
    return this.#words[(hashLow & this.#mask) * BUCKET_WORDS];
  }

  /** Where the value of a flow is, alive or not; 0 when the table does not know it. */
  find(hashLow: number, source: number, ports: number, service: number, flowClass: number): number {
    const words = this.#words;
    const bucket = (hashLow & this.#mask) * BUCKET_WORDS;
    const classBits = flowClass << CLASS_SHIFT;
    for (let key = bucket; key < bucket + VALUES; key += 2) {
      if (
        words[key] === source &&
        words[key + 1] === ports &&
        (words[key + VALUES] & 0xffff) === service &&
        (words[key + VALUES + 1] & CLASS_BITS) === classBits
      ) {
        return key + VALUES;
      }
    }
    return 0;
  }

  /** The backend of a live flow for a packet that opens nothing; -1 when the ring has to choose. */
  follow(flow: number, tcpFlags: number, now: number): number {
    const words = this.#words;
    if (flow === 0 || opens(tcpFlags) || !this.#isLive(words[flow], words[flow + 1], now)) {
      this.counters[abi.COUNTER_FLOW_MISSES]++;
      return -1;
    }
    this.counters[abi.COUNTER_FLOW_HITS]++;
    const before = words[flow + 1];
    const isSettled = before >>> STATE_SHIFT === (((now & abi.FLOW_TICKS_MASK) << 3) | abi.FLOW_TRUSTED);
    if (!isSettled || (tcpFlags & (TCP_FIN | TCP_RST)) !== 0) {
      const after = inState(before, this.#nextState(before, tcpFlags, now), now);
      if (after !== before) this.#write(flow, words[flow], after);
    }
    return words[flow] >>> 16;
  }

  /** Remembers what the ring has chosen. */
  start(flow: number, packet: Start): void {
    const { service, flowClass, backend, tcpFlags, now } = packet;
    if ((tcpFlags & TCP_RST) !== 0) return;
    const words = this.#words;
    const isSame = flow !== 0 && opens(tcpFlags) && words[flow] >>> 16 === backend;
    if (isSame && this.#isLive(words[flow], words[flow + 1], now)) {
      const before = stateOf(words[flow + 1]);
      const after = before >= abi.FLOW_CLOSING ? abi.FLOW_HALF_OPEN : before;
      this.#write(flow, words[flow], inState(words[flow + 1], after, now));
      return;
    }
    const state = opens(tcpFlags) ? abi.FLOW_HALF_OPEN : tcpFlags & TCP_FIN ? abi.FLOW_CLOSING : abi.FLOW_SEEN_ONCE;
    const low = service | (backend << 16);
    const high = inState((this.#generations[backend] & 0xff) | (flowClass << CLASS_SHIFT), state, now);
    if (flow !== 0) this.#write(flow, low, high);
    else this.#insert(packet, low, high);
  }

  /** Takes the dead flows out of some buckets, once per tick. */
  sweep(now: number): void {
    if (now === this.#sweptTicks) return;
    const passed = ((now - this.#sweptTicks) << 10) >> 10;
    this.#sweptTicks = now;
    if (this.counters[abi.COUNTER_FLOW_TRUSTED] + this.counters[abi.COUNTER_FLOW_UNTRUSTED] === 0) return;
    const words = this.#words;
    const bucketCount = this.#mask + 1;
    const isNewEra = Math.abs(passed) > abi.FLOW_IDLE_TICKS_MAX;
    const perTick = Math.max(bucketCount / abi.FLOW_SWEEP_TICKS, 1);
    let count = isNewEra ? bucketCount : Math.min(Math.max(passed, 0) * perTick, bucketCount);
    for (; count > 0; count--) {
      const values = this.#nextSwept * BUCKET_WORDS + VALUES;
      this.#nextSwept = (this.#nextSwept + 1) & this.#mask;
      for (let flow = values; flow < values + VALUES; flow += 2) {
        if (words[flow + 1] === 0 || (!isNewEra && this.#isLive(words[flow], words[flow + 1], now))) continue;
        this.counters[abi.COUNTER_FLOW_EXPIRED]++;
        this.#write(flow, 0, 0);
      }
    }
  }

  #nextState(high: number, tcpFlags: number, now: number): number {
    if (tcpFlags & TCP_RST) return abi.FLOW_RESET;
    if (tcpFlags & TCP_FIN) return abi.FLOW_CLOSING;
    const state = stateOf(high);
    if (state === abi.FLOW_HALF_OPEN || state === abi.FLOW_RESET) return abi.FLOW_SEEN_ONCE;
    if (state !== abi.FLOW_SEEN_ONCE && state !== abi.FLOW_SEEN_TWICE) return state;
    if (high >>> TICKS_SHIFT === (now & abi.FLOW_TICKS_MASK)) return state;
    if (state === abi.FLOW_SEEN_ONCE) return abi.FLOW_SEEN_TWICE;
    const hasRoom = this.counters[abi.COUNTER_FLOW_TRUSTED] < this.#trustedMax;
    this.counters[hasRoom ? abi.COUNTER_FLOW_PROMOTED : abi.COUNTER_FLOW_PROMOTION_REFUSED]++;
    return hasRoom ? abi.FLOW_TRUSTED : abi.FLOW_SEEN_TWICE;
  }

  #isLive(low: number, high: number, now: number): boolean {
    const limit = Math.min(this.#idleTicks[low & 0xffff], IDLE_TICKS_BY_STATE[stateOf(high)]);
    return this.#generations[low >>> 16] === (high & 0xff) && ageOf(high, now) <= limit;
  }

  #insert({ hashLow, source, ports, now }: Start, low: number, high: number): void {
    const bucket = (hashLow & this.#mask) * BUCKET_WORDS;
    const way = this.#findRoom(bucket, now);
    if (way < 0) {
      this.counters[abi.COUNTER_FLOW_REFUSED]++;
      return;
    }
    this.counters[abi.COUNTER_FLOW_INSERTS]++;
    const key = bucket + 2 * way;
    this.#words[key] = source;
    this.#words[key + 1] = ports;
    this.#write(key + VALUES, low, high);
  }

  /**
   * An empty way (while untrusted flows are not too many), else a dead one, else the untrusted one that has waited
   * longest, half-open ones first; -1 when none. Of half-open ones the oldest goes, dead or not.
   */
  #findRoom(bucket: number, now: number): number {
    const words = this.#words;
    const mayFill = this.counters[abi.COUNTER_FLOW_UNTRUSTED] < this.#untrustedMax;
    let best = 0;
    let bestWay = -1;
    for (let way = 0; way < abi.FLOW_WAYS; way++) {
      const low = words[bucket + VALUES + 2 * way];
      const high = words[bucket + VALUES + 2 * way + 1];
      if (high === 0) {
        if (mayFill) return way;
        continue;
      }
      const state = stateOf(high);
      let rank = Math.max(ageOf(high, now), 0);
      if (state === abi.FLOW_HALF_OPEN) rank |= HALF_OPEN;
      else if (!this.#isLive(low, high, now)) rank = DEAD;
      else if (state === abi.FLOW_TRUSTED) rank = 0;
      else rank |= UNTRUSTED;
      if (rank > best) {
        best = rank;
        bestWay = way;
      }
    }
    if (best > 0) this.counters[best >= HALF_OPEN_DEAD ? abi.COUNTER_FLOW_EXPIRED : abi.COUNTER_FLOW_EVICTED]++;
    return bestWay;
  }

  /** Every change of the table goes through here: the gauges are exact. */
  #write(flow: number, low: number, high: number): void {
    const words = this.#words;
    const before = words[flow + 1];
    words[flow] = low;
    words[flow + 1] = high;
    const known = (high === 0 ? 0 : 1) - (before === 0 ? 0 : 1);
    const trusted = (stateOf(high) === abi.FLOW_TRUSTED ? 1 : 0) - (stateOf(before) === abi.FLOW_TRUSTED ? 1 : 0);
    if ((known | trusted) === 0) return;
    this.counters[abi.COUNTER_FLOW_TRUSTED] += trusted;
    this.counters[abi.COUNTER_FLOW_UNTRUSTED] += known - trusted;
  }
}

function opens(tcpFlags: number): boolean {
  return (tcpFlags & (TCP_SYN | TCP_ACK | TCP_RST)) === TCP_SYN;
}

function stateOf(high: number): number {
  return (high >>> STATE_SHIFT) & 7;
}

/** Negative when the clock was set back. */
function ageOf(high: number, now: number): number {
  return ((now - (high >>> TICKS_SHIFT)) << TICKS_SHIFT) >> TICKS_SHIFT;
}

function inState(high: number, state: number, now: number): number {
  return (high & WHO_BITS) | (state << STATE_SHIFT) | (now << TICKS_SHIFT);
}
