/** One instance of the Wasm module with its own memory: loaded, checked, and its regions laid out. */
import { instantiate } from '@assemblyscript/loader';
import * as abi from '../../assembly/abi.js';
import { EdgemuxError } from '../errors.js';
import { CAPACITIES_DEFAULT, type Capacities, type MemoryPlan, planMemory, type Region, type Role } from './plan.js';

/** The functions of the module; numbers only. Addresses and ports named `…Net` are in network order. */
export interface DataPlaneExports extends Record<string, unknown> {
  abiVersion(): number;
  heapBase(): number;
  init(): number;
  /** Returns the number of frames in the batch afterwards. */
  muxProcess(count: number, nowMs: number): number;
  muxExplain(index: number, nowMs: number): void;
  /** Returns the number of frames in the batch afterwards. */
  hostProcess(count: number, nowMs: number): number;
  hostExplain(index: number, nowMs: number): void;
  addressClear(): void;
  addressInsert(word0Net: number, word1Net: number, word2Net: number, word3Net: number, word: number): void;
  endpointClear(): void;
  /** `address` is the word of an address and `family` 4 or 6, see `AddressWords`. */
  endpointInsert(address: number, family: number, protocol: number, portNet: number, service: number): void;
  snatBlockClear(): void;
  /** `block` is a port / 8. */
  snatBlockInsert(address: number, family: number, block: number, backend: number): void;
  flowSweep(): void;
  flowExport(to: number, firstBucket: number, bucketCount: number, nowMs: number): number;
  flowImport(from: number, count: number, nowMs: number): number;
  pinSweep(): void;
  ringBuild(ring: number, slotCount: number, memberCount: number): void;
  nicClear(): void;
  nicInsert(macLow: number, macHigh: number, vni: number, index: number): void;
  translationClear(): void;
  translationInsert(
    nic: number,
    vip: number,
    portNet: number,
    protocol: number,
    kind: number,
    dip: number,
    backendPortNet: number,
    idleTicks: number,
    flags: number,
  ): void;
  localAddressInstance(nic: number, address: number, family: number, vip: number): void;
  localAddressRules(nic: number, address: number, family: number, first: number, count: number): void;
  snatWithdraw(): void;
  datagramPurge(nic: number): void;
  fastpathClear(): void;
  peerClear(): void;
  /** An IPv4 address is the first word; returns the address of the record. */
  peerInsert(
    family: number,
    word0Net: number,
    word1Net: number,
    word2Net: number,
    word3Net: number,
    role: number,
  ): number;
  natFlowPurgeRetired(): void;
  natFlowPurge(nic: number): void;
}

/** What the module of the appliance has beside those; ports by number. */
export interface PortExports {
  portInit(): void;
  /** Returns 0 when no chunks are left for it. */
  portOpen(port: number, kind: number, link: number, side: number, flags: number): number;
  portClose(port: number): void;
  portStartRings(port: number): void;
  portTakeRing(port: number): number;
  portTakeMessages(port: number, messageCount: number): number;
  portFrameRoom(port: number): number;
  portTakeFrame(port: number, bytes: number): number;
  portPendingEntries(port: number): number;
  portSent(port: number, count: number, isRefused: number): void;
  portFreeChunkCount(): number;
  /** Returns the number of frames, with those that were produced. */
  portProcessMux(nowMs: number): number;
  portProcessHost(nowMs: number): number;
}

/** A loaded data plane: its functions, and views on its memory that stay valid as long as it lives. */
export class DataPlane {
  readonly exports: DataPlaneExports;
  /** `undefined` when the module is not the appliance's, or no ports were asked for. */
  readonly ports: PortExports | undefined;
  readonly capacities: Capacities;
  readonly plan: MemoryPlan;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly view: DataView;

  private constructor(exports: DataPlaneExports, memory: WebAssembly.Memory, capacities: Capacities, plan: MemoryPlan) {
    this.exports = exports;
    this.ports = capacities.portCountMax > 0 && 'portInit' in exports ? (exports as unknown as PortExports) : undefined;
    this.capacities = capacities;
    this.plan = plan;
    this.bytes = new Uint8Array(memory.buffer);
    this.words = new Uint32Array(memory.buffer);
    this.view = new DataView(memory.buffer);
  }

