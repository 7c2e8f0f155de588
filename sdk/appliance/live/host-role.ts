/**
 * A host agent that carries real traffic:
 *
 *   tunnels ─► ports of the provider network ─► data plane ─► ports of VMs       fabric file ─► program
 *   gateway ◄─ ports of the provider network ◄─ data plane ◄─ ports of VMs
 *   kernel  ◄─ pass device ◄─ what is not ours
 */

import { EdgemuxError } from '../../errors.js';
import { hostCapacitiesFor } from '../../host/index.js';
import type { HostProgram } from '../../program/index.js';
import type { NextHops } from '../../runtime/next-hops.js';
import type { PortAttachment, PortSpec } from '../../runtime/node/ports/types.js';
import { SELECT_NOTHING } from '../../runtime/packet-port.js';
import type { EventRecord } from '../service/events.js';
import { DataPlanes } from './data-planes.js';
import { nicKeyOf, underlaySelection } from './host-selection.js';
import {
  attachUnderlay,
  checkMixture,
  needsRestart,
  portCapacities,
  providerAddressesOf,
  roomFor,
  tellOpen,
} from './ports.js';
import { Programming } from './programming.js';
import type { LiveInterfaces, LiveSystem } from './system.js';
import { Turns } from './turns.js';
import { Undo } from './undo.js';
import { VmPorts, type VmSpec } from './vm-ports.js';

/** What is said on the command line and not in the fabric. */
export interface HostSettings {
  readonly ports: readonly PortSpec[];
  readonly vms: readonly VmSpec[];
  /** How long packets go on after a signal to end. */
  readonly drainMs: number;
}

/** A connection is known to one data plane, whichever side its packets come from: there is one thread. */
const THREAD_COUNT = 1;

interface Parts {
  readonly underlay: readonly PortAttachment[];
  /** `undefined` where nobody may make one, and nobody needs one. */
  readonly pass: PortAttachment | undefined;
  readonly planes: DataPlanes;
  readonly nextHops: NextHops;
  readonly interfaces: LiveInterfaces;
  readonly turns: Turns;
  readonly undo: Undo;
}

/** A host agent, forwarding. */
export class HostRole {
  readonly #settings: HostSettings;
  readonly #tell: (record: EventRecord) => void;
  readonly #parts: Parts;
  readonly #vms: VmPorts;
  #programming: Programming<HostProgram> | undefined;
  #fail: (error: unknown) => void = () => {};
  #end = () => {};

  /** Resolved when every port has come to the end of its capture, rejected when a part of the agent has died. */
  readonly ended = new Promise<void>((resolve, reject) => {
    this.#end = resolve;
    this.#fail = reject;
  });

  /**
   * Attaches to the ports, programs the data plane, and takes packets from the kernel: in this order.
   *
   * @throws EdgemuxError `ERR_PORT`, `ERR_UNSUPPORTED`, `ERR_CAPACITY`; nothing is left then
   */
  static async start(
    program: HostProgram,
    settings: HostSettings,
    system: LiveSystem,
    tell: (record: EventRecord) => void,
  ): Promise<HostRole> {
    const undo = new Undo();
    try {
      return await HostRole.#start(program, settings, system, tell, undo);
    } catch (error) {
      await undo.run().catch(() => {});
      throw error;
    }
  }

