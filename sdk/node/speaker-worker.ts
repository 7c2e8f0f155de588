/** The thread of a `SpeakerThread`: one speaker with the runtime of Node, told what to do by messages. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { Speaker, type SpeakerEvent, type SpeakerOptions } from '../bgp/index.js';
import { nodeRuntime } from '../runtime/node/index.js';
import { packError } from './crossing-error.js';
import type { Call, Report, Request } from './speaker-messages.js';

/** How often the owner hears how things are when nothing happens: times and counts go on. */
const STATUS_INTERVAL_MS = 1000;

serve(parentPort!, new Speaker(workerData as SpeakerOptions, nodeRuntime()));

function serve(owner: MessagePort, speaker: Speaker): void {
  const tell = (report: Report) => owner.postMessage(report);
  const calls = new Map<number, AbortController>();

  // Events wait for the end of this turn of the event loop: a burst of them goes with one status, and that is one in
  // which all of them have happened.
  let events: SpeakerEvent[] = [];
  const tellNews = () => {
    tell({ kind: 'news', status: speaker.status, events });
    events = [];
  };
  speaker.subscribe((event) => {
    if (events.push(event) === 1) setImmediate(tellNews);
  });
  const ticking = setInterval(tellNews, STATUS_INTERVAL_MS);

  async function answer(id: number, call: Call): Promise<void> {
    const controller = new AbortController();
    calls.set(id, controller);
    let report: Report = { kind: 'answer', id };
    try {
      await perform(speaker, call, controller.signal);
    } catch (error) {
      report = { ...report, error: packError(error) };
    }
    calls.delete(id);
    tellNews();
    tell(report);
    if (call.method !== 'stop') return;
    // With nobody to listen to, the thread ends when its last connection has.
    clearInterval(ticking);
    owner.unref();
  }

  owner.on('message', (request: Request) => {
    if (request.kind === 'announce') speaker.announce(request.routes);
    else if (request.kind === 'abort') calls.get(request.id)?.abort();
    else void answer(request.id, request.call);
  });
}

function perform(speaker: Speaker, call: Call, signal: AbortSignal): Promise<void> {
  switch (call.method) {
    case 'start':
      return speaker.start();
    case 'setPeers':
      return speaker.setPeers(call.peers);
    case 'prepareRestart':
      return speaker.prepareRestart(call, signal);
    case 'stop':
      return speaker.stop(call.how);
  }
}
