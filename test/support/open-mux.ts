/** A MUX whose memory is open: what lies in its flow table, and what its gauges say. */
import muxModule from 'edgemux/mux-module';
import * as abi from '../../assembly/abi.js';
import { DataPlane } from '../../sdk/dataplane/instance.js';
import type { Capacities } from '../../sdk/dataplane/plan.js';
import { Mux } from '../../sdk/mux/mux.js';

export type FlowStateName = 'half-open' | 'seen-once' | 'seen-twice' | 'trusted' | 'closing' | 'reset';

const STATES: Readonly<Record<number, FlowStateName>> = {
  [abi.FLOW_HALF_OPEN]: 'half-open',
  [abi.FLOW_SEEN_ONCE]: 'seen-once',
  [abi.FLOW_SEEN_TWICE]: 'seen-twice',
  [abi.FLOW_TRUSTED]: 'trusted',
  [abi.FLOW_CLOSING]: 'closing',
  [abi.FLOW_RESET]: 'reset',
};

/** One way of the table that is taken. */
export interface Flow {
  readonly bucket: number;
  /** The bytes of the key, as they lie in memory. */
  readonly key: string;
  readonly service: number;
  readonly backend: number;
  readonly generation: number;
  readonly flowClass: number;
  readonly state: FlowStateName;
  readonly ticks: number;
}

export interface OpenMux {
  readonly mux: Mux;
  readonly dataPlane: DataPlane;
}

/** Loads a MUX, and catches the data plane it makes on its way. */
export async function openMux(capacities: Partial<Capacities> = {}): Promise<OpenMux> {
  const original = DataPlane.load;
  let dataPlane: DataPlane | undefined;
  DataPlane.load = async (...parameters) => {
    dataPlane = await original.apply(DataPlane, parameters);
    return dataPlane;
  };
  try {
    return { mux: await Mux.load(muxModule, capacities), dataPlane: dataPlane as unknown as DataPlane };
  } finally {
    DataPlane.load = original;
  }
}

/** Every flow in the table, dead ones too, by bucket and way. */
export function flowsIn({ dataPlane }: OpenMux): Flow[] {
  const { base, count } = dataPlane.region(abi.REGION_FLOWS);
  const flows: Flow[] = [];
  for (let bucket = 0; bucket < count; bucket++) {
    for (let way = 0; way < abi.FLOW_WAYS; way++) {
      const at = base + bucket * abi.FLOW_BUCKET_BYTES + way * 8;
      const value = dataPlane.view.getBigUint64(at + abi.FLOW_VALUES, true);
      if (value === 0n) continue;
      const field = (shift: number, bits: number) => Number((value >> BigInt(shift)) & ((1n << BigInt(bits)) - 1n));
      flows.push({
        bucket,
        key: Buffer.from(dataPlane.bytes.slice(at, at + 8)).toString('hex'),
        service: field(0, 16),
        backend: field(abi.FLOW_BACKEND_SHIFT, 16),
        generation: field(abi.FLOW_GENERATION_SHIFT, 8),
        flowClass: field(abi.FLOW_CLASS_SHIFT, 2),
        state: STATES[field(abi.FLOW_STATE_SHIFT, 3)],
        ticks: field(abi.FLOW_TICKS_SHIFT, 19),
      });
    }
  }
  return flows;
}

/** The gauges as they should be: counted. */
export function countedGauges(open: OpenMux): { trusted: number; untrusted: number } {
  const flows = flowsIn(open);
  const trusted = flows.filter(({ state }) => state === 'trusted').length;
  return { trusted, untrusted: flows.length - trusted };
}

/** The gauges as the MUX keeps them. */
export function gauges({ mux }: OpenMux): { trusted: number; untrusted: number } {
  const { trusted, untrusted } = mux.counters().flows;
  return { trusted, untrusted };
}
