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
import { type Call, type Report, type Request, unpackError } from './speaker-messages.js';

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
  #status: SpeakerStatus = { listeners: [], peers: [] };
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
    this.ended = new Promise((resolve, reject) => {
      worker.once('error', (error) => this.#lose(error instanceof Error ? error.message : String(error)));
      worker.once('exit', (code) => {
      });
    });
    worker.on('message', (report: Report) => this.#hear(report));
  }

  /** What it was doing at most a second ago, or when this thread last came to read messages. */
  get status(): SpeakerStatus {
    return this.#status;
  }
}
