/** Starts and reads the processes of traffic.mjs. */
import { fileURLToPath } from 'node:url';
import type { LabProcess } from './lab-process.js';
import { type MuxPlace, type Topology, VIP4, VIP6 } from './topology.js';

const PROGRAM = fileURLToPath(new URL('traffic.mjs', import.meta.url));
const FLOW_COUNT = 8;
const INTERVAL_MS = 10;

/** What became of the datagrams. */
export interface TrafficSummary {
  readonly sentCount: number;
  readonly lostCount: number;
  /** The longest time a flow went without an answer, from the last datagram that was answered to the last that was not. */
  readonly outageMs: number;
  /** Answers by number of the MUX. */
  readonly byMux: Readonly<Record<string, number>>;
}

/** Starts what answers in the place of a data plane, which lives and dies apart from the BGP speaker of its MUX. */
export function startDataPlane({ lab }: Topology, { namespace, number }: MuxPlace): LabProcess {
  const command = [process.execPath, PROGRAM, 'answer', String(number), VIP4, VIP6];
  return lab.spawn(namespace, `data-plane-${number}`, command);
}

/** Starts eight flows from the client to a VIP, a datagram each every 10 ms; the function returned ends them. */
export function startTraffic({ lab, client }: Topology, vip: string): () => Promise<TrafficSummary> {
  const command = [process.execPath, PROGRAM, 'ask', vip, String(FLOW_COUNT), String(INTERVAL_MS)];
  const asking = lab.spawn(client, 'traffic', command);
  let summary = '';
  asking.onLine = (line) => {
    summary = line;
  };
  return async () => {
    asking.endInput();
    await asking.ended;
    return JSON.parse(summary);
  };
}
