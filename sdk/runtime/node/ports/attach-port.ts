/** Attaching to interfaces, whatever their kind. */
import { attachDevice } from './device-attachment.js';
import { attachPacket } from './packet-attachment.js';
import { attachPcap } from './pcap-attachment.js';
import type { AttachOptions, PortAttachment, PortSpec } from './types.js';
import { attachUdp } from './udp-attachment.js';
import { attachXdp } from './xdp-attachment.js';

/**
 * Attaches to the interface of a port: makes its device, opens its sockets, loads its programs. No frame is taken from the
 * kernel before `select`. When it cannot be done, nothing is left of it.
 *
 * @throws EdgemuxError `ERR_PORT` with one line: which port, what is wrong, what to do; `ERR_UNSUPPORTED` without Linux or
 *   koffi, which only `pcap` does not need
 * @example
 * ```ts
 * const attachment = await attachPort(parsePortSpec('xdp:up0'), { side: 'underlay', queueCount: 1, … });
 * const port = openPort(attachment.plans[0], mux.ports); // on the thread of the data plane
 * attachment.select({ destinations: ['203.0.113.7'], … });
 * ```
 */
export async function attachPort(spec: PortSpec, options: AttachOptions): Promise<PortAttachment> {
  switch (spec.kind) {
    case 'xdp':
      return attachXdp(spec, options);
    case 'packet':
      return attachPacket(spec, options);
    case 'tun':
    case 'tap':
      return attachDevice(spec, options);
    case 'udp':
      return attachUdp(spec, options);
    case 'pcap':
      return attachPcap(spec, options);
  }
}
