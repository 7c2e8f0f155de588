/** A data plane on a thread of its own, with packet ports: frames come and leave there, and nowhere else. */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { Capacities } from '../../dataplane/index.js';
import { EdgemuxError } from '../../errors.js';
import type { Program } from '../../program/index.js';
import type { PortPlan } from '../../runtime/node/ports/types.js';
import { unpackError } from '../crossing-error.js';
import type {
  DataPlaneCall,
  DataPlaneReport,
  DataPlaneRequest,
  DataPlaneStats,
  Routes,
} from './data-plane-messages.js';
import type { DataPlaneWorkerData } from './data-plane-worker.js';
import { closeWaker, openWaker, wake } from './poller.js';

/** What a data plane thread is to be. */
export interface DataPlaneOptions {
  readonly role: 'mux' | 'host';
  /** As for `Mux.load` and `HostAgent.load`, but that `portCountMax` is 4 by default: ports are what the thread is for. */
  readonly capacities?: Partial<Capacities>;
}

const PORT_COUNT_MAX_DEFAULT = 4;

/** Something its owner did not ask for. */
export type DataPlaneEvent =
  /** How much it has done; once a second. */
  | { readonly kind: 'stats'; readonly stats: DataPlaneStats }
  /** A port does nothing any more, and waits to be closed: its interface has gone. */
  | { readonly kind: 'lost'; readonly port: string; readonly error: unknown }
  /** Every port has come to the end of its capture. */
  | { readonly kind: 'end' };

/** A thread that does not stop within this time is ended by force. */
const STOP_MS = 2000;

interface Waiting {
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * A MUX or a host agent on a worker thread, between its packet ports. Calls are obeyed in order, between two batches.
 *
 * @example
 * ```ts
 * const program = compile(fabric).forMux('mux-1');
 * const attachment = await attachPort(parsePortSpec('xdp:up0'), { side: 'underlay', queueCount: 1, … });
 * const thread = await DataPlaneThread.start({ role: 'mux', capacities: { chunkBytes: 2048 } });
 * for (const plan of attachment.plans) await thread.openPort(plan);
 * await thread.program(program);
 * attachment.select({ ...SELECT_NOTHING, destinations: program.vips });
 * thread.ended.catch((error) => console.error(error.message));
 * …
 * await thread.stop();
 * attachment.close();
 * ```
 */
export class DataPlaneThread {
  /**
   * Settled when the thread is gone: resolved after `stop`, else rejected with `ERR_THREAD_LOST`. Where nobody handles
   * that, the process ends as with every unhandled rejection.
   */
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #thread: MessagePort;
  readonly #waker: number;
  readonly #beats = new Int32Array(new SharedArrayBuffer(4));
  readonly #listening = new Set<(event: DataPlaneEvent) => void>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #loaded: Promise<void>;
  #callCount = 0;
  #stats: DataPlaneStats | undefined;
  #stopped: Promise<void> | undefined;
  /** Why the thread takes no more calls. */
  #lost: EdgemuxError | undefined;

  /**
   * Starts the thread, and loads the data plane on it.
   *
   * @throws EdgemuxError (as a rejection) `ERR_UNSUPPORTED` without Linux or koffi; what `Mux.load` and `HostAgent.load`
   *   throw; `ERR_THREAD_LOST`; then there is no thread
   */
  static async start(options: DataPlaneOptions): Promise<DataPlaneThread> {
    const thread = new DataPlaneThread(options);
    try {
      await thread.#loaded;
    } catch (error) {
      thread.ended.catch(() => {});
      await thread.#worker.terminate();
      throw error;
    }
    return thread;
  }

