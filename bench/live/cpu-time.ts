/** Processor time of processes and kernel threads, as the scheduler counts it: nanoseconds, in /proc/PID/task/TID/schedstat. */
import { readdirSync, readFileSync } from 'node:fs';

/** What all threads of a process have used; those that have ended are left out. */
export function cpuNs(process: number): number {
  let ns = 0;
  for (const thread of readdirSync(`/proc/${process}/task`)) {
    ns += Number(readFileSync(`/proc/${process}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  }
  return ns;
}
