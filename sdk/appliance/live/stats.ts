/** What a role has done, as a line for programs: totals since its start, and rates since the last such line. */
import type { EventRecord } from '../service/events.js';
import type { Totals } from './totals.js';

/** Frames that have come in, by all ports. */
export function receivedBy({ ports }: Totals): number {
  return ports.reduce((sum, { received }) => sum + received, 0);
}

/** Tells more each time it is asked. */
export class StatsLine {
  #before: { readonly received: number; readonly cpuMs: number | undefined; readonly atMs: number } | undefined;

  /** @param nowMs of a monotonic clock */
  next(totals: Totals, nowMs: number): EventRecord {
    const { ports, verdicts, dropped, flows, freeChunks, cpuMs } = totals;
    const received = receivedBy(totals);
    const before = this.#before ?? { received: 0, cpuMs: undefined, atMs: nowMs };
    this.#before = { received, cpuMs, atMs: nowMs };
    const seconds = (nowMs - before.atMs) / 1000;
    const isTimed = seconds > 0 && cpuMs !== undefined && before.cpuMs !== undefined;
    return {
      event: 'stats',
      packetsPerSecond: seconds > 0 ? Math.round((received - before.received) / seconds) : 0,
      ...(isTimed && { cpuPercent: Math.round((cpuMs - before.cpuMs) / seconds) / 10 }),
      flows,
      freeChunks,
      verdicts: Object.fromEntries(Object.entries(verdicts).filter(([, count]) => count > 0)),
      dropped,
      ports: Object.fromEntries(ports.map(({ name, ...counters }) => [name, counters])),
    };
  }
}
