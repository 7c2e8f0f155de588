/** A MUX: programmed with policy, it encapsulates packets to VIPs towards the hosts of their backends. */
import * as abi from '../../assembly/abi.js';
import { Batch, type Link, type Processed } from '../dataplane/batch.js';
import { wrapMs } from '../dataplane/clock.js';
import { writeConfig, writeFastpathConfig } from '../dataplane/config.js';
import { type Counters, readCounters, type Traffic } from '../dataplane/counters.js';
import { DataPlane } from '../dataplane/instance.js';
import type { Capacities } from '../dataplane/plan.js';
import { PortTable } from '../dataplane/port-table.js';
import { type Counts, capacitiesOf, checkRoom } from '../dataplane/room.js';
import { checkHostsInReach } from '../dataplane/template.js';
import type { Backend, MuxProgram, Service } from '../program/types.js';
import { BackendTable } from './backend-table.js';
import { forgetFlows } from './departures.js';
import { SNAT_BLOCK_PORT_COUNT } from './endpoint-table.js';
import { type Explanation, readExplanation } from './explanation.js';
import { FairShare, type RateLimits, type VipLoad } from './fair-share.js';
import { fittingBytes } from './fitting.js';
import type { FlowOwner, FlowsImported } from './flow-importer.js';
import { exportFlows, importFlows } from './flow-transfer.js';
import { type RingChange, RingTable } from './ring-table.js';
import { ServiceTable } from './service-table.js';

/** What programming a MUX did. */
export interface Programmed {
  /** Digest of the program that runs now. */
  readonly digest: string;
  readonly rings: RingChange;
}

/**
 * A MUX.
 *
 * @example
 * ```ts
 * const mux = await Mux.load(muxModule);
 * mux.program(compile(fabric).forMux('mux-1'));
 * const { verdict, bytes } = mux.process(packet, nowMs);
 * ```
 */
export class Mux {
  readonly #dataPlane: DataPlane;
  readonly #backends: BackendTable;
  readonly #rings: RingTable;
  readonly #services: ServiceTable;
  readonly #fairShare = new FairShare();
  #program: MuxProgram | undefined;
  #ports: PortTable | undefined;
  #nowMs = 0;
  /** Frames for processBatch, in linear memory. */
  readonly batch: Batch;

  private constructor(dataPlane: DataPlane) {
    this.#dataPlane = dataPlane;
    this.#backends = new BackendTable(dataPlane);
    this.#rings = new RingTable(dataPlane);
    this.#services = new ServiceTable(dataPlane);
    this.batch = new Batch(dataPlane);
  }

  /**
   * Instantiates the data plane. The MUX passes every frame until it is programmed.
   *
   * @param module from `edgemux/mux-module`, or `edgemux/mux.wasm` compiled by hand
   * @param capacities what to make room for; see `Capacities` for units and defaults
   * @throws EdgemuxError `ERR_ABI_MISMATCH` when the module belongs to another release
   */
  static async load(module: WebAssembly.Module, capacities: Partial<Capacities> = {}): Promise<Mux> {
    return new Mux(await DataPlane.load(module, 'mux', capacities));
  }

