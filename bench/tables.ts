/**
 * The tables file: what one programmed MUX has in its memory, for the implementations that are compared with it, so
 * that all of them look up the same bytes. `native/tables.c` draws the header a second time.
 *
 *   header of 64 bytes | endpoints | services | backends | ring slots        each section on a cache line of its own
 *
 *   0                4              8              12               16           20                 24
 *   | endpoint count | service count | backend count | ring slot count | rings base | flow bucket count |
 *   | slot bytes     | headroom bytes | frame bytes max | VLAN TCI net | hash key 16 | trusted max | untrusted max |
 *   24               28               32                36             40            56            60              64
 */
import * as abi from '../assembly/abi.js';
import type { DataPlane } from '../sdk/dataplane/instance.js';

const HEADER_BYTES = 64;
const LINE_BYTES = 64;
const HASH_KEY_AT = 40;
const HASH_KEY_BYTES = 16;
const TRUSTED_MAX_AT = 56;
const UNTRUSTED_MAX_AT = 60;

/** The sections, in their order in the file: region, bytes per item. */
const SECTIONS = [
  [abi.REGION_ENDPOINTS, abi.ENDPOINT_BYTES],
  [abi.REGION_SERVICES, abi.SERVICE_BYTES],
  [abi.REGION_BACKENDS, abi.BACKEND_BYTES],
  [abi.REGION_RINGS, 2],
] as const;

export interface Tables {
  /** Each section as its items lie in memory (assembly/abi.ts). */
  readonly endpoints: DataView;
  readonly services: DataView;
  readonly backends: DataView;
  readonly rings: Uint16Array;
  /** The address that the ring base of a service counts from. */
  readonly ringsBase: number;
  readonly flowBucketCount: number;
  readonly trustedFlowCountMax: number;
  readonly untrustedFlowCountMax: number;
  readonly slotBytes: number;
  readonly frameBytesMax: number;
  readonly vlanTciNet: number;
  /** Four little-endian words. */
  readonly hashKey: Int32Array;
}

export function encodeTables(dataPlane: DataPlane): Uint8Array {
  const regions = SECTIONS.map(([region]) => dataPlane.region(region));
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  const numbers = [
    ...regions.map(({ count }) => count),
    dataPlane.region(abi.REGION_RINGS).base,
    dataPlane.region(abi.REGION_FLOWS).count,
    dataPlane.plan.slotBytes,
    abi.HEADROOM_BYTES,
    dataPlane.capacities.frameBytesMax,
    dataPlane.view.getUint16(abi.FIXED_CONFIG + abi.CONFIG_VLAN_TCI, true),
  ];
  numbers.forEach((number, at) => {
    view.setUint32(4 * at, number, true);
  });
  const key = abi.FIXED_CONFIG + abi.CONFIG_HASH_KEY_0;
  header.set(dataPlane.bytes.subarray(key, key + HASH_KEY_BYTES), HASH_KEY_AT);
  const config = (offset: number) => dataPlane.view.getUint32(abi.FIXED_CONFIG + offset, true);
  view.setUint32(TRUSTED_MAX_AT, config(abi.CONFIG_FLOW_TRUSTED_MAX), true);
  view.setUint32(UNTRUSTED_MAX_AT, config(abi.CONFIG_FLOW_UNTRUSTED_MAX), true);
  const sections = SECTIONS.map(([, itemBytes], at) => {
    const { base, count } = regions[at];
    const section = new Uint8Array(padded(count * itemBytes));
    section.set(dataPlane.bytes.subarray(base, base + count * itemBytes));
    return section;
  });
  return Buffer.concat([header, ...sections]);
}

export function decodeTables(file: Uint8Array): Tables {
  // A buffer of its own starts at 0, where typed arrays of any width may start.
  const { buffer } = file.slice();
  const header = new DataView(buffer);
  const number = (at: number) => header.getUint32(4 * at, true);
  let end = HEADER_BYTES;
  const [endpoints, services, backends, rings] = SECTIONS.map(([, itemBytes], at) => {
    const start = end;
    const bytes = number(at) * itemBytes;
    end += padded(bytes);
    return new DataView(buffer, start, bytes);
  });
  return {
    endpoints,
    services,
    backends,
    rings: new Uint16Array(rings.buffer, rings.byteOffset, rings.byteLength / 2),
    ringsBase: number(4),
    flowBucketCount: number(5),
    trustedFlowCountMax: header.getUint32(TRUSTED_MAX_AT, true),
    untrustedFlowCountMax: header.getUint32(UNTRUSTED_MAX_AT, true),
    slotBytes: number(6),
    frameBytesMax: number(8),
    vlanTciNet: number(9),
    hashKey: new Int32Array(buffer, HASH_KEY_AT, HASH_KEY_BYTES / 4),
  };
}

function padded(bytes: number): number {
  return Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
}
