/** The links of the simulated fabric: every frame that crosses one is stamped, shown to who watches, and captured. */
import { LINKTYPE_ETHERNET, PcapWriter } from '../../packet/index.js';

/** One frame on its way from one machine to the next. */
export interface Crossing {
  readonly from: string;
  readonly to: string;
  /** What the sender did with the frame, for people. */
  readonly action: string;
  readonly frame: Uint8Array;
}

/** What a frame spends on a link. */
const LINK_MS = 0.02;

export class Links {
  nowMs: number;
  /** Called for every crossing while it is set. */
  watcher: ((crossing: Crossing) => void) | undefined;
  readonly #captures: Map<string, Uint8Array[]> | undefined;
  readonly #writer = new PcapWriter(LINKTYPE_ETHERNET);

  /** @param options.startMs time of the first frame, epoch milliseconds; `options.capture`: keep every frame */
  constructor(options: { startMs: number; capture: boolean }) {
    this.nowMs = options.startMs;
    this.#captures = options.capture ? new Map() : undefined;
  }

  cross(crossing: Crossing): void {
    this.nowMs += LINK_MS;
    this.watcher?.(crossing);
    if (!this.#captures) return;
    const record = this.#writer.record(crossing.frame, this.nowMs);
    const link = [crossing.from, crossing.to].sort().join('--').replaceAll(' ', '-');
    const records = this.#captures.get(link);
    if (records) records.push(record);
    else this.#captures.set(link, [this.#writer.header(), record]);
  }

  /** The captures by link (`mux-1--host-1`, both directions), each a whole pcap file; empty when nothing is captured. */
  captures(): ReadonlyMap<string, readonly Uint8Array[]> {
    return this.#captures ?? new Map();
  }
}
