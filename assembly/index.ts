/** Everything the module exports, and nothing else. Numbers only cross this boundary; the rest is in memory (abi.ts). */
import { ABI_VERSION } from './abi';

export { hostExplain, hostProcess } from './host';
export { init } from './layout';
export { muxExplain, muxProcess } from './mux';
export { snatWithdraw } from './snat';
export { addressClear, addressInsert } from './table/address';
export { endpointClear, endpointInsert } from './table/endpoint';
export { flowSweep } from './table/flow-sweep';
export { flowExport, flowImport } from './table/flow-transfer';
export { datagramPurge } from './table/fragment';
export { localAddressInstance, localAddressRules } from './table/local-address';
export { natFlowPurge, natFlowPurgeRetired } from './table/nat-flow-room';
export { nicClear, nicInsert } from './table/nic';
export { pinSweep } from './table/pin';
export { ringBuild } from './table/ring';
export { snatBlockClear, snatBlockInsert } from './table/snat-block';
export { translationClear, translationInsert } from './table/translation';

export function abiVersion(): u32 {
  return ABI_VERSION;
}

/** The first byte the compiler's own statics leave free; the fixed block must lie above it. */
export function heapBase(): u32 {
  return <u32>__heap_base;
}
