/** The thread of a `SpeakerThread`: one speaker with the runtime of Node, told what to do by messages. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { Speaker, type SpeakerOptions } from '../bgp/index.js';
import { nodeRuntime } from '../runtime/node/index.js';
import { type Call, packError, type Report, type Request } from './speaker-messages.js';

/** How often the owner hears how things are when nothing happens: times and counts go on. */
const STATUS_INTERVAL_MS = 1000;

serve(parentPort!, new Speaker(workerData as SpeakerOptions, nodeRuntime()));

function serve(owner: MessagePort, speaker: Speaker): void {
  const tell = (report: Report) => owner.postMessage(report);
  const tellStatus = () => tell({ kind: 'status', status: speaker.status });
  const calls = new Map<number, AbortController>();

  // A burst of events is one change of the status.
  let isStatusDue = false;
  speaker.subscribe((event) => {
    tell({ kind: 'event', event });
    if (isStatusDue) return;
    isStatusDue = true;
    setImmediate(() => {
      isStatusDue = false;
      tellStatus();
    });
  });
  const ticking = setInterval(tellStatus, STATUS_INTERVAL_MS);

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
    tellStatus();
    tell(report);
    // With nobody to listen to, the thread ends when its last connection has.
    if (call.method !== 'stop') return;
    clearInterval(ticking);
    owner.close();
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