  /**
   * Makes the MUX obey a program: a difference of writes from the one it obeys now. Connections stay with their backend
   * as long as it is a member of their rule, also when it takes no new ones. A new `flowHashKey` is the exception: it
   * makes every connection a stranger.
   *
   * @throws EdgemuxError `ERR_CAPACITY` with every capacity that is too small, `ERR_UNSUPPORTED` with every backend whose
   * host has no provider address of a family of the MUX's; the MUX then still obeys the old program
   */
  program(program: MuxProgram): Programmed {
    checkCapacities(program, this.#dataPlane.capacities);
    checkHostsInReach(program);
    if (this.#program && this.#program.flowHashKey !== program.flowHashKey) forgetFlows(this.#dataPlane);
    writeConfig(this.#dataPlane, program.attachment, program.flowHashKey, program.encapsulation);
    writeFastpathConfig(this.#dataPlane, program.fastpath);
    this.#dataPlane.view.setUint32(abi.FIXED_CONFIG + abi.CONFIG_FITTING_BYTES, fittingBytes(program), true);
    this.#backends.apply(program);
    const { keys, ...rings } = this.#rings.apply(program, this.#backends);
    this.#services.apply(program, this.#backends, this.#rings, keys);
    this.#program = program;
    return { digest: program.digest, rings };
  }

  /** The program the MUX obeys; `undefined` before the first one. */
  get current(): MuxProgram | undefined {
    return this.#program;
  }

  /**
   * Processes one frame by itself, in the batch: frames that wait there are given up. For throughput fill `batch` and
   * call processBatch.
   *
   * @param nowMs milliseconds from any epoch, never going back
   * @returns the verdict, the frame to send, and further frames to send that this one set free or, with Fastpath, gave cause for
   */
  process(frame: Uint8Array, nowMs: number, link: Link = 'ethernet'): Processed {
    this.batch.clear();
    this.batch.add(frame, link);
    this.processBatch(nowMs);
    const processed = this.batch.processedAlone();
    this.batch.clear();
    return processed;
  }

  /**
   * Processes the frames of the batch where they lie, once; their verdicts and bytes are then read from it.
   *
   * Fragments that were kept and can be sent on now are put behind them, and with Fastpath messages to the hosts of two VMs
   * that talk to each other. Call it with an empty batch now and then where
   * nothing else comes: it sends on what had no room, and gives up what waited for too long.
   */
  processBatch(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#fairShare.isDue(nowMs)) this.#measureLoad(nowMs);
    this.batch.process((count) => this.#dataPlane.exports.muxProcess(count, wrapMs(nowMs)));
  }

  /**
   * Packet ports, whose frames processPorts processes in place of those of the batch. While a port has frames that wait to be
   * processed, the batch must not be used.
   *
   * @throws EdgemuxError `ERR_UNSUPPORTED` unless the module is that of `edgemux/appliance-module` and was loaded with a
   * `portCountMax`
   */
  get ports(): PortTable {
    this.#ports ??= new PortTable(this.#dataPlane, 'mux');
    return this.#ports;
  }

  /**
   * Processes the frames that packet ports have received, and puts each where its verdict says: onto the send side of a port,
   * or back into the pool. As processBatch does, it also sends on what was kept, and is to be called once a second where
   * nothing comes.
   *
   * @param nowMs as for process
   * @returns the number of frames, those included that were produced
   */
  processPorts(nowMs: number): number {
    this.#nowMs = nowMs;
    if (this.#fairShare.isDue(nowMs)) this.#measureLoad(nowMs);
    return this.ports.process(nowMs);
  }

  /** The service that took a frame of the batch; `undefined` for one that is not for a service. */
  serviceOf(index: number): Service | undefined {
    return this.#services.at(this.batch.serviceIndex(index));
  }

  /** The backend a frame of the batch was sent to; `undefined` when none was chosen. */
  backendOf(index: number): Backend | undefined {
    return this.#backends.at(this.batch.backendIndex(index));
  }

  /**
   * Says what would happen with a frame, and why. Nothing changes: no flow, no counter. Uses the batch.
   *
   * @param nowMs default: the time of the last call that processed something
   */
  explain(frame: Uint8Array, nowMs = this.#nowMs, link: Link = 'ethernet'): Explanation {
    this.batch.clear();
    this.batch.add(frame, link);
    this.#dataPlane.exports.muxExplain(0, wrapMs(nowMs));
    this.batch.clear();
    return readExplanation(this.#dataPlane, {
      serviceAt: (index) => this.#services.at(index),
      backendAt: (index) => this.#backends.at(index),
      encapsulation: this.#program?.encapsulation ?? 'vxlan',
      mtuBytes: this.#program?.attachment.mtuBytes,
    });
  }

  /**
   * Says how much the MUX may forward. When more comes, each VIP gets a fair share: those above it lose packets in
   * proportion to their excess, counted as `fair-share`; the others lose nothing. Without a call there is no limit.
   */
  limit(limits: RateLimits): void {
    this.#fairShare.limit(limits);
  }

  /** The VIPs that most packets came for in the last full second, the greatest first. */
  topTalkers(count = 10): VipLoad[] {
    return this.#fairShare.topTalkers(count);
  }

  /**
   * The VIP to withdraw so that the others live: the top talker of a MUX that has been asked for more than its limit in
   * each of the last three seconds. `undefined` when there is no need.
   */
  vipToWithdraw(): VipLoad | undefined {
    return this.#fairShare.vipToWithdraw();
  }

  /**
   * The connections this MUX knows, for another one of the fabric or for this one after a planned restart: services and
   * backends by key, ages instead of times. 16 bytes for each. Nothing changes. Uses the batch.
   *
   * @param nowMs as for process
   * @throws RangeError before the first program
   */
  exportFlows(nowMs: number): Uint8Array<ArrayBuffer> {
    this.batch.clear();
    return exportFlows(this.#flowOwner(), nowMs);
  }

  /**
   * Takes over the connections another MUX has exported; its capacities and its program may have been others. They count
   * against the same limits as those that packets make, and none replaces one that is here. Uses the batch.
   *
   * @param nowMs as for process
   * @returns how many were taken, belong to nobody here, and found no room
   * @throws EdgemuxError `ERR_FLOWS_INVALID` when the bytes are no export of this version, or damaged; `ERR_FLOWS_FOREIGN`
   * when it was made under another `flowHashKey`. Nothing is imported then
   * @throws RangeError before the first program
   */
  importFlows(bytes: Uint8Array, nowMs: number): FlowsImported {
    this.batch.clear();
    return importFlows(this.#flowOwner(), bytes, nowMs);
  }

  /** Everything counted since the MUX was loaded. */
  counters(): Counters {
    return readCounters(this.#dataPlane);
  }

  /** What was forwarded for a service, by its key (`80.80.80.80:80/tcp`). */
  serviceTraffic(key: string): Traffic {
    return this.#services.traffic(key);
  }

  /** What was forwarded to a backend, by its key. */
  backendTraffic(key: string): Traffic {
    return this.#backends.traffic(key);
  }

  #measureLoad(nowMs: number): void {
    const loads = this.#fairShare.measure(this.#services.vipTotals(), nowMs);
    this.#services.dropShares(new Map(loads.map(({ vip, dropShare }) => [vip, dropShare])));
  }

  #flowOwner(): FlowOwner {
    if (!this.#program) throw new RangeError('a MUX without a program has no flows: program it first');
    const { flowHashKey } = this.#program;
    return { dataPlane: this.#dataPlane, services: this.#services, backends: this.#backends, flowHashKey };
  }
}

/** The capacities a program needs at least: for whoever loads a MUX for one program and no other. */
export function capacitiesFor(program: MuxProgram): Partial<Capacities> {
  return capacitiesOf(needOf(program));
}

type Limit = 'serviceCountMax' | 'vipCountMax' | 'snatBlockCountMax' | 'backendCountMax' | 'ringSlotCountMax';

function needOf(program: MuxProgram): Counts<Limit> {
  return {
    serviceCountMax: program.services.length,
    vipCountMax: program.vips.length,
    snatBlockCountMax: (program.snatRanges ?? []).reduce(
      (sum, range) => sum + range.portCount / SNAT_BLOCK_PORT_COUNT,
      0,
    ),
    backendCountMax: program.backends.length,
    ringSlotCountMax: program.rings.reduce((sum, ring) => sum + ring.slotCount, 0),
  };
}

function checkCapacities(program: MuxProgram, capacities: Capacities): void {
  const room: Counts<Limit> = {
    ...capacities,
    serviceCountMax: Math.min(capacities.serviceCountMax, abi.SERVICE_COUNT_MAX),
    backendCountMax: Math.min(capacities.backendCountMax, abi.BACKEND_COUNT_MAX),
  };
  checkRoom(program.id, needOf(program), room);
}
