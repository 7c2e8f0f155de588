/** The thread of a `DataPlaneThread`: one instance of the data plane with its ports, and the loop between them. */
import { readFileSync } from 'node:fs';
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import applianceModule from 'edgemux/appliance-module';
import type { Capacities } from '../../dataplane/index.js';
import { HostAgent } from '../../host/index.js';
import { Mux } from '../../mux/index.js';
import type { HostProgram, MuxProgram, Program } from '../../program/index.js';
import { openPort } from '../../runtime/node/ports/open-port.js';
import type { PacketPort } from '../../runtime/packet-port.js';
import { packError } from '../crossing-error.js';
import type { DataPlaneCall, DataPlaneReport, DataPlaneRequest, Routes } from './data-plane-messages.js';
import { type PacketLoopParts, runPacketLoop } from './packet-loop.js';
import { Poller } from './poller.js';

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

/** MUX and host agent, as the loop sees them. */
type DataPlane = Pick<Mux, 'ports' | 'processPorts' | 'counters'> & { obey(program: Program): void };

async function load(role: 'mux' | 'host', capacities: Partial<Capacities>): Promise<DataPlane> {
  if (role === 'mux') {
    const mux = await Mux.load(applianceModule, capacities);
    return Object.assign(mux, { obey: (program: Program) => void mux.program(program as MuxProgram) });
  }
  const host = await HostAgent.load(applianceModule, capacities);
  return Object.assign(host, { obey: (program: Program) => host.apply(program as HostProgram) });
}
