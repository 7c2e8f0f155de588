/** The thread of a `DataPlaneThread`: one instance of the data plane, and the loop between its ports. */
import { type MessagePort, workerData } from 'node:worker_threads';
import applianceModule from 'edgemux/appliance-module';
import type { Capacities } from '../../dataplane/index.js';
import { HostAgent } from '../../host/index.js';
import { Mux } from '../../mux/index.js';
import { packError } from '../crossing-error.js';
import { type AnyDataPlane, AttendedDataPlane } from './attended-data-plane.js';
import type { DataPlaneReport } from './data-plane-messages.js';
import { runPacketLoop } from './packet-loop.js';

/** What the thread is started with. */
export interface DataPlaneWorkerData {
  readonly role: 'mux' | 'host';
  readonly capacities: Partial<Capacities>;
  /** Requests come and reports go by it. */
  readonly owner: MessagePort;
  /** The descriptor that wakes the thread. */
  readonly waker: number;
  /** One Int32 that goes up as long as the loop turns. */
  readonly beats: SharedArrayBuffer;
}

const { role, capacities, owner, waker, beats } = workerData as DataPlaneWorkerData;

async function load(): Promise<AttendedDataPlane> {
  const which: AnyDataPlane =
    role === 'mux'
      ? { role, mux: await Mux.load(applianceModule, capacities) }
      : { role, host: await HostAgent.load(applianceModule, capacities) };
  return new AttendedDataPlane(which, { owner, waker, beats: new Int32Array(beats) });
}

const report = (loaded: DataPlaneReport) => owner.postMessage(loaded);
const dataPlane = await load().catch((error) => report({ kind: 'loaded', error: packError(error) }));
if (dataPlane) {
  report({ kind: 'loaded' });
  runPacketLoop(dataPlane);
}
owner.close();
