/**
 * Reads a fabric while sessions and packets go on: on a thread of its own, because ten thousand VIPs take more than a
 * second to read and compile, and a router that uses BFD gives up on who is silent for a third of one.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { EventRecord } from './events.js';
import type { Read, Reading } from './readings.js';

/** What the thread is asked. */
export interface RereadRequest<R extends Reading = Reading> {
  readonly path: string;
  readonly reading: R;
  /** resourceId of the MUX or the server. */
  readonly id: string;
}

/** What the thread answers. */
export type RereadAnswer<T> = { readonly value: T } | { readonly error: EventRecord };

/** Reads what a machine is to be now, or why that cannot be read; `-` was read once and cannot be again. */
export async function reread<R extends Reading>(request: RereadRequest<R>): Promise<RereadAnswer<Read<R>>> {
  if (request.path === '-') return { error: { event: 'error', message: 'standard input cannot be read again' } };
  const worker = new Worker(new URL('./reread-worker.js', import.meta.url), { workerData: request });
  const [answer] = (await once(worker, 'message')) as [RereadAnswer<Read<R>>];
  return answer;
}
