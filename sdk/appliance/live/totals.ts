/** What several data planes have counted, added up. */
import type { Counters } from '../../dataplane/index.js';
import type { DataPlaneStats, PortStats } from '../../node/index.js';
import type { PortCounters } from '../../runtime/packet-port.js';

/** The sums. */
export interface Totals {
  readonly verdicts: Counters['verdicts'];
  readonly dropped: Counters['dropped'];
  /** Connections that are known now, to all threads. */
  readonly flows: number;
  readonly ports: readonly PortStats[];
  /** Chunks for frames that nobody has now. */
  readonly freeChunks: number;
  /** `undefined` where the system does not say. */
  readonly cpuMs: number | undefined;
}

/** Adds up; ports are the same when they have the same name. */
export function totalsOf(stats: readonly DataPlaneStats[]): Totals {
  const counters = stats.map((one) => one.counters);
  const ports = new Map<string, PortCounters>();
  for (const { name, ...ofPort } of stats.flatMap((one) => one.ports)) {
    ports.set(name, sum([ports.get(name) ?? {}, ofPort]));
  }
  return {
    verdicts: sum([NO_VERDICTS, ...counters.map(({ verdicts }) => verdicts)]),
    dropped: sum(counters.map(({ dropped }) => dropped)),
    flows: counters.reduce((count, one) => count + flowsOf(one), 0),
    freeChunks: stats.reduce((count, { freeChunkCount }) => count + freeChunkCount, 0),
    ports: [...ports].map(([name, ofPort]) => ({ name, ...ofPort })),
    cpuMs: stats.reduce<number | undefined>(
      (ms, { cpuMs }) => (ms === undefined || cpuMs === undefined ? undefined : ms + cpuMs),
      0,
    ),
  };
}

const NO_VERDICTS: Counters['verdicts'] = { pass: 0, drop: 0, forward: 0, deliver: 0, reply: 0, hold: 0, consume: 0 };

/** Of a MUX and of a host agent: the one has none of the other's. */
function flowsOf({ flows, natFlows }: Counters): number {
  return flows.trusted + flows.untrusted + natFlows.inserts - natFlows.expired - natFlows.evicted;
}

/** Member by member. */
function sum<T extends object>(records: readonly object[]): T {
  const total: Record<string, number> = {};
  for (const record of records) {
    for (const [name, count] of Object.entries<number>(record as Record<string, number>)) {
      total[name] = (total[name] ?? 0) + count;
    }
  }
  return total as T;
}
