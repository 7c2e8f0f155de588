/** Processor time of processes and kernel threads, as the scheduler counts it: nanoseconds, in /proc/PID/task/TID/schedstat. */
import { readdirSync, readFileSync } from 'node:fs';

/** Nanoseconds by thread. */
export type CpuTimes = ReadonlyMap<string, number>;

/** What each thread of a process has used; those that have ended are left out. */
export function cpuTimes(process: number): CpuTimes {
  const times = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${process}/task`)) {
    try {
      const [ns] = readFileSync(`/proc/${process}/task/${thread}/schedstat`, 'utf8').split(' ');
      times.set(thread, Number(ns));
    } catch {
      // It has ended since.
    }
  }
  return times;
}

/** What was used between two readings: by the busiest thread, and by all the others. */
export function cpuBetween(before: CpuTimes, after: CpuTimes): { busiestNs: number; othersNs: number } {
  const used = [...after].map(([thread, ns]) => ns - (before.get(thread) ?? 0));
  const busiestNs = Math.max(0, ...used);
  return { busiestNs, othersNs: used.reduce((sum, ns) => sum + ns, 0) - busiestNs };
}
