/** The host agent itself: one call of `hostProcess` on the slots of its linear memory. */
import * as abi from '../../assembly/abi.js';
import { programmedHost } from '../host-programmed.js';
import { hostProgram } from '../host-scenario.js';
import type { Implementation } from './implementation.js';
import { Slots } from './slots.js';

const NAT_COUNTERS = [abi.COUNTER_NAT_FLOW_INSERTS, abi.COUNTER_NAT_FLOW_EXPIRED, abi.COUNTER_NAT_FLOW_EVICTED];

export async function edgemuxHost(module: WebAssembly.Module): Promise<Implementation> {
  const dataPlane = await programmedHost(module, hostProgram());
  const { bytes, view, exports } = dataPlane;
  const slots = Slots.of(dataPlane);
  const counter = (address: number) => Number(view.getBigUint64(address, true));
  return {
    slots,
    process: exports.hostProcess,
    outcome: (index) => slots.outcome(index),
    counters: () => [
      counter(abi.FIXED_VERDICT_COUNTERS + 8 * abi.VERDICT_DELIVER),
      counter(abi.FIXED_VERDICT_COUNTERS + 8 * abi.VERDICT_REPLY),
      ...NAT_COUNTERS.map((at) => counter(abi.FIXED_COUNTERS + 8 * at)),
    ],
    buildRing: () => {
      throw new Error('a host agent has no rings');
    },
    reset: () => {
      const { base, count } = dataPlane.region(abi.REGION_NAT_FLOWS);
      bytes.fill(0, base, base + count * abi.NAT_FLOW_BUCKET_BYTES);
      bytes.fill(0, abi.FIXED_VERDICT_COUNTERS, abi.FIXED_PARSED);
    },
  };
}
