/** A host agent: strips tunnels, translates to the local VMs, and sends their answers and their own connections out. */
import { Batch, type FramePort, type Link, type Processed } from '../dataplane/batch.js';
import { wrapMs } from '../dataplane/clock.js';
import { writeConfig } from '../dataplane/config.js';
import { type Counters, readCounters } from '../dataplane/counters.js';
import { DataPlane } from '../dataplane/instance.js';
import type { Capacities } from '../dataplane/plan.js';
import { PortTable } from '../dataplane/port-table.js';
import { type Counts, capacitiesOf, checkRoom } from '../dataplane/room.js';
import type { HostProgram } from '../program/types.js';
import { readDecision } from './decision.js';
import { writeExemptions } from './exemption-table.js';
import type { HostExplanation } from './explanation.js';
import { HostAddresses } from './host-addresses.js';
import { NIC_INDEX_COUNT, NicIndexes } from './nic-indexes.js';
import { PeerTable, peerCountOf } from './peer-table.js';
import { explanationOf } from './read-explanation.js';
import { type SnatDemand, SnatTable } from './snat-table.js';
import { TranslationTable } from './translation-table.js';

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
  readonly #nics: NicIndexes;
  readonly #addresses: HostAddresses;
  readonly #translations: TranslationTable;
  readonly #snat: SnatTable;
  readonly #peers: PeerTable;
  #program: HostProgram | undefined;
  #ports: PortTable | undefined;
  #nowMs = 0;
  /** Frames for processBatch, in linear memory. */
  readonly batch: Batch;

  private constructor(dataPlane: DataPlane) {
    this.#dataPlane = dataPlane;
    this.#nics = new NicIndexes(dataPlane);
    this.#addresses = new HostAddresses(dataPlane);
    this.#translations = new TranslationTable(dataPlane, this.#nics, this.#addresses);
    this.#snat = new SnatTable(dataPlane, this.#nics, this.#addresses);
    this.#peers = new PeerTable(dataPlane);
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
   * Makes the agent obey a program. Connections of VMs that are still here go on, outbound ones as long as their port is
   * leased to their DIP.
   *
   * @param options takesOver: default `false`; whether VMs come here with connections that began at another host, or before
   *   this agent was started. A TCP segment of a VM that opens no connection, and is of none the agent knows, then leaves from
   *   the VIP and port that lead to the port of the VM, where there is only one such pair; without, it is no packet of ours
   * @throws EdgemuxError `ERR_CAPACITY` with every capacity that is too small; the old program then stays in force
   */
  apply(program: HostProgram, { takesOver = false }: { readonly takesOver?: boolean } = {}): void {
    checkCapacities(program, this.#dataPlane.capacities);
    // The key of its own table stays the first one: with another, the agent would not find the connections it has.
    const hashKey = this.#program?.flowHashKey ?? program.flowHashKey;
    writeConfig(this.#dataPlane, program.attachment, hashKey, program.encapsulation);
    this.#nics.assign(program);
    this.#ports?.assignNics((key) => this.#nics.find(key));
    this.#addresses.apply(addressesOf(program));
    this.#translations.apply(program, takesOver);
    this.#snat.apply(program);
    writeExemptions(this.#dataPlane, program.exemptions ?? []);
    this.#peers.apply(program);
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
   * @returns the verdict, the frame to send, and resets of idle connections that fell due
   */
  process(frame: Uint8Array, nowMs: number, from: { link?: Link; port?: FramePort } = {}): Processed {
    this.batch.clear();
    this.batch.add(frame, from.link, from.port);
    this.processBatch(nowMs);
    const processed = this.batch.processedAlone();
    this.batch.clear();
    return processed;
  }

  /**
   * Processes the frames of the batch where they lie, once; their verdicts and bytes are then read from it.
   *
   * The agent also forgets what was idle for too long, a part of its table per second, and puts the resets it owes to the
   * ends of such connections behind the frames: call it once a second with an empty batch where nothing else comes, and
   * send what is in the batch afterwards (`deliver` and `reply`, as ever).
   */
  processBatch(nowMs: number): void {
    this.#nowMs = nowMs;
    this.batch.process((count) => this.#dataPlane.exports.hostProcess(count, wrapMs(nowMs)));
  }

  /**
   * Packet ports, whose frames processPorts processes in place of those of the batch. While a port has frames that wait to be
   * processed, the batch must not be used.
   *
   * @throws EdgemuxError `ERR_UNSUPPORTED` unless the module is that of `edgemux/appliance-module` and was loaded with a
   * `portCountMax`
   */
  get ports(): PortTable {
    if (this.#ports === undefined) {
      this.#ports = new PortTable(this.#dataPlane, 'host');
      this.#ports.assignNics((key) => this.#nics.find(key));
    }
    return this.#ports;
  }

  /**
   * Processes the frames that packet ports have received, and puts each where its verdict says: onto the send side of a port,
   * or back into the pool. As processBatch does, it also forgets idle connections, and is to be called once a second where
   * nothing comes.
   *
   * @param nowMs as for process
   * @returns the number of frames, resets of idle connections included
   */
  processPorts(nowMs: number): number {
    this.#nowMs = nowMs;
    return this.ports.process(nowMs);
  }

  /**
   * Says what would happen with a frame, and why. Nothing changes: no connection, no counter. Uses the batch: frames that
   * wait there are given up.
   *
   * @param nowMs default: the time of the last call that processed something
   * @param from what the frame begins with (default `ethernet`) and where it comes from (default `underlay`)
   * @example
   * ```ts
   * console.log(host.explain(frame, nowMs, { port: 'vm' }));
   * // outbound 10.0.0.4:5555 > 1.2.3.4:443/tcp → leased port 80.80.80.80:1027 (rule …), new connection
   * ```
   */
  explain(
    frame: Uint8Array,
    nowMs = this.#nowMs,
    from: { readonly link?: Link; readonly port?: FramePort } = {},
  ): HostExplanation {
    this.batch.clear();
    this.batch.add(frame, from.link, from.port);
    this.#dataPlane.exports.hostExplain(0, wrapMs(nowMs));
    this.batch.clear();
    return explanationOf(readDecision(this.#dataPlane), {
      nicKeyOf: (index) => this.#nics.keyOf(index),
      program: this.#program,
    });
  }

  /** Everything counted since the agent was loaded. */
  counters(): Counters {
    return readCounters(this.#dataPlane);
  }

  /** What the outbound connections of the local DIPs asked of their rules: who needs more ports. */
  snatDemand(): SnatDemand[] {
    return this.#snat.demand();
  }
}

/** Every VIP and DIP that is written into a packet or looked for in one. */
function* addressesOf({ translations, snatRules = [] }: HostProgram): Iterable<string> {
  for (const { vip, dip, floatingIp } of translations) {
    yield vip;
    if (!floatingIp) yield dip;
  }
  for (const { vip, dip } of snatRules) {
    yield vip;
    yield dip;
  }
}

/** The capacities a program needs at least: for whoever loads an agent for one program and no other. */
export function hostCapacitiesFor(program: HostProgram): Partial<Capacities> {
  return capacitiesOf(needOf(program));
}

type Limit =
  | 'nicCountMax'
  | 'translationCountMax'
  | 'snatRuleCountMax'
  | 'snatRangeCountMax'
  | 'exemptionCountMax'
  | 'peerCountMax';

function needOf(program: HostProgram): Counts<Limit> {
  const { nics, translations, snatRules = [], exemptions = [] } = program;
  return {
    nicCountMax: nics.length,
    translationCountMax: translations.length,
    snatRuleCountMax: snatRules.length,
    snatRangeCountMax: snatRules.reduce((sum, { ranges }) => sum + ranges.length, 0),
    exemptionCountMax: exemptions.length,
    peerCountMax: peerCountOf(program),
  };
}

function checkCapacities(program: HostProgram, capacities: Capacities): void {
  const room: Counts<Limit> = { ...capacities, nicCountMax: Math.min(capacities.nicCountMax, NIC_INDEX_COUNT) };
  checkRoom(program.id, needOf(program), room);
}
