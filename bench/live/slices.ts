/**
 * The arithmetic of the bench: from slices, which say how many packets a MUX has forwarded and what that took, to rows.
 *
 * A machine's neighbours make one and the same loop slower for seconds. So every round gives each subject a slice, and a
 * ratio is that of two slices of one round.
 */
import { median, quantile } from '../statistics.js';

/** One subject's part of a round. */
export interface Slice {
  readonly sentCount: number;
  readonly forwardedCount: number;
  /** Processor time of the thread that has the port; 0 when there is none. */
  readonly threadNs: number;
  /** Of the other threads of its process, which have nothing to do with packets. */
  readonly asideNs: number;
  /** Of the kernel thread that takes frames from the interface. */
  readonly kernelNs: number;
  /** Wall-clock time. */
  readonly ns: number;
}

/** What is measured of one subject. */
export interface LiveRow {
  readonly subject: string;
  readonly port: string | null;
  readonly frameBytes: number;
  /** Microseconds of processor time per forwarded packet: of the thread that has the port, and of the kernel thread. */
  readonly threadUs: number;
  readonly kernelUs: number;
  /** Share of a core that the other threads of the process take, however many packets there are. */
  readonly asideShare: number;
  /** Packets per second of one core that does all of this. */
  readonly perCore: number;
  /** Packets per second of wall-clock time, on a core that it may have shared. */
  readonly perSecond: number;
  /** Share of frames that did not come back. */
  readonly lossShare: number;
  /** Packets per second of the thread, in proportion to those of C on the same kind of port; `null` without. */
  readonly ratioToC: number | null;
  /** Packets per core, in proportion to those of the kernel's stand-in; `null` without. */
  readonly ratioToKernel: number | null;
}

/** Who the slices are of, and whose slices they are compared with. */
export interface Measured {
  readonly subject: string;
  readonly port: string | null;
  readonly frameBytes: number;
  readonly slices: readonly Slice[];
  readonly c: readonly Slice[] | undefined;
  readonly kernel: readonly Slice[] | undefined;
}

export function rowOf({ subject, port, frameBytes, slices, c, kernel }: Measured): LiveRow {
  const perCore = median(slices.map(packetsPerCore));
  return {
    subject,
    port,
    frameBytes,
    threadUs: rounded(median(slices.map(threadNsPerPacket)) / 1000, 3),
    kernelUs: rounded(median(slices.map(kernelNsPerPacket)) / 1000, 3),
    asideShare: rounded(median(slices.map(({ asideNs, ns }) => asideNs / ns)), 4),
    perCore: Math.round(perCore),
    perSecond: Math.round(median(slices.map(({ forwardedCount, ns }) => (1e9 * forwardedCount) / ns))),
    lossShare: rounded(median(slices.map(({ sentCount, forwardedCount }) => 1 - forwardedCount / sentCount)), 4),
    ratioToC: ratioOf(c, slices, threadNsPerPacket),
    ratioToKernel: ratioOf(kernel, slices, (slice) => 1e9 / packetsPerCore(slice)),
  };
}

/** One way's part of a round of requests. */
export interface RequestSlice {
  /** Requests per second, over connections that stay. */
  readonly perSecond: number;
  /** What requests took that were made one after the other. */
  readonly ns: readonly number[];
}

/** What is measured of requests by one way. */
export interface RequestRow {
  readonly subject: string;
  readonly port: string | null;
  readonly perSecond: number;
  /** Requests per second in proportion to those through the kernel's stand-in; `null` without. */
  readonly ratioToKernel: number | null;
  /** Microseconds of a request: median and the 99th percentile, of all rounds. */
  readonly p50Us: number;
  readonly p99Us: number;
  /** How much longer these are than those of requests to the VM itself; `null` without. */
  readonly addedP50Us: number | null;
  readonly addedP99Us: number | null;
}

/** Who the slices are of, and whose slices they are compared with. */
export interface MeasuredRequests {
  readonly subject: string;
  readonly port: string | null;
  readonly slices: readonly RequestSlice[];
  readonly direct: readonly RequestSlice[] | undefined;
  readonly kernel: readonly RequestSlice[] | undefined;
}

export function requestRowOf({ subject, port, slices, direct, kernel }: MeasuredRequests): RequestRow {
  const us = (of: readonly RequestSlice[], share: number) =>
    quantile(
      of.flatMap(({ ns }) => ns),
      share,
    ) / 1000;
  const added = (share: number) => (direct === undefined ? null : rounded(us(slices, share) - us(direct, share), 1));
  return {
    subject,
    port,
    perSecond: Math.round(median(slices.map(({ perSecond }) => perSecond))),
    ratioToKernel:
      kernel === undefined
        ? null
        : rounded(median(slices.map(({ perSecond }, round) => perSecond / kernel[round].perSecond)), 3),
    p50Us: rounded(us(slices, 0.5), 1),
    p99Us: rounded(us(slices, 0.99), 1),
    addedP50Us: added(0.5),
    addedP99Us: added(0.99),
  };
}

function threadNsPerPacket({ threadNs, forwardedCount }: Slice): number {
  return threadNs / forwardedCount;
}

function kernelNsPerPacket({ kernelNs, forwardedCount }: Slice): number {
  return kernelNs / forwardedCount;
}

function packetsPerCore({ forwardedCount, threadNs, asideNs, kernelNs }: Slice): number {
  return (1e9 * forwardedCount) / (threadNs + asideNs + kernelNs);
}

/** The median of what the other one costs, in proportion to what this one costs, round by round. */
function ratioOf(
  others: readonly Slice[] | undefined,
  slices: readonly Slice[],
  cost: (slice: Slice) => number,
): number | null {
  if (others === undefined) return null;
  return rounded(median(slices.map((slice, round) => cost(others[round]) / cost(slice))), 3);
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
