/** A programmed data plane whose memory is open: what `Mux` does, without the wall around it. */

import * as abi from '../assembly/abi.js';
import { writeConfig } from '../sdk/dataplane/config.js';
import { DataPlane } from '../sdk/dataplane/instance.js';
import { type Capacities, capacitiesFor, type MuxProgram } from '../sdk/index.js';
import { BackendTable } from '../sdk/mux/backend-table.js';
import { fittingBytes } from '../sdk/mux/fitting.js';
import { RingTable } from '../sdk/mux/ring-table.js';
import { ServiceTable } from '../sdk/mux/service-table.js';
import { BATCH_FRAME_COUNT, FLOW_COUNT_MAX, FRAME_BYTES_MAX } from './scenario.js';

export interface OpenMux {
  readonly dataPlane: DataPlane;
  program(program: MuxProgram): void;
}

/** A MUX with room for the bench's flows and frames, and for this program; or what else is asked for. */
export async function openMux(
  module: WebAssembly.Module,
  program: MuxProgram,
  room: Partial<Capacities> = {},
): Promise<OpenMux> {
  const dataPlane = await DataPlane.load(module, 'mux', {
    ...capacitiesFor(program),
    flowCountMax: FLOW_COUNT_MAX,
    batchFrameCountMax: BATCH_FRAME_COUNT,
    frameBytesMax: FRAME_BYTES_MAX,
    ...room,
  });
  const backends = new BackendTable(dataPlane);
  const rings = new RingTable(dataPlane);
  const services = new ServiceTable(dataPlane);
  const mux: OpenMux = {
    dataPlane,
    program(next) {
      writeConfig(dataPlane, next.attachment, next.flowHashKey, next.encapsulation);
      dataPlane.view.setUint32(abi.FIXED_CONFIG + abi.CONFIG_FITTING_BYTES, fittingBytes(next), true);
      backends.apply(next);
      const { keys } = rings.apply(next, backends);
      services.apply(next, backends, rings, keys);
    },
  };
  mux.program(program);
  return mux;
}

export async function programmed(module: WebAssembly.Module, program: MuxProgram): Promise<DataPlane> {
  return (await openMux(module, program)).dataPlane;
}
