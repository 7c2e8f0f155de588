/** The speaker of a MUX: what it announces is what the data plane is ready for, and nothing as long as that is stalled. */
import type { Route, SpeakerStatus } from '../../bgp/index.js';
import type { MuxSpeaker } from '../bgp/speaker-of-mux.js';
import type { EventRecord } from '../service/events.js';
import type { LiveSpeaker, LiveSystem } from './system.js';

/** How long a router may take to read that our routes are withdrawn. */
const DRAIN_TIMEOUT_MS = 5000;

const NO_SESSIONS: SpeakerStatus = { listeners: [], peers: [] };

/** A speaker that runs. */
export class Announcer {
  readonly #speaker: LiveSpeaker;
  readonly #tell: (record: EventRecord) => void;
  #routes: readonly Route[] = [];
  /** Why nothing is announced; empty when all is. */
  readonly #holds = new Set<string>();

  /**
   * Starts the speaker, which announces nothing yet.
   *
   * @param port TCP port to listen on; default 179
   * @throws EdgemuxError what `SpeakerThread.start` throws
   */
  static async start(
    system: LiveSystem,
    { options }: MuxSpeaker,
    port: number | undefined,
    tell: (record: EventRecord) => void,
  ): Promise<Announcer> {
    const speaker = await system.startSpeaker(
      { ...options, ...(port !== undefined && { port }) },
      ({ kind, peer, address, ...members }) => tell({ event: kind, peer, address, ...members }),
    );
    return new Announcer(speaker, tell);
  }

  private constructor(speaker: LiveSpeaker, tell: (record: EventRecord) => void) {
    this.#speaker = speaker;
    this.#tell = tell;
    this.ended = speaker.ended;
  }

  /** Rejected when the speaker's thread has died. */
  readonly ended: Promise<void>;

  get status(): SpeakerStatus {
    return this.#speaker.status;
  }

  /** Exactly these are announced, unless there is a reason to hold them back. */
  announce(routes: readonly Route[]): void {
    this.#routes = routes;
    if (this.#holds.size === 0) this.#speaker.announce(routes);
  }

  /** Withdraws everything until the reason has gone. */
  hold(reason: string): void {
    if (this.#holds.has(reason)) return;
    this.#holds.add(reason);
    if (this.#holds.size > 1) return;
    this.#speaker.announce([]);
    this.#tell({ event: 'withdraw', why: reason, routes: this.#routes.length });
  }

  release(reason: string): void {
    if (!this.#holds.delete(reason) || this.#holds.size > 0) return;
    this.#speaker.announce(this.#routes);
    this.#tell({ event: 'announce', routes: this.#routes.length });
  }

  setPeers(peers: MuxSpeaker['options']['peers']): Promise<void> {
    return this.#speaker.setPeers(peers);
  }

  /** Withdraws everything, says goodbye and ends. */
  stop(text: string): Promise<void> {
    return this.#speaker.stop({ kind: 'drain', text, timeoutMs: DRAIN_TIMEOUT_MS });
  }
}

/** The sessions of a speaker that may not be there. */
export function sessionsOf(announcer: Announcer | undefined): SpeakerStatus {
  return announcer?.status ?? NO_SESSIONS;
}
