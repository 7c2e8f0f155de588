/** A programmed host agent whose memory is open, and what it has in its tables as a file for the yardstick. */
import * as abi from '../assembly/abi.js';
import { writeConfig } from '../sdk/dataplane/config.js';
import { DataPlane } from '../sdk/dataplane/instance.js';
import { HostAddresses } from '../sdk/host/host-addresses.js';
import { NicIndexes } from '../sdk/host/nic-indexes.js';
import { TranslationTable } from '../sdk/host/translation-table.js';
import type { HostProgram } from '../sdk/index.js';
import { HOST_FLOW_COUNT_MAX } from './host-scenario.js';
import { BATCH_FRAME_COUNT, FRAME_BYTES_MAX } from './scenario.js';

const HEADER_BYTES = 64;
const LINE_BYTES = 64;
const HASH_KEY_AT = 32;
const HASH_KEY_BYTES = 16;
const LOCAL_MAC_AT = 48;
const GATEWAY_MAC_AT = 56;
const MAC_BYTES = 6;

const SECTIONS = [
  [abi.REGION_NICS, abi.NIC_BYTES],
  [abi.REGION_TRANSLATIONS, abi.TRANSLATION_BYTES],
] as const;

/** @param program one without IPv6 addresses and SNAT rules */
export async function programmedHost(module: WebAssembly.Module, program: HostProgram): Promise<DataPlane> {
  const dataPlane = await DataPlane.load(module, 'host', {
    flowCountMax: HOST_FLOW_COUNT_MAX,
    batchFrameCountMax: BATCH_FRAME_COUNT,
    frameBytesMax: FRAME_BYTES_MAX,
  });
  const nics = new NicIndexes(dataPlane);
  writeConfig(dataPlane, program.attachment, program.flowHashKey);
  nics.assign(program);
  new TranslationTable(dataPlane, nics, new HostAddresses(dataPlane)).apply(program, false);
  return dataPlane;
}

/**
 * The host tables file; `native/host_tables.c` draws the header a second time.
 *
 *   header of 64 bytes | NICs | translations        each section on a cache line of its own
 *
 *   0           4                   8                   12           16
 *   | NIC count | translation count | flow bucket count | slot bytes |
 *   | headroom bytes | frame bytes max | provider address net | gateway known | hash key 16 | local MAC 8 | gateway MAC 8 |
 *   16               20                24                     28              32            48            56              64
 */
export function encodeHostTables(dataPlane: DataPlane): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  const config = abi.FIXED_CONFIG;
  const numbers = [
    ...SECTIONS.map(([region]) => dataPlane.region(region).count),
    dataPlane.region(abi.REGION_NAT_FLOWS).count,
    dataPlane.plan.slotBytes,
    abi.HEADROOM_BYTES,
    dataPlane.capacities.frameBytesMax,
    dataPlane.view.getUint32(config + abi.CONFIG_PROVIDER_ADDRESS, true),
    dataPlane.view.getUint8(config + abi.CONFIG_GATEWAY_KNOWN),
  ];
  numbers.forEach((number, at) => {
    view.setUint32(4 * at, number, true);
  });
  const copy = (from: number, bytes: number, to: number) =>
    header.set(dataPlane.bytes.subarray(from, from + bytes), to);
  copy(config + abi.CONFIG_HASH_KEY_0, HASH_KEY_BYTES, HASH_KEY_AT);
  copy(config + abi.CONFIG_LOCAL_MAC, MAC_BYTES, LOCAL_MAC_AT);
  copy(config + abi.CONFIG_GATEWAY_MAC, MAC_BYTES, GATEWAY_MAC_AT);
  const sections = SECTIONS.map(([region, itemBytes]) => {
    const { base, count } = dataPlane.region(region);
    const section = new Uint8Array(Math.ceil((count * itemBytes) / LINE_BYTES) * LINE_BYTES);
    section.set(dataPlane.bytes.subarray(base, base + count * itemBytes));
    return section;
  });
  return Buffer.concat([header, ...sections]);
}
