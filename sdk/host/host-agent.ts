/** A host agent: strips VXLAN, translates to the local VMs, and sends their answers out from the VIP. */
import * as abi from '../../assembly/abi.js';
import { Batch, type FramePort, type Link, type Processed } from '../dataplane/batch.js';
import { idleTicks, wrapMs } from '../dataplane/clock.js';
import { writeConfig } from '../dataplane/config.js';
import { type Counters, readCounters } from '../dataplane/counters.js';
import { DataPlane } from '../dataplane/instance.js';
import { addressNet, macNet, portNet } from '../dataplane/network-order.js';
import type { Capacities } from '../dataplane/plan.js';
import { EdgemuxError, type Problem } from '../errors.js';
import type { HostProgram, Translation } from '../program/types.js';

/** NIC indexes are 16 bits in the NAT flow table. */
const NIC_INDEX_COUNT = 65_536;

/**
 * A host agent.
 *
 * @example
 * ```ts
 * const host = await HostAgent.load(muxModule);
 * host.apply(compile(fabric).forHost('host-1'));
 * const { verdict, bytes } = host.process(vxlanFrame, nowMs);           // 'deliver': give it to the VM
 * const answer = host.process(vmFrame, nowMs, { port: 'vm' });          // 'reply': send it to the gateway
 * ```
 */
export class HostAgent {
  readonly #dataPlane: DataPlane;
  #nicIndexes = new Map<string, number>();
  #program: HostProgram | undefined;
  /** Frames for processBatch, in linear memory. */
  readonly batch: Batch;

  private constructor(dataPlane: DataPlane) {
    this.#dataPlane = dataPlane;
    this.batch = new Batch(dataPlane);
  }

  /**
   * Instantiates the data plane. The agent passes every frame until a program is applied.
   *
   * @param module from `edgemux/mux-module`, or `edgemux/mux.wasm` compiled by hand
   * @param capacities what to make room for; `flowCountMax` are the connections of the local VMs
   * @throws EdgemuxError `ERR_ABI_MISMATCH` when the module belongs to another release
   */
  static async load(module: WebAssembly.Module, capacities: Partial<Capacities> = {}): Promise<HostAgent> {
    return new HostAgent(await DataPlane.load(module, 'host', capacities));
  }

  /**
   * Makes the agent obey a program. Connections of VMs that are still here go on.
   *
   * @throws EdgemuxError `ERR_CAPACITY` with every capacity that is too small; the old program then stays in force
   */
  apply(program: HostProgram): void {
    checkCapacities(program, this.#dataPlane.capacities);
    // The key of its own table stays the first one: with another, the agent would not find the connections it has.
    writeConfig(this.#dataPlane, program.attachment, this.#program?.flowHashKey ?? program.flowHashKey);
    this.#assignNicIndexes(program);
    const { exports } = this.#dataPlane;
    exports.nicClear();
    exports.translationClear();
    for (const nic of program.nics) {
      const { low, high } = macNet(nic.macAddress);
      exports.nicInsert(low, high, nic.vni, this.#nicIndex(nic.key));
    }
    for (const translation of program.translations) this.#insert(program, translation);
    this.#program = program;
  }

  /** The program the agent obeys; `undefined` before the first one. */
  get current(): HostProgram | undefined {
    return this.#program;
  }

  /**
   * Processes one frame by itself, in the batch: frames that wait there are given up. For throughput fill `batch` and
   * call processBatch.
   *
   * @param nowMs milliseconds from any epoch, never going back
   * @param from what the frame begins with (default `ethernet`) and where it comes from (default `underlay`)
   */
  process(frame: Uint8Array, nowMs: number, from: { link?: Link; port?: FramePort } = {}): Processed {
    this.batch.clear();
    this.batch.add(frame, from.link, from.port);
    this.processBatch(nowMs);
    const processed = this.batch.processedAlone();
    this.batch.clear();
    return processed;
  }

  /** Processes the frames of the batch where they lie, once; their verdicts and bytes are then read from it. */
  processBatch(nowMs: number): void {
    this.batch.process((count) => {
      this.#dataPlane.exports.hostProcess(count, wrapMs(nowMs));
      return count;
    });
  }

  /** Everything counted since the agent was loaded. */
  counters(): Counters {
    return readCounters(this.#dataPlane);
  }

  /** A NIC keeps its index while it is here; one that left takes its flows with it. */
  #assignNicIndexes(program: HostProgram): void {
    const here = new Set(program.nics.map((nic) => nic.key));
    for (const [key, index] of this.#nicIndexes) {
      if (here.has(key)) continue;
      this.#dataPlane.exports.natFlowPurge(index);
      this.#nicIndexes.delete(key);
    }
    const taken = new Set(this.#nicIndexes.values());
    let free = 0;
    for (const { key } of program.nics) {
      if (this.#nicIndexes.has(key)) continue;
      while (taken.has(free)) free++;
      taken.add(free);
      this.#nicIndexes.set(key, free);
    }
  }

  #nicIndex(key: string): number {
    return this.#nicIndexes.get(key) ?? NIC_INDEX_COUNT;
  }

  #insert(program: HostProgram, translation: Translation): void {
    const { exports } = this.#dataPlane;
    const nic = this.#nicIndex(program.nics[translation.nic].key);
    const vip = addressNet(translation.vip);
    exports.translationInsert(nic, vip, 0, abi.ENDPOINT_PROTOCOL_VIP, 0, 0, 0);
    exports.translationInsert(
      nic,
      vip,
      portNet(translation.port),
      translation.protocol,
      translation.floatingIp ? 0 : addressNet(translation.dip),
      portNet(translation.backendPort),
      idleTicks(translation.idleTimeoutMs),
    );
  }
}

function checkCapacities(program: HostProgram, capacities: Capacities): void {
  const nicCountMax = Math.min(capacities.nicCountMax, NIC_INDEX_COUNT);
  const problems: Problem[] = [];
  const check = (path: keyof Capacities, count: number, room: number) => {
    if (count <= room) return;
    problems.push({ path, expected: `at least ${count} for program ${program.id}`, got: String(room) });
  };
  check('nicCountMax', program.nics.length, nicCountMax);
  check('translationCountMax', program.translations.length, capacities.translationCountMax);
  if (problems.length > 0) {
    throw new EdgemuxError('ERR_CAPACITY', 'the data plane was loaded with too little room', problems);
  }
}
