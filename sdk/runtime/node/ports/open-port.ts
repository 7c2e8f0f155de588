/** Opening ports on the thread of a data plane, whatever their kind. */
import type { PacketPort, PortMemory } from '../../packet-port.js';
import { openDevicePort } from './device-port.js';
import { openPcapPort } from './pcap-port.js';
import { openSocketPort } from './socket-port.js';
import type { PortPlan } from './types.js';
import { openXdp } from './xdp-port.js';

/**
 * Opens a port by its plan, into the memory of a data plane on this thread.
 *
 * @throws EdgemuxError `ERR_PORT` with one line, as `attachPort`; `ERR_CAPACITY` when the memory has no room for it
 */
export function openPort(plan: PortPlan, memory: PortMemory): PacketPort {
  switch (plan.kind) {
    case 'xdp':
      return openXdp(plan, memory);
    case 'packet':
    case 'udp':
      return openSocketPort(plan, memory);
    case 'tun':
    case 'tap':
      return openDevicePort(plan, memory);
    case 'pcap':
      return openPcapPort(plan, memory);
  }
}
