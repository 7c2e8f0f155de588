/** A capture through a data plane: every frame in, what leaves out, and the count of each verdict. */
import type { Batch, DropReason, Link } from '../dataplane/index.js';
import { EdgemuxError } from '../errors.js';
import { bareIp, type CapturedFrame, type CaptureSource, linkKind, readCapture } from '../packet/index.js';

/** The longest frame a capture may bring: a super-packet of segmentation offload, with its Ethernet header and tags. */
export const CAPTURED_FRAME_BYTES_MAX = 65_600;

/** A data plane as replay sees it: MUX and host agent alike. */
export interface ReplayTarget {
  readonly batch: Batch;
  processBatch(nowMs: number): void;
}

/** What became of the frames of a capture; the parts add up to `frames` and `produced` together. */
export interface ReplaySummary {
  frames: number;
  /** Frames the data plane added: a fragment that was held is counted again here when it is sent on. */
  produced: number;
  forwarded: number;
  delivered: number;
  replied: number;
  held: number;
  /** Messages of a MUX that were obeyed. */
  consumed: number;
  passed: number;
  dropped: Partial<Record<DropReason, number>>;
}

/** Takes what leaves the data plane. */
export interface ReplaySink {
  /** Called once before the first frame, also for a capture without frames. */
  start(link: Link, isNanoseconds: boolean): Promise<void>;
  /** A group of frames in order; `bytes` are valid until the promise settles. */
  frames(frames: readonly { bytes: Uint8Array; timestampNs: bigint }[]): Promise<void>;
}

/**
 * Runs every frame of a capture through a data plane, at the times of the capture.
 *
 * Frames are kept in order. Time never goes back: a frame stamped earlier than the one before it is taken to have
 * arrived with it.
 *
 * @throws EdgemuxError `ERR_CAPTURE_INVALID` when it is no capture, or its frames begin with something we cannot read
 */
export async function replay(
  source: CaptureSource,
  target: ReplayTarget,
  sink: ReplaySink,
  onTruncated: (bytesLeft: number) => void = () => {},
): Promise<ReplaySummary> {
  const summary: ReplaySummary = {
    frames: 0,
    produced: 0,
    forwarded: 0,
    delivered: 0,
    replied: 0,
    held: 0,
    consumed: 0,
    passed: 0,
    dropped: {},
  };
  const runner = new Runner(target, sink, summary);
  let emptyLinkType: number | undefined;
  const onEmpty = (linkType: number | undefined) => {
    emptyLinkType = linkType;
  };
  for await (const group of readCapture(source, { onTruncated, onEmpty })) await runner.run(group);
  await runner.finish(emptyLinkType);
  return summary;
}

const NS_PER_US = 1000n;

class Runner {
  #link: Link | undefined;
  #nowMs = 0;
  #timestamps: bigint[] = [];
  #lastTimestamp = 0n;

  constructor(
    readonly target: ReplayTarget,
    readonly sink: ReplaySink,
    readonly summary: ReplaySummary,
  ) {}

  async run(group: readonly CapturedFrame[]): Promise<void> {
    if (this.#link === undefined && group.length > 0) {
      const isNanoseconds = group.some(({ timestampNs }) => timestampNs % NS_PER_US !== 0n);
      await this.#start(linkOf(group[0].linkType), isNanoseconds);
    }
    for (const frame of group) {
      this.summary.frames++;
      const link = linkOf(frame.linkType);
      if (link !== this.#link) throw mixedLinks();
      const bytes = link === 'bare' ? bareIp(frame.linkType, frame.bytes) : frame.bytes;
      if (bytes === undefined) {
        this.summary.passed++;
        continue;
      }
      // One time per batch: the flow table counts in seconds, so frames of one second may share a call.
      if (this.target.batch.isFull || isLater(frame.timestampMs, this.#nowMs)) await this.#flush();
      if (this.target.batch.count === 0) this.#nowMs = Math.max(this.#nowMs, frame.timestampMs);
      this.target.batch.add(bytes, link, 'shared');
      this.#timestamps.push(frame.timestampNs);
      this.#lastTimestamp = frame.timestampNs;
    }
    await this.#flush();
  }

  /**
   * Writes what had no room in the last batches. A capture without frames gives one without frames, of the link its
   * header names.
   */
  async finish(emptyLinkType: number | undefined): Promise<void> {
    if (this.#link !== undefined) {
      while ((await this.#process()) > 0);
      return;
    }
    await this.#start(emptyLinkType === undefined ? 'ethernet' : linkOf(emptyLinkType), false);
  }

  async #start(link: Link, isNanoseconds: boolean): Promise<void> {
    this.#link = link;
    await this.sink.start(link, isNanoseconds);
  }

  async #flush(): Promise<void> {
    if (this.target.batch.count > 0) await this.#process();
  }

  /** Answers how many frames the data plane added; they leave with the last one of the batch. */
  async #process(): Promise<number> {
    const { batch } = this.target;
    this.target.processBatch(this.#nowMs);
    const produced = batch.count - this.#timestamps.length;
    this.summary.produced += produced;
    const out: { bytes: Uint8Array; timestampNs: bigint }[] = [];
    for (let index = 0; index < batch.count; index++) {
      const timestampNs = this.#timestamps[index] ?? this.#lastTimestamp;
      if (this.#count(batch, index)) out.push({ bytes: batch.bytes(index), timestampNs });
    }
    if (out.length > 0) await this.sink.frames(out);
    batch.clear();
    this.#timestamps = [];
    return produced;
  }

  /** Counts a frame; answers whether it leaves the data plane. */
  #count(batch: Batch, index: number): boolean {
    const verdict = batch.verdict(index);
    if (verdict === 'drop') {
      const reason = batch.reason(index) as DropReason;
      this.summary.dropped[reason] = (this.summary.dropped[reason] ?? 0) + 1;
      return false;
    }
    this.summary[COUNTED_AS[verdict]]++;
    return verdict !== 'pass' && verdict !== 'hold' && verdict !== 'consume';
  }
}

const COUNTED_AS = {
  pass: 'passed',
  forward: 'forwarded',
  deliver: 'delivered',
  reply: 'replied',
  hold: 'held',
  consume: 'consumed',
} as const;

/** Whether a frame belongs to a later batch: the data plane's clock ticks about once a second. */
function isLater(timestampMs: number, batchMs: number): boolean {
  return Math.floor(timestampMs / 1024) > Math.floor(batchMs / 1024);
}

/**
 * What frames of a link type begin with.
 *
 * @throws EdgemuxError `ERR_CAPTURE_INVALID` for a link type that is neither Ethernet nor IP under a header we can skip
 */
export function linkOf(linkType: number): Link {
  const link = linkKind(linkType);
  if (link !== undefined) return link;
  throw new EdgemuxError('ERR_CAPTURE_INVALID', 'the capture has frames of a kind edgemux cannot read', [
    { path: 'linkType', expected: 'Ethernet, raw IP, BSD loopback or Linux cooked', got: String(linkType) },
  ]);
}

function mixedLinks(): EdgemuxError {
  return new EdgemuxError('ERR_CAPTURE_INVALID', 'the capture mixes Ethernet frames with frames without Ethernet', [
    {
      path: 'linkType',
      expected: 'one kind per capture',
      got: 'both: split it by interface (tshark -Y frame.interface_id==0)',
    },
  ]);
}
