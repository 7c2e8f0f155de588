/** Frames the kernel would not take, among others that it took: the memory counts them as sent, as they have left it. */
import type { PortCounters } from '../../packet-port.js';

/** The counters of a port, with so many of the frames that have left not sent but dropped. */
export function withRefused(counters: PortCounters, refusedCount: number): PortCounters {
  return {
    ...counters,
    sent: counters.sent - refusedCount,
    sendDropped: counters.sendDropped + refusedCount,
  };
}
