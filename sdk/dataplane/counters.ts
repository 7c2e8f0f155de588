/** The counters of a data plane by name. */
import * as abi from '../../assembly/abi.js';
import type { DataPlane } from './instance.js';
import { DROP_REASONS, type DropReason, type Verdict, verdictName } from './reasons.js';

const FLOW_COUNTERS = {
  hits: abi.COUNTER_FLOW_HITS,
  misses: abi.COUNTER_FLOW_MISSES,
  inserts: abi.COUNTER_FLOW_INSERTS,
  expired: abi.COUNTER_FLOW_EXPIRED,
  evicted: abi.COUNTER_FLOW_EVICTED,
  refused: abi.COUNTER_FLOW_REFUSED,
  trusted: abi.COUNTER_FLOW_TRUSTED,
  untrusted: abi.COUNTER_FLOW_UNTRUSTED,
  promoted: abi.COUNTER_FLOW_PROMOTED,
  promotionRefused: abi.COUNTER_FLOW_PROMOTION_REFUSED,
} as const;

const FRAGMENT_COUNTERS = {
  released: abi.COUNTER_FRAGMENT_RELEASED,
} as const;

const NAT_FLOW_COUNTERS = {
  inserts: abi.COUNTER_NAT_FLOW_INSERTS,
  expired: abi.COUNTER_NAT_FLOW_EXPIRED,
  evicted: abi.COUNTER_NAT_FLOW_EVICTED,
} as const;

const TCP_COUNTERS = {
  resetsSent: abi.COUNTER_RESETS_SENT,
  sizesClamped: abi.COUNTER_MSS_CLAMPED,
} as const;

const SNAT_COUNTERS = {
  allocated: abi.COUNTER_SNAT_ALLOCATED,
  exhausted: abi.COUNTER_SNAT_EXHAUSTED,
  overShare: abi.COUNTER_SNAT_OVER_SHARE,
} as const;

const FASTPATH_COUNTERS = {
  redirectsSent: abi.COUNTER_REDIRECTS_SENT,
  redirectsObeyed: abi.COUNTER_REDIRECTS_OBEYED,
  packets: abi.COUNTER_FASTPATH_PACKETS,
} as const;

/** What a data plane has counted since it was loaded. */
export interface Counters {
  /** Frames per verdict. */
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** Dropped frames per reason; reasons that never occurred are left out. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /**
   * The MUX's flow table: packets that hit or missed; flows inserted, expired (idle too long, or their backend gone),
   * evicted for a new one, and refused for lack of room; how many there are now, trusted and untrusted; how many earned
   * trust, and how often it was refused because there were too many already.
   */
  readonly flows: Readonly<Record<keyof typeof FLOW_COUNTERS, number>>;
  /** Fragments a MUX had kept for the first one of their datagram, and released. */
  readonly fragments: Readonly<Record<keyof typeof FRAGMENT_COUNTERS, number>>;
  /** Senders a MUX told that their packets are too big for the provider network. */
  readonly tooBigTold: number;
  /** The host agent's NAT flows. */
  readonly natFlows: Readonly<Record<keyof typeof NAT_FLOW_COUNTERS, number>>;
  /** What the host agent did to TCP: segments that reset idle connections, maximum segment sizes lowered. */
  readonly tcp: Readonly<Record<keyof typeof TCP_COUNTERS, number>>;
  /**
   * The host agent's outbound connections: those that were given a leased port, those for which none was free, and those
   * refused because their VM has its share of the NAT flow table.
   */
  readonly snat: Readonly<Record<keyof typeof SNAT_COUNTERS, number>>;
  /** Frames of packet ports that had no port to leave by. */
  readonly unrouted: number;
  /** Redirects a MUX sent, redirects a host agent obeyed, and packets it sent straight to another host. */
  readonly fastpath: Readonly<Record<keyof typeof FASTPATH_COUNTERS, number>>;
}

/** Packets and bytes of inner IP packets. */
export interface Traffic {
  readonly packets: number;
  readonly bytes: number;
}

/** Reads every counter; exact up to 2^53. */
export function readCounters(dataPlane: DataPlane): Counters {
  const verdicts = {} as Record<Verdict, number>;
  for (let verdict = 0; verdict < abi.VERDICT_COUNT; verdict++) {
    verdicts[verdictName(verdict)] = readCounter(dataPlane, abi.FIXED_VERDICT_COUNTERS + verdict * 8);
  }
  const dropped: Partial<Record<DropReason, number>> = {};
  for (const [name, reason] of Object.entries(DROP_REASONS) as [DropReason, number][]) {
    const count = readCounter(dataPlane, abi.FIXED_REASON_COUNTERS + reason * 8);
    if (count > 0) dropped[name] = count;
  }
  return {
    verdicts,
    dropped,
    flows: readNamed(dataPlane, FLOW_COUNTERS),
    fragments: readNamed(dataPlane, FRAGMENT_COUNTERS),
    tooBigTold: readCounter(dataPlane, abi.FIXED_COUNTERS + abi.COUNTER_MTU_TOLD * 8),
    natFlows: readNamed(dataPlane, NAT_FLOW_COUNTERS),
    tcp: readNamed(dataPlane, TCP_COUNTERS),
    snat: readNamed(dataPlane, SNAT_COUNTERS),
    unrouted: readCounter(dataPlane, abi.FIXED_COUNTERS + abi.COUNTER_UNROUTED * 8),
    fastpath: readNamed(dataPlane, FASTPATH_COUNTERS),
  };
}

/** Reads a pair of counters, packets and bytes, as services and backends have them. */
export function readTraffic(dataPlane: DataPlane, address: number): Traffic {
  return { packets: readCounter(dataPlane, address), bytes: readCounter(dataPlane, address + 8) };
}

function readNamed<Name extends string>(
  dataPlane: DataPlane,
  counters: Readonly<Record<Name, number>>,
): Record<Name, number> {
  const entries = Object.entries<number>(counters).map(([name, counter]) => [
    name,
    readCounter(dataPlane, abi.FIXED_COUNTERS + counter * 8),
  ]);
  return Object.fromEntries(entries) as Record<Name, number>;
}

function readCounter(dataPlane: DataPlane, address: number): number {
  return Number(dataPlane.view.getBigUint64(address, true));
}
