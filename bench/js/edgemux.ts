/** The MUX itself: one call of `muxProcess` on the slots of its linear memory, as packet ports make it. */
import * as abi from '../../assembly/abi.js';
import type { DataPlane } from '../../sdk/dataplane/instance.js';
import { programmed } from '../programmed.js';
import { benchProgram } from '../scenario.js';
import { FLOW_COUNTERS, type Implementation } from './implementation.js';
import type { Member } from './ring.js';
import { Slots } from './slots.js';

export async function edgemux(module: WebAssembly.Module): Promise<Implementation> {
  const dataPlane = await programmed(module, benchProgram());
  const { bytes, view, exports } = dataPlane;
  const slots = Slots.of(dataPlane);
  const counter = (address: number) => Number(view.getBigUint64(address, true));
  return {
    slots,
    process: exports.muxProcess,
    outcome: (index) => slots.outcome(index),
    counters: () => [
      counter(abi.FIXED_VERDICT_COUNTERS + 8 * abi.VERDICT_FORWARD),
      ...FLOW_COUNTERS.map((at) => counter(abi.FIXED_COUNTERS + 8 * at)),
    ],
    buildRing: (members, slotCount) => buildRing(dataPlane, members, slotCount),
    reset: () => {
      const { base, count } = dataPlane.region(abi.REGION_FLOWS);
      bytes.fill(0, base, base + count * abi.FLOW_BUCKET_BYTES);
      bytes.fill(0, abi.FIXED_VERDICT_COUNTERS, abi.FIXED_PARSED);
    },
  };
}

/** Builds it in place of the program's. */
function buildRing(dataPlane: DataPlane, members: readonly Member[], slotCount: number): Uint16Array {
  const { view } = dataPlane;
  let address = dataPlane.region(abi.REGION_RING_MEMBERS).base;
  for (const { offset, skip, backend } of members) {
    view.setUint32(address + abi.RING_MEMBER_OFFSET, offset, true);
    view.setUint32(address + abi.RING_MEMBER_SKIP, skip, true);
    view.setUint32(address + abi.RING_MEMBER_WEIGHT, 1, true);
    view.setUint32(address + abi.RING_MEMBER_TURN, 0, true);
    view.setUint32(address + abi.RING_MEMBER_BACKEND, backend, true);
    address += abi.RING_MEMBER_BYTES;
  }
  const { base } = dataPlane.region(abi.REGION_RINGS);
  dataPlane.exports.ringBuild(base, slotCount, members.length);
  return new Uint16Array(dataPlane.bytes.buffer, base, slotCount);
}
