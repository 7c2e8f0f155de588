/** A speaker that follows a fabric: started with it, changed when it changes, ended with a word to the routers. */
import { type GracefulRestartOptions, Speaker, type SpeakerStatus } from '../../bgp/index.js';
import type { Runtime } from '../../runtime/index.js';
import { counted } from '../output.js';
import { type EventRecord, errorRecord } from '../service/events.js';
import type { RereadAnswer } from '../service/reread.js';
import { requireSpeakable } from './deno-limits.js';
import type { MuxSpeaker } from './speaker-of-mux.js';

/** Seconds routers wait for a speaker that is restarted, where nobody says how many. */
export const RESTART_TIME_SECONDS_DEFAULT = 30;
/** How long a router may take to read that our routes are withdrawn. */
const DRAIN_TIMEOUT_MS = 5000;

/** What is said on the command line and not in the fabric. */
export interface ServiceSettings {
  /** Port to listen on; default 179. */
  readonly port?: number;
  readonly gracefulRestart?: GracefulRestartOptions;
}

/** A running speaker. */
export class BgpService {
  readonly #speaker: Speaker;
  readonly #settings: ServiceSettings;
  readonly #tell: (record: EventRecord) => void;
  #isStarted = false;
  /** What was read while the speaker ended is of no use any more. */
  #isEnding = false;
  /** What happened before it could be said that the speaker has started. */
  readonly #early: EventRecord[] = [];
  /** What the speaker is as long as it runs. */
  readonly #options: MuxSpeaker['options'];
  #current: MuxSpeaker;
  /** Reloads happen one after the other. */
  #reloaded: Promise<void> = Promise.resolve();

  /**
   * @param tell told of everything that happens; no secret is in it
   * @throws EdgemuxError what `Speaker` throws
   */
  constructor(initial: MuxSpeaker, settings: ServiceSettings, runtime: Runtime, tell: (record: EventRecord) => void) {
    this.#options = initial.options;
    this.#current = initial;
    this.#settings = settings;
    this.#tell = (record) => {
      if (this.#isStarted) tell(record);
      else this.#early.push(record);
    };
    this.#speaker = new Speaker({ ...initial.options, ...settings }, runtime);
    this.#speaker.subscribe(({ kind, peer, address, ...members }) => {
      this.#tell({ event: kind, peer, address, ...members });
    });
  }

  get status(): SpeakerStatus {
    return this.#speaker.status;
  }

  /** @throws EdgemuxError (as a rejection) `ERR_SOCKET`, `ERR_UNSUPPORTED` */
  async start(): Promise<void> {
    const { mux, options, routes } = this.#current;
    const { gracefulRestart } = this.#settings;
    requireSpeakable(options.peers);
    this.#speaker.announce(routes);
    await this.#speaker.start();
    this.#isStarted = true;
    this.#tell({
      event: 'start',
      mux,
      as: options.as,
      routerId: options.routerId,
      listeners: this.#speaker.status.listeners,
      peers: options.peers.map(({ address }) => address),
      routes: routes.length,
      ...(gracefulRestart && { gracefulRestart }),
    });
    for (const record of this.#early.splice(0)) this.#tell(record);
  }

  /**
   * Reads what the speaker is to be once more and has it so; when that fails everything stays as it was. Tells which.
   *
   * @param why who asked for it
   */
  reload(why: string, read: () => Promise<RereadAnswer<MuxSpeaker>>): Promise<void> {
    this.#reloaded = this.#reloaded.then(async () => {
      const failed = (error: EventRecord) =>
        this.#tell({ ...error, during: `reload (${why})`, kept: counted(this.#current.routes.length, 'route') });
      try {
        const answer = await read();
        if (this.#isEnding) return;
        if ('error' in answer) failed(answer.error);
        else await this.#change(why, answer.value);
      } catch (error) {
        failed(errorRecord(error));
      }
    });
    return this.#reloaded;
  }

  /** Withdraws every route, says goodbye and ends. */
  async drain(text: string): Promise<void> {
    this.#isEnding = true;
    await this.#speaker.stop({ kind: 'drain', text, timeoutMs: DRAIN_TIMEOUT_MS });
    this.#tell({ event: 'stop', how: 'drain' });
  }

  /**
   * Ends so that routers go on sending here until the next speaker has come up: they are asked to first, unless they
   * have been from the start.
   *
   * @throws EdgemuxError (as a rejection) when `signal` is aborted, or routers could not be asked; the speaker goes on
   */
  async restart(signal: AbortSignal): Promise<void> {
    if (this.#settings.gracefulRestart === undefined) {
      await this.#speaker.prepareRestart({ restartTimeSeconds: RESTART_TIME_SECONDS_DEFAULT }, signal);
    }
    signal.throwIfAborted();
    await this.#speaker.stop({ kind: 'restart' });
    this.#tell({ event: 'stop', how: 'restart' });
  }

  async #change(why: string, next: MuxSpeaker): Promise<void> {
    const before = this.#current;
    requireSpeakable(next.options.peers);
    await this.#speaker.setPeers(next.options.peers);
    const { added, removed, isSame } = difference(before, next);
    // Sessions and BFD have their turn between the two passes over the routes.
    await new Promise(setImmediate);
    if (!isSame) this.#speaker.announce(next.routes);
    this.#current = next;
    this.#tell({
      event: 'reload',
      why,
      peers: next.options.peers.map(({ address }) => address),
      routes: next.routes.length,
      added,
      removed,
      needsRestart: (['as', 'routerId', 'addresses'] as const).filter(
        (key) => JSON.stringify(this.#options[key]) !== JSON.stringify(next.options[key]),
      ),
    });
  }
}

interface Difference {
  /** Routes by prefix. */
  readonly added: number;
  readonly removed: number;
  /** Not even the attributes of a route differ. */
  readonly isSame: boolean;
}

function difference(before: MuxSpeaker, next: MuxSpeaker): Difference {
  const old = new Set(before.routes.map(({ prefix }) => prefix));
  const keptCount = next.routes.filter(({ prefix }) => old.has(prefix)).length;
  return {
    added: next.routes.length - keptCount,
    removed: old.size - keptCount,
    isSame: JSON.stringify(before.routes) === JSON.stringify(next.routes),
  };
}
