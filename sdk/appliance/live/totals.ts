/** What several data planes have counted, added up. */
import type { Counters } from '../../dataplane/index.js';
import type { DataPlaneStats, PortStats } from '../../node/index.js';

/** The sums. */
export interface Totals {
  readonly verdicts: Counters['verdicts'];
  readonly dropped: Counters['dropped'];
  /** Connections that are known now, to all threads. */
  readonly flows: number;
  readonly ports: readonly PortStats[];
  /** `undefined` where the system does not say. */
  readonly cpuMs: number | undefined;
}

/** Adds up; ports are the same when they have the same name. */
export function totalsOf(stats: readonly DataPlaneStats[]): Totals {
  const ports = new Map<string, PortStats>();
  for (const port of stats.flatMap((one) => one.ports)) {
    ports.set(port.name, { ...sumOf(ports.get(port.name), port, port), name: port.name });
  }
  const counters = stats.map((one) => one.counters);
  const verdicts = { pass: 0, drop: 0, forward: 0, deliver: 0, reply: 0, hold: 0, consume: 0 };
  return {
    verdicts: counters.reduce((sum, one) => sumOf(sum, one.verdicts, verdicts), verdicts),
    dropped: counters.reduce<Record<string, number>>(
      (sum, { dropped }) => sumOf(sum, dropped, { ...sum, ...dropped }),
      {},
    ),
    flows: counters.reduce((sum, one) => sum + flowsOf(one), 0),
    ports: [...ports.values()],
    cpuMs: stats.reduce<number | undefined>(
      (sum, { cpuMs }) => (sum === undefined || cpuMs === undefined ? undefined : sum + cpuMs),
      0,
    ),
  };
}

/** Of a MUX and of a host agent: the one has none of the other's. */
function flowsOf({ flows, natFlows }: Counters): number {
  return flows.trusted + flows.untrusted + natFlows.inserts - natFlows.expired - natFlows.evicted;
}

type Numbers<K extends string> = Readonly<Partial<Record<K, number>>>;

/** Member by member, of the numbers among `shape`. */
function sumOf<T extends object>(a: Numbers<string> | object | undefined, b: object, shape: T): T {
  const numbers = Object.entries(shape).filter(([, value]) => typeof value === 'number');
  const at = (one: object | undefined, key: string) => (one as Record<string, number> | undefined)?.[key] ?? 0;
  return Object.fromEntries(numbers.map(([key]) => [key, at(a, key) + at(b, key)])) as T;
}
