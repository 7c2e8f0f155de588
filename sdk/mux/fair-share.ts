/**
 * What each VIP takes of a MUX, and what it has to give back when there is not enough for all.
 *
 * Once a second the packets and bytes that came for each VIP, lost ones included, are compared with what the MUX may
 * forward. Capacity is shared max-min: nobody gets more than it asks for, and what the modest leave goes to the
 * others in equal parts. A VIP above its share loses packets with probability (rate - share) / rate, so it keeps its
 * share and the others do not notice (Ananta, SIGCOMM'13, section 3.6.2).
 */

/** What a MUX may forward per second. */
export interface RateLimits {
  /** Packets per second; left out: no limit. */
  readonly packetsPerSecond?: number;
  /** Bytes per second of inner IP packets; left out: no limit. */
  readonly bytesPerSecond?: number;
}

/** What came for a VIP in the last full second. */
export interface VipLoad {
  readonly vip: string;
  readonly packetsPerSecond: number;
  readonly bytesPerSecond: number;
  /** The share of its packets it loses now, 0..1. */
  readonly dropShare: number;
}

/** Totals of one VIP since the MUX was loaded. */
export interface VipTotals {
  readonly packets: number;
  readonly bytes: number;
}

const SECOND_MS = 1000;

/**
 * Seconds in a row a MUX must be asked for more than it may forward before it names a VIP to withdraw: a burst is no
 * reason to take a tenant off the net.
 */
const OVERLOADED_SECONDS_MIN = 3;

/** Rates and shares of the VIPs of one MUX. */
export class FairShare {
  #limits: RateLimits = {};
  #loads: readonly VipLoad[] = [];
  #totals: ReadonlyMap<string, VipTotals> = new Map();
  #measuredMs: number | undefined;
  #overloadedSeconds = 0;

  limit(limits: RateLimits): void {
    this.#limits = limits;
    this.#overloadedSeconds = 0;
  }

  /** Whether a second has passed since the last measurement. */
  isDue(nowMs: number): boolean {
    return this.#measuredMs === undefined || nowMs - this.#measuredMs >= SECOND_MS;
  }

  /** Takes the totals of all VIPs and returns what each is to lose from now on. */
  measure(totals: ReadonlyMap<string, VipTotals>, nowMs: number): readonly VipLoad[] {
    const elapsedMs = this.#measuredMs === undefined ? 0 : nowMs - this.#measuredMs;
    const perSecond = elapsedMs > 0 ? SECOND_MS / elapsedMs : 0;
    const rates = [...totals].map(([vip, { packets, bytes }]) => {
      const before = this.#totals.get(vip) ?? { packets: 0, bytes: 0 };
      return {
        vip,
        packetsPerSecond: Math.max(packets - before.packets, 0) * perSecond,
        bytesPerSecond: Math.max(bytes - before.bytes, 0) * perSecond,
      };
    });
    const { packetsPerSecond: packetsMax = Infinity, bytesPerSecond: bytesMax = Infinity } = this.#limits;
    const packetShare = maxMinShare(
      rates.map((rate) => rate.packetsPerSecond),
      packetsMax,
    );
    const byteShare = maxMinShare(
      rates.map((rate) => rate.bytesPerSecond),
      bytesMax,
    );
    this.#loads = rates.map((rate) => ({
      ...rate,
      dropShare: Math.max(excess(rate.packetsPerSecond, packetShare), excess(rate.bytesPerSecond, byteShare)),
    }));
    this.#overloadedSeconds = this.#loads.some(({ dropShare }) => dropShare > 0) ? this.#overloadedSeconds + 1 : 0;
    this.#totals = new Map(totals);
    this.#measuredMs = nowMs;
    return this.#loads;
  }

  /** The VIPs with the most packets in the last full second, the greatest first. */
  topTalkers(count: number): VipLoad[] {
    return this.#loads
      .filter(({ packetsPerSecond }) => packetsPerSecond > 0)
      .sort((a, b) => b.packetsPerSecond - a.packetsPerSecond || (a.vip < b.vip ? -1 : 1))
      .slice(0, count);
  }

  /** The VIP that should be withdrawn so that the others live: the top talker of a MUX that stays overloaded. */
  vipToWithdraw(): VipLoad | undefined {
    if (this.#overloadedSeconds < OVERLOADED_SECONDS_MIN) return undefined;
    return this.topTalkers(this.#loads.length).find(({ dropShare }) => dropShare > 0);
  }
}

/** The share at which demands that are cut down to it add up to the capacity; Infinity when there is enough for all. */
export function maxMinShare(demands: readonly number[], capacity: number): number {
  let left = capacity;
  const ascending = [...demands].sort((a, b) => a - b);
  for (const [at, demand] of ascending.entries()) {
    const share = left / (ascending.length - at);
    if (demand > share) return share;
    left -= demand;
  }
  return Infinity;
}

function excess(rate: number, share: number): number {
  return rate > share ? (rate - share) / rate : 0;
}