  private constructor({ role, capacities: wanted = {} }: DataPlaneOptions) {
    const capacities = { portCountMax: PORT_COUNT_MAX_DEFAULT, ...wanted };
    const { port1, port2 } = new MessageChannel();
    this.#waker = openWaker();
    this.#thread = port1;
    const beats = this.#beats.buffer as SharedArrayBuffer;
    const workerData: DataPlaneWorkerData = { role, capacities, owner: port2, waker: this.#waker, beats };
    const worker = new Worker(new URL('./data-plane-worker.js', import.meta.url), {
      workerData,
      transferList: [port2],
    });
    this.#worker = worker;
    let loaded: Waiting = { resolve() {}, reject() {} };
    this.#loaded = new Promise((resolve, reject) => {
      loaded = { resolve, reject };
    });
    const hear = (report: DataPlaneReport) => {
      if (report.kind !== 'loaded') this.#hear(report);
      else if (report.error === undefined) loaded.resolve();
      else loaded.reject(unpackError(report.error));
    };
    port1.on('message', hear);
    worker.once('error', (error) => this.#lose(String(error instanceof Error ? error.message : error)));
    this.ended = new Promise((resolve, reject) => {
      worker.once('exit', (exitCode) => {
        // Its last words may be on their way still.
        for (let last = receiveMessageOnPort(port1); last; last = receiveMessageOnPort(port1)) hear(last.message);
        port1.close();
        closeWaker(this.#waker);
        this.#lose(`it ended with exit code ${exitCode}`);
        loaded.reject(this.#lost);
        if (this.#stopped) resolve();
        else reject(this.#lost);
      });
    });
  }

  /** What it had done at most a second ago; `undefined` before it has said so for the first time. */
  get stats(): DataPlaneStats | undefined {
    return this.#stats;
  }

  /** Goes up, at least once a second, as long as the thread does its work; from 2,147,483,647 to the lowest Int32. */
  get beatCount(): number {
    return this.#beats[0];
  }

  /** Tells of every event from now on; what is returned ends that. */
  subscribe(listener: (event: DataPlaneEvent) => void): () => void {
    this.#listening.add(listener);
    return () => this.#listening.delete(listener);
  }

  /**
   * As `Mux.program` and `HostAgent.apply`.
   *
   * @throws EdgemuxError (as a rejection) what those throw; the old program then stays in force
   */
  program(program: Program): Promise<void> {
    return this.#call({ method: 'program', program });
  }

  /**
   * Opens a port that has been attached to; one of several queues is opened once for each that this thread is to serve.
   *
   * @throws EdgemuxError (as a rejection) `ERR_PORT`, `ERR_CAPACITY`
   */
  openPort(plan: PortPlan): Promise<void> {
    return this.#call({ method: 'openPort', plan });
  }

  /** Closes the port of that name, all its queues on this thread; nothing happens when there is none. */
  closePort(name: string): Promise<void> {
    return this.#call({ method: 'closePort', name });
  }

  /** Says where frames go; names of ports that are not open are left out. */
  route(routes: Routes): Promise<void> {
    return this.#call({ method: 'route', routes });
  }

  /** Closes the ports and ends the thread, which is good for nothing more; by force when it does not answer. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    if (this.#lost) return;
    const forcing = setTimeout(() => void this.#worker.terminate(), STOP_MS);
    // What goes wrong on the last way is nobody's concern any more.
    await this.#ask({ method: 'stop' }).catch(() => {});
    await this.ended.catch(() => {});
    clearTimeout(forcing);
  }

  #call(call: DataPlaneCall): Promise<void> {
    if (this.#stopped) return Promise.reject(new EdgemuxError('ERR_THREAD_LOST', 'the data plane has been stopped'));
    return this.#ask(call);
  }

  async #ask(call: DataPlaneCall): Promise<void> {
    if (this.#lost) throw this.#lost;
    const id = this.#callCount++;
    const request: DataPlaneRequest = { id, call };
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        this.#thread.postMessage(request);
        wake(this.#waker);
      });
    } finally {
      this.#waiting.delete(id);
    }
  }

  #hear(report: Exclude<DataPlaneReport, { readonly kind: 'loaded' }>): void {
    switch (report.kind) {
      case 'answer': {
        const waiting = this.#waiting.get(report.id);
        if (report.error === undefined) waiting?.resolve();
        else waiting?.reject(unpackError(report.error));
        return;
      }
      case 'stats':
        this.#stats = report.stats;
        this.#tell(report);
        return;
      case 'lost':
        this.#tell({ ...report, error: unpackError(report.error) });
        return;
      case 'end':
        this.#tell(report);
    }
  }

  #tell(event: DataPlaneEvent): void {
    for (const listener of this.#listening) listener(event);
  }

  #lose(why: string): void {
    this.#lost ??= new EdgemuxError('ERR_THREAD_LOST', `the thread of the data plane is gone: ${why}`);
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
  }
}