  static async #start(
    program: HostProgram,
    settings: HostSettings,
    system: LiveSystem,
    tell: (record: EventRecord) => void,
    undo: Undo,
  ): Promise<HostRole> {
    const { ports, vms } = settings;
    checkMixture([...ports, ...vms.map(({ port }) => port)]);
    const underlay = await attachUnderlay(system, ports, program, THREAD_COUNT, undo);
    const pass = await openPass(system, settings, tell, undo);
    const nextHops = await system.openNextHops();
    undo.add(() => nextHops.close());
    const interfaces = await system.openInterfaces();
    undo.add(() => interfaces.close());
    const planes = await DataPlanes.start(system, 'host', THREAD_COUNT, {
      ...roomFor(hostCapacitiesFor(program)),
      ...portCapacities(
        [...underlay, ...(pass ? [pass] : [])],
        vms.map(({ port }) => port),
        THREAD_COUNT,
      ),
    });
    undo.add(() => planes.stop());
    const turns = new Turns();
    const parts = { underlay, pass, planes, nextHops, interfaces, turns, undo };
    const role = new HostRole(program, settings, system, tell, parts);
    await role.#begin(program);
    return role;
  }

  private constructor(
    initial: HostProgram,
    settings: HostSettings,
    system: LiveSystem,
    tell: (record: EventRecord) => void,
    parts: Parts,
  ) {
    this.#settings = settings;
    this.#tell = tell;
    this.#parts = parts;
    this.ended.catch(() => {});
    const { interfaces, planes, turns, nextHops } = parts;
    this.#vms = new VmPorts(settings.vms, {
      system,
      interfaces,
      planes,
      turns,
      tell,
      providerAddresses: providerAddressesOf(initial),
      program: () => this.#programming?.current ?? initial,
      localAddresses: () => nextHops.localAddresses,
      changed: () => this.#route(),
    });
  }

  async #begin(program: HostProgram): Promise<void> {
    const { underlay, pass, planes, nextHops, turns, undo } = this.#parts;
    const programming = await Programming.start(
      {
        planes,
        nextHops,
        interface: this.#tunnels?.interface,
        turns,
        tell: this.#tell,
        // The machine may have other addresses now.
        changed: () => this.#vms.select(),
      },
      program,
    );
    undo.add(() => programming.end());
    this.#programming = programming;
    this.#watch();
    // What a port has at once, a capture, finds the agent programmed.
    await this.#route();
    for (const attachment of [...underlay, ...(pass ? [pass] : [])]) await planes.openPort(attachment);
    undo.add(() => this.#vms.end());
    await this.#vms.start();
    this.#select();
    for (const attachment of [...underlay, ...(pass ? [pass] : [])]) tellOpen(attachment, this.#tell);
    for (const { nic } of this.#settings.vms) {
      if (nic !== undefined && nicKeyOf(program, nic) === undefined) {
        this.#tell({ event: 'note', text: `the fabric has no network interface ${nic} on this host yet` });
      }
    }
    const { id, digest, nics } = program;
    this.#tell({ event: 'start', host: id, digest, nics: nics.length, vmPorts: this.#vms.openCount });
  }

  #watch(): void {
    const { planes } = this.#parts;
    planes.ended.catch(this.#fail);
    planes.watch({
      stalled: (thread) => this.#tell({ event: 'stalled', thread }),
      recovered: (thread) => this.#tell({ event: 'recovered', thread }),
      lost: (port, error) => {
        if (!this.#vms.lost(port, error)) this.#fail(error);
      },
      end: () => this.#end(),
    });
  }

  /** The program in force. */
  get program(): HostProgram {
    return (this.#programming as Programming<HostProgram>).current;
  }

  get planes(): DataPlanes {
    return this.#parts.planes;
  }

  /**
   * Has the agent obey another program, without losing a connection of a VM that stays.
   *
   * @param why who asked for it
   * @throws EdgemuxError (as a rejection) what programming throws; the agent is as it was then
   */
  reload(why: string, program: HostProgram): Promise<void> {
    return this.#parts.turns.take(async () => {
      const before = new Set(this.program.nics.map(({ key }) => key));
      const rebound = needsRestart(this.#settings.ports, this.program, program);
      await this.#programming?.program(program);
      await this.#route();
      this.#select();
      const added = program.nics.filter(({ key }) => !before.has(key)).length;
      this.#tell({
        event: 'reload',
        why,
        digest: program.digest,
        nics: program.nics.length,
        added,
        removed: before.size - (program.nics.length - added),
        needsRestart: rebound,
      });
    });
  }

  /** Goes on with what is on its way, and gives everything back. */
  async drain(): Promise<void> {
    await passed(this.#settings.drainMs);
    await this.#parts.turns.take(async () => {
      for (const attachment of this.#parts.underlay) attachment.select(SELECT_NOTHING);
      await this.#parts.undo.run();
    });
    this.#tell({ event: 'stop', how: 'drain' });
  }

  /** Gives everything back, as fast as it goes: a part of the agent has died. */
  async abandon(): Promise<void> {
    await this.#parts.undo.run().catch(() => {});
  }

  get #tunnels(): PortAttachment | undefined {
    return this.#parts.underlay.find((attachment) => attachment.interface?.macAddress !== undefined);
  }

  /** Replies go where tunnels go; without an Ethernet port of the provider network, through the kernel. */
  async #route(): Promise<void> {
    const { planes, pass } = this.#parts;
    const tunnels = this.#tunnels;
    await planes.route({
      ...(tunnels && { tunnels: tunnels.name, replies: tunnels.name }),
      ...(pass && { pass: pass.name }),
      vms: this.#vms.routes(),
    });
  }

  #select(): void {
    for (const attachment of this.#parts.underlay) attachment.select(underlaySelection(this.program));
    this.#vms.select();
  }
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Ports without privilege: of what comes by them, nothing was for the kernel in the first place. */
const WITHOUT_PRIVILEGE: readonly PortSpec['kind'][] = ['udp', 'pcap'];

/** @throws EdgemuxError `ERR_PORT`, but where all ports do without privilege */
async function openPass(
  system: LiveSystem,
  { ports, vms }: HostSettings,
  tell: (record: EventRecord) => void,
  undo: Undo,
): Promise<PortAttachment | undefined> {
  try {
    const pass = await system.openPassDevice();
    undo.add(() => pass.close());
    return pass;
  } catch (error) {
    const specs = [...ports, ...vms.map(({ port }) => port)];
    if (!(error instanceof EdgemuxError) || !specs.every(({ kind }) => WITHOUT_PRIVILEGE.includes(kind))) throw error;
    tell({ event: 'note', text: `what is not for a VM is dropped: ${error.message}` });
    return undefined;
  }
}
