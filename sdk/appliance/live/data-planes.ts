/** The data plane threads of a role, one per queue, treated as one. */
import type { Capacities } from '../../dataplane/index.js';
import type { Routes } from '../../node/index.js';
import type { Program } from '../../program/index.js';
import type { PortAttachment } from '../../runtime/node/ports/types.js';
import type { LiveDataPlane, LiveSystem } from './system.js';
import { type Totals, totalsOf } from './totals.js';
import { type WatchdogListener, watchBeats } from './watchdog.js';

/** What threads tell without having been asked. */
export interface DataPlanesListener extends WatchdogListener {
  /** A port of a thread does nothing any more. */
  lost(port: string, error: unknown): void;
  /** Every port of every thread has come to the end of its capture. */
  end(): void;
}

/** Threads with the same program, each with its queue of every port. */
export class DataPlanes {
  readonly #threads: readonly LiveDataPlane[];
  #unwatch = () => {};

  /** @throws EdgemuxError what starting one throws; then there is none */
  static async start(
    system: LiveSystem,
    role: 'mux' | 'host',
    count: number,
    capacities: Partial<Capacities>,
  ): Promise<DataPlanes> {
    const threads: LiveDataPlane[] = [];
    try {
      // One after the other: each compiles the module, and the machine may have one processor.
      while (threads.length < count) threads.push(await system.startDataPlane({ role, capacities }));
    } catch (error) {
      await Promise.all(threads.map((thread) => thread.stop()));
      throw error;
    }
    return new DataPlanes(threads);
  }

  private constructor(threads: readonly LiveDataPlane[]) {
    this.#threads = threads;
    this.ended = Promise.all(threads.map(({ ended }) => ended)).then(() => {});
    // Whoever wants to know asks; nobody has to.
    this.ended.catch(() => {});
  }

  /** Rejected when a thread has died. */
  readonly ended: Promise<void>;

  get count(): number {
    return this.#threads.length;
  }

  /** Tells what happens to the threads, from now on. */
  watch(listener: DataPlanesListener): void {
    const atEnd = new Set<LiveDataPlane>();
    for (const thread of this.#threads) {
      thread.subscribe((event) => {
        if (event.kind === 'lost') listener.lost(event.port, event.error);
        if (event.kind === 'end' && atEnd.add(thread).size === this.#threads.length) listener.end();
      });
    }
    this.#unwatch = watchBeats(this.#threads, listener);
  }

  /** @throws EdgemuxError what `DataPlaneThread.program` throws: then it does of every thread, which have equal room */
  async program(program: Program): Promise<void> {
    await this.#each((thread) => thread.program(program));
  }

  /** Opens the queues of a port, in turn on each thread; when one of them cannot be opened, none is. */
  async openPort({ name, plans }: PortAttachment): Promise<void> {
    try {
      await this.#each(async (thread, number) => {
        for (const [queue, plan] of plans.entries()) if (queue % this.count === number) await thread.openPort(plan);
      });
    } catch (error) {
      await this.closePort(name);
      throw error;
    }
  }

  async closePort(name: string): Promise<void> {
    await this.#each((thread) => thread.closePort(name));
  }

  async route(routes: Routes): Promise<void> {
    await this.#each((thread) => thread.route(routes));
  }

  /** What all of them have counted, as they said a second ago at most. */
  totals(): Totals {
    return totalsOf(this.#threads.flatMap(({ stats }) => stats ?? []));
  }

  async stop(): Promise<void> {
    this.#unwatch();
    await this.#each((thread) => thread.stop());
  }

  /** All at once; when some fail, waits for the others before it throws. */
  async #each(action: (thread: LiveDataPlane, number: number) => Promise<void>): Promise<void> {
    const results = await Promise.allSettled(this.#threads.map(action));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
}
