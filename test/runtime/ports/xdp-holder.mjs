/** Opens a port in a process of its own, says so or why not, and holds it until it is ended. */
import { Mux } from 'edgemux';
import applianceModule from 'edgemux/appliance-module';
import { parsePortSpec } from '../../../dist/sdk/runtime/node/ports/port-spec.js';
import { attachXdp } from '../../../dist/sdk/runtime/node/ports/xdp-attachment.js';
import { openXdp } from '../../../dist/sdk/runtime/node/ports/xdp-port.js';

const text = process.argv[2];
try {
  const options = { side: 'underlay', queueCount: 1, providerAddresses: [], mtuBytesMin: 0 };
  const attachment = attachXdp(parsePortSpec(text), options);
  const mux = await Mux.load(applianceModule, { portCountMax: 1, chunkBytes: 2048 });
  openXdp(attachment.plans[0], mux.ports);
  attachment.select({ destinations: ['80.80.80.80'], tunnelEnds: [], sources: [], local: [] });
  console.log(`holds ${text}`);
  setInterval(() => {}, 1000);
} catch (error) {
  console.log(error.code, error.message);
}
