/**
 * `edgemux/node`: the SDK's runtime on Node; packet ports; a speaker and data planes on threads of their own. What the
 * commands `edgemux mux` and `edgemux host` are made of.
 */
export { nodeRuntime } from '../runtime/node/index.js';
export { type InterfaceChange, InterfaceWatch, NextHopTable } from '../runtime/node/netlink/index.js';
export { attachPort } from '../runtime/node/ports/attach-port.js';
export { openPassDevice } from '../runtime/node/ports/device-attachment.js';
export { openPort } from '../runtime/node/ports/open-port.js';
export { parsePortSpec } from '../runtime/node/ports/port-spec.js';
export type { AttachOptions, PortAttachment, PortPlan, PortSpec } from '../runtime/node/ports/types.js';
export {
  type FrameSelection,
  type PacketPort,
  type PortCounters,
  type PortInterface,
  SELECT_NOTHING,
} from '../runtime/packet-port.js';
export type { DataPlaneStats, PortStats, Routes } from './live/data-plane-messages.js';
export { type DataPlaneEvent, type DataPlaneOptions, DataPlaneThread } from './live/data-plane-thread.js';
export { destinationsOf, locate, type Place } from './live/located-program.js';
export { SpeakerThread } from './speaker-thread.js';