  /**
   * Instantiates the module for one role.
   *
   * @throws EdgemuxError `ERR_ABI_MISMATCH` when the module was built from another version of the boundary
   * @throws EdgemuxError `ERR_CAPACITY` when the capacities are no numbers of things, or too many
   */
  static async load(module: WebAssembly.Module, role: Role, capacities: Partial<Capacities> = {}): Promise<DataPlane> {
    const wanted = { ...CAPACITIES_DEFAULT, ...withFrameRoom(capacities), ...capacities };
    const plan = planMemory(role, wanted);
    const memory = new WebAssembly.Memory({ initial: plan.pageCount, maximum: plan.pageCount });
    const exports = await instantiateModule(module, memory);
    checkBoundary(exports);
    const dataPlane = new DataPlane(exports, memory, wanted, plan);
    dataPlane.#writeRegions();
    return dataPlane;
  }

  region(region: number): Region {
    return this.plan.regions[region];
  }

  #writeRegions(): void {
    this.plan.regions.forEach(({ base, count }, region) => {
      this.view.setUint32(abi.FIXED_REGIONS + region * abi.REGION_PAIR_BYTES, base, true);
      this.view.setUint32(abi.FIXED_REGIONS + region * abi.REGION_PAIR_BYTES + 4, count, true);
    });
    this.view.setUint32(abi.FIXED_CONFIG + abi.CONFIG_FRAME_BYTES_MAX, this.capacities.frameBytesMax, true);
    this.view.setUint32(abi.FIXED_CONFIG + abi.CONFIG_SLOT_BYTES, this.plan.slotBytes, true);
    const { flowCountMax, trustedFlowCountMax, untrustedFlowCountMax } = this.capacities;
    this.view.setUint32(abi.FIXED_CONFIG + abi.CONFIG_FLOW_TRUSTED_MAX, trustedFlowCountMax ?? flowCountMax, true);
    this.view.setUint32(abi.FIXED_CONFIG + abi.CONFIG_FLOW_UNTRUSTED_MAX, untrustedFlowCountMax ?? flowCountMax, true);
    this.view.setUint32(abi.FIXED_CONFIG + abi.CONFIG_CHUNK_BYTES, this.capacities.chunkBytes, true);
    this.view.setUint32(abi.FIXED_CONFIG + abi.CONFIG_CHUNK_SHARE, this.plan.chunkShare, true);
    const refused = this.exports.init();
    if (refused !== 0) {
      throw new EdgemuxError('ERR_ABI_MISMATCH', `the data plane refuses the memory plan: region ${refused - 1}`);
    }
    this.ports?.portInit();
  }
}

/** With packet ports frames are as long as their chunks allow, unless the embedder says something else. */
function withFrameRoom({
  portCountMax = 0,
  chunkBytes = CAPACITIES_DEFAULT.chunkBytes,
}: Partial<Capacities>): Partial<Capacities> {
  return portCountMax > 0 ? { frameBytesMax: chunkBytes - abi.CHUNK_HEADROOM_BYTES } : {};
}

async function instantiateModule(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<DataPlaneExports> {
  try {
    return (await instantiate<DataPlaneExports>(module, { env: { memory } })).exports;
  } catch (error) {
    throw new EdgemuxError(
      'ERR_ABI_MISMATCH',
      `the Wasm module is not edgemux's data plane: ${(error as Error).message}`,
    );
  }
}

function checkBoundary(exports: DataPlaneExports): void {
  const version = typeof exports.abiVersion === 'function' ? exports.abiVersion() : undefined;
  if (version !== abi.ABI_VERSION) {
    throw new EdgemuxError(
      'ERR_ABI_MISMATCH',
      `the Wasm module has boundary version ${version ?? 'none'}, this SDK needs ${abi.ABI_VERSION}: use the mux.wasm of the same edgemux release`,
    );
  }
  if (exports.heapBase() > abi.FIXED_BASE) {
    throw new EdgemuxError(
      'ERR_ABI_MISMATCH',
      `the Wasm module's own data ends at ${exports.heapBase()}, above the fixed block at ${abi.FIXED_BASE}`,
    );
  }
}
