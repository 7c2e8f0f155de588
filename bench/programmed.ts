/** A programmed data plane whose memory is open: what `Mux` does, without the wall around it. */

import { writeConfig } from '../sdk/dataplane/config.js';
import { DataPlane } from '../sdk/dataplane/instance.js';
import { capacitiesFor, type MuxProgram } from '../sdk/index.js';
import { BackendTable } from '../sdk/mux/backend-table.js';
import { RingTable } from '../sdk/mux/ring-table.js';
import { ServiceTable } from '../sdk/mux/service-table.js';
import { BATCH_FRAME_COUNT, FLOW_COUNT_MAX, FRAME_BYTES_MAX } from './scenario.js';

export async function programmed(module: WebAssembly.Module, program: MuxProgram): Promise<DataPlane> {
  const dataPlane = await DataPlane.load(module, 'mux', {
    ...capacitiesFor(program),
    flowCountMax: FLOW_COUNT_MAX,
    batchFrameCountMax: BATCH_FRAME_COUNT,
    frameBytesMax: FRAME_BYTES_MAX,
  });
  const backends = new BackendTable(dataPlane);
  const rings = new RingTable(dataPlane);
  writeConfig(dataPlane, program.attachment, program.flowHashKey, program.encapsulation);
  backends.apply(program);
  const { keys } = rings.apply(program, backends);
  new ServiceTable(dataPlane).apply(program, backends, rings, keys);
  return dataPlane;
}
