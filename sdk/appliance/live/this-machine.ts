/** The machine this process runs on. Linux, through koffi. */
import { DataPlaneThread, SpeakerThread } from '../../node/index.js';
import {
  addDeviceRoute,
  InterfaceWatch,
  NextHopTable,
  removeDeviceRoute,
  withNetlink,
} from '../../runtime/node/netlink/index.js';
import { attachPort } from '../../runtime/node/ports/attach-port.js';
import { openPassDevice } from '../../runtime/node/ports/device-attachment.js';
import type { PortAttachment } from '../../runtime/node/ports/types.js';
import type { LiveSystem } from './system.js';

export const thisMachine: LiveSystem = {
  async attachPort(spec, options) {
    const attachment = await attachPort(spec, options);
    return spec.kind === 'tun' && options.side === 'underlay' ? routedInto(attachment) : attachment;
  },
  openPassDevice,
  openNextHops: () => new NextHopTable(),
  openInterfaces() {
    const watch = new InterfaceWatch();
    return {
      named: (name) => watch.named(name),
      subscribe: (listener) => watch.subscribe(() => listener()),
      close: () => watch.close(),
    };
  },
  startDataPlane: (options) => DataPlaneThread.start(options),
  startSpeaker: (options, listener) => SpeakerThread.start(options, listener),
};

/** Into a device the kernel has to route what is to be taken by it. The routes are gone when the device is. */
function routedInto(attachment: PortAttachment): PortAttachment {
  const device = attachment.interface?.name ?? '';
  let routed: readonly string[] = [];
  return {
    ...attachment,
    select(selection) {
      attachment.select(selection);
      const { destinations } = selection;
      const before = new Set(routed);
      const after = new Set(destinations);
      withNetlink((netlink) => {
        for (const address of destinations) if (!before.has(address)) addDeviceRoute(netlink, address, device);
        for (const address of routed) if (!after.has(address)) removeDeviceRoute(netlink, address, device);
      });
      routed = destinations;
    },
  };
}
