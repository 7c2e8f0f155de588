/**
 * Reads a fabric while sessions go on: on a thread of its own, because ten thousand VIPs take more than a second to read
 * and compile, and a router that uses BFD gives up on who is silent for a third of one.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { EventRecord } from './events.js';
import type { MuxSpeaker } from './speaker-of-mux.js';

/** What the thread is asked. */
export interface RereadRequest {
  readonly path: string;
  /** resourceId of the MUX. */
  readonly mux: string;
}

/** What the thread answers. */
export type RereadAnswer = { readonly speaker: MuxSpeaker } | { readonly error: EventRecord };

/** Reads what the speaker of a MUX is to be now, or why it cannot be read; `-` was read once and cannot be again. */
export async function reread(request: RereadRequest): Promise<RereadAnswer> {
  if (request.path === '-') return { error: { event: 'error', message: 'standard input cannot be read again' } };
  const worker = new Worker(new URL('./reread-worker.js', import.meta.url), { workerData: request });
  const [answer] = (await once(worker, 'message')) as [RereadAnswer];
  return answer;
}
