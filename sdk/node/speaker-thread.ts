/** A BGP speaker on a thread of its own, so that its sessions live whatever the caller's thread is busy with. */
import { Worker } from 'node:worker_threads';
import {
  checkSpeakerOptions,
  type GracefulRestartOptions,
  type PeerOptions,
  type Route,
  resolveRoutes,
  type Speaker,
  type SpeakerEvent,
  type SpeakerOptions,
  type SpeakerStatus,
  type StopHow,
} from '../bgp/index.js';
import { EdgemuxError } from '../errors.js';
import { unpackError } from './crossing-error.js';
import type { Call, Report, Request } from './speaker-messages.js';

type SpeakerMethods = Pick<Speaker, 'status' | 'subscribe' | 'announce' | 'setPeers' | 'prepareRestart' | 'stop'>;

interface Waiting {
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * A speaker in a worker thread, with `nodeRuntime()`. Its methods are those of `Speaker`; events and status arrive by
 * message, so they are seen when the caller's thread comes to it.
 *
 * @example
 * ```ts
 * const speaker = await SpeakerThread.start({ as: 64512, routerId: '10.0.0.4', addresses: {}, peers });
 * speaker.announce([{ prefix: '203.0.113.7/32' }]);
 * speaker.ended.catch((error) => console.error(error.message));
 * …
 * await speaker.stop({ kind: 'drain', text: 'maintenance until 18:00' });
 * ```
 */
export class SpeakerThread implements SpeakerMethods {
  /**
   * Settled when the thread is gone: resolved after `stop`, else rejected with `ERR_SPEAKER_LOST`. The sessions are gone
   * then too, and where nobody handles that, the process ends as with every unhandled rejection.
   */
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #listening = new Set<(event: SpeakerEvent) => void>();
  readonly #waiting = new Map<number, Waiting>();
  #callCount = 0;
  /** What was announced last: routes that stay are not read again on this thread, which has packets to attend to. */
  #wanted: ReturnType<typeof resolveRoutes> | undefined;
  #status: SpeakerStatus = { listeners: [], peers: [] };
  #stopped: Promise<void> | undefined;
  /** Why the thread takes no more calls. */
  #lost: EdgemuxError | undefined;

  /**
   * Starts the thread, and the speaker on it.
   *
   * @param listener subscribed from the very first event on
   * @throws EdgemuxError (as a rejection) `ERR_SPEAKER_INVALID`, `ERR_SOCKET` and `ERR_UNSUPPORTED` as `Speaker`,
   *   `ERR_SPEAKER_LOST`; then there is no thread
   */
  static async start(options: SpeakerOptions, listener?: (event: SpeakerEvent) => void): Promise<SpeakerThread> {
    checkSpeakerOptions(options);
    const thread = new SpeakerThread(options);
    if (listener) thread.subscribe(listener);
    try {
      await thread.#call({ method: 'start' });
    } catch (error) {
      thread.ended.catch(() => {});
      await thread.#worker.terminate();
      throw error;
    }
    return thread;
  }

  private constructor(options: SpeakerOptions) {
    const worker = new Worker(new URL('./speaker-worker.js', import.meta.url), { workerData: options });
    this.#worker = worker;
    worker.on('message', (report: Report) => this.#hear(report));
    worker.once('error', (error) => this.#lose(String(error instanceof Error ? error.message : error)));
    this.ended = new Promise((resolve, reject) => {
      worker.once('exit', (exitCode) => {
        this.#lose(`it ended with exit code ${exitCode}`);
        if (this.#stopped) resolve();
        else reject(this.#lost);
      });
    });
  }

  /** What it was doing at most a second ago, or when this thread last came to read messages. */
  get status(): SpeakerStatus {
    return this.#status;
  }

  /** As `Speaker.subscribe`. */
  subscribe(listener: (event: SpeakerEvent) => void): () => void {
    this.#listening.add(listener);
    return () => this.#listening.delete(listener);
  }

  /**
   * As `Speaker.announce`; the routes are read before it returns.
   *
   * @throws EdgemuxError `ERR_ROUTES_INVALID` with every problem, and then nothing has changed; `ERR_SPEAKER_LOST`
   */
  announce(routes: Iterable<Route>): void {
    if (this.#lost) throw this.#lost;
    const wanted = [...routes];
    this.#wanted = resolveRoutes(wanted, this.#wanted);
    this.#ask({ kind: 'announce', routes: wanted });
  }

  /** As `Speaker.setPeers`. */
  setPeers(peers: readonly PeerOptions[]): Promise<void> {
    return this.#call({ method: 'setPeers', peers });
  }

  /** As `Speaker.prepareRestart`. */
  prepareRestart(
    { restartTimeSeconds }: Pick<GracefulRestartOptions, 'restartTimeSeconds'>,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#call({ method: 'prepareRestart', restartTimeSeconds }, signal);
  }

  /** As `Speaker.stop`; the thread then ends by itself, and is good for nothing more. */
  stop(how?: StopHow): Promise<void> {
    this.#stopped ??= this.#call({ method: 'stop', how });
    return this.#stopped;
  }

  async #call(call: Call, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#lost) throw this.#lost;
    if (this.#stopped) throw new EdgemuxError('ERR_SPEAKER_LOST', 'the speaker has been stopped');
    const id = this.#callCount++;
    const abort = () => this.#ask({ kind: 'abort', id });
    signal?.addEventListener('abort', abort);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        this.#ask({ kind: 'call', id, call });
      });
    } catch (error) {
      // The reason stays on this side; the thread only knows that there is one.
      throw signal?.aborted ? signal.reason : error;
    } finally {
      this.#waiting.delete(id);
      signal?.removeEventListener('abort', abort);
    }
  }

  #ask(request: Request): void {
    this.#worker.postMessage(request);
  }

  #hear(report: Report): void {
    if (report.kind === 'answer') {
      const waiting = this.#waiting.get(report.id);
      if (report.error === undefined) waiting?.resolve();
      else waiting?.reject(unpackError(report.error));
      return;
    }
    this.#status = report.status;
    for (const event of report.events) for (const listener of this.#listening) tell(listener, event);
  }

  #lose(why: string): void {
    this.#lost ??= new EdgemuxError('ERR_SPEAKER_LOST', `the speaker's thread is gone: ${why}`);
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
  }
}

/** A listener that fails is its owner's affair: the others are told all the same. */
function tell(listener: (event: SpeakerEvent) => void, event: SpeakerEvent): void {
  try {
    listener(event);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
