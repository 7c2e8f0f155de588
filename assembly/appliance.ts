/** The data plane with packet ports: everything index.ts exports, and what walks rings and messages in linear memory. */
export * from './index';
export { portSent } from './port/departure';
export { portFrameRoom, portTakeFrame } from './port/frame';
export { portTakeMessages } from './port/message';
export { portClose, portInit, portOpen } from './port/open';
export { freeChunkCount as portFreeChunkCount } from './port/pool';
export { portProcessHost, portProcessMux } from './port/process';
export { portPendingEntries, portStartRings, portTakeRing } from './port/ring';
