/**
 * The ports of VMs. VMs are started, moved and ended while the host agent runs, and their interfaces come and go with
 * them: a port is opened when its interface is there, closed when it has gone, and opened again when it comes back.
 */
import type { Routes } from '../../node/index.js';
import type { HostProgram } from '../../program/index.js';
import { portName } from '../../runtime/node/ports/port-spec.js';
import type { PortAttachment, PortSpec } from '../../runtime/node/ports/types.js';
import { type EventRecord, errorRecord } from '../service/events.js';
import type { DataPlanes } from './data-planes.js';
import { nicKeyOf, vmSelection } from './host-selection.js';
import { tellOpen } from './ports.js';
import type { LiveInterfaces, LiveSystem } from './system.js';
import type { Turns } from './turns.js';

/** A port of a VM, as it was asked for. */
export interface VmSpec {
  /** resourceId of the network interface, in any case; `undefined`: of whichever VM there is. */
  readonly nic: string | undefined;
  readonly port: PortSpec;
}

/** What the ports need of their host. */
export interface VmPortsParts {
  readonly system: LiveSystem;
  readonly interfaces: LiveInterfaces;
  readonly planes: DataPlanes;
  readonly turns: Turns;
  readonly providerAddresses: readonly string[];
  tell(record: EventRecord): void;
  /** The program in force. */
  program(): HostProgram;
  /** Addresses of this machine. */
  localAddresses(): readonly string[];
  /** Called when other ports are open than before. */
  changed(): Promise<void>;
}

/** A port that could not be opened is tried again after this, and when interfaces change. */
const RETRY_MS = 1000;

interface VmPort {
  readonly spec: VmSpec;
  open: { readonly attachment: PortAttachment } | undefined;
  /** Why it could not be opened last time; told once. */
  error: string | undefined;
}

/** All of them. */
export class VmPorts {
  readonly #parts: VmPortsParts;
  readonly #ports: readonly VmPort[];
  #unsubscribe = () => {};
  #retrying: NodeJS.Timeout | undefined;
  #isEnded = false;

  constructor(specs: readonly VmSpec[], parts: VmPortsParts) {
    this.#parts = parts;
    this.#ports = specs.map((spec) => ({ spec, open: undefined, error: undefined }));
  }

  /**
   * Opens those whose interface is there; from now on the others are waited for.
   *
   * @throws EdgemuxError `ERR_PORT` when a port cannot be opened although its interface is there
   */
  async start(): Promise<void> {
    for (const port of this.#ports) if (this.#mayOpen(port)) await this.#open(port);
    this.#unsubscribe = this.#parts.interfaces.subscribe(() => this.#follow());
    for (const { spec, open } of this.#ports) {
      if (!open) this.#parts.tell({ event: 'port', port: nameOf(spec), state: 'awaited' });
    }
  }

  /** How many are open. */
  get openCount(): number {
    return this.#ports.filter(({ open }) => open).length;
  }

  /** The NICs that have a port of their own, with its name; an empty one where it is not open. */
  routes(): NonNullable<Routes['vms']> {
    const program = this.#parts.program();
    const pairs = this.#ports.flatMap(({ spec, open }): [string, string][] => {
      const key = spec.nic === undefined ? undefined : nicKeyOf(program, spec.nic);
      return key !== undefined ? [[key, open?.attachment.name ?? '']] : [];
    });
    return Object.fromEntries(pairs);
  }

  /** Takes the frames of the program's VMs from the kernel. */
  select(): void {
    for (const port of this.#ports) this.#select(port);
  }

  /** Closes a port that does nothing any more, and tries again after a while. Returns whether it is one of these. */
  lost(name: string, error: unknown): boolean {
    const port = this.#ports.find(({ spec }) => portName(spec.port) === name);
    if (!port) return false;
    const { open } = port;
    void this.#parts.turns.take(async () => {
      // Meanwhile it may have been closed, and opened on another interface of that name.
      if (!open || port.open !== open) return;
      this.#parts.tell({ ...errorRecord(error), during: name });
      await this.#close(port);
      this.#retryLater();
    });
    return true;
  }

  /** Closes all of them. */
  async end(): Promise<void> {
    this.#isEnded = true;
    this.#unsubscribe();
    clearTimeout(this.#retrying);
    for (const port of this.#ports) await this.#close(port);
  }

  #follow(): void {
    void this.#parts.turns.take(async () => {
      for (const port of this.#ports) {
        if (this.#isEnded) return;
        if (this.#hasOtherInterface(port)) await this.#close(port);
        if (!port.open && this.#mayOpen(port)) await this.#tryOpen(port);
      }
    });
  }

  async #tryOpen(port: VmPort): Promise<void> {
    try {
      await this.#open(port);
    } catch (error) {
      const record = errorRecord(error);
      if (port.error !== record.message) this.#parts.tell({ ...record, during: nameOf(port.spec) });
      port.error = String(record.message);
      this.#retryLater();
    }
  }

  async #open(port: VmPort): Promise<void> {
    const { system, planes, providerAddresses, tell } = this.#parts;
    const attachment = await system.attachPort(port.spec.port, {
      side: 'vm',
      queueCount: planes.count,
      providerAddresses,
      mtuBytesMin: 0,
    });
    try {
      await planes.openPort(attachment);
    } catch (error) {
      attachment.close();
      throw error;
    }
    port.open = { attachment };
    port.error = undefined;
    await this.#parts.changed();
    this.#select(port);
    tellOpen(attachment, tell, port.spec.nic === undefined ? {} : { nic: port.spec.nic });
  }

  async #close(port: VmPort): Promise<void> {
    if (!port.open) return;
    const { attachment } = port.open;
    port.open = undefined;
    await this.#parts.planes.closePort(attachment.name);
    attachment.close();
    this.#parts.tell({ event: 'port', port: attachment.name, state: this.#isEnded ? 'closed' : 'gone' });
    if (!this.#isEnded) await this.#parts.changed();
  }

  #select({ spec, open }: VmPort): void {
    const program = this.#parts.program();
    const key = spec.nic === undefined ? undefined : nicKeyOf(program, spec.nic);
    // A VM that is not here, or not yet, has nothing we could translate.
    const isElsewhere = spec.nic !== undefined && key === undefined;
    const selected = isElsewhere ? { ...program, translations: [], snatRules: [] } : program;
    open?.attachment.select(vmSelection(selected, key, this.#parts.localAddresses()));
  }

  #retryLater(): void {
    this.#retrying ??= setTimeout(() => {
      this.#retrying = undefined;
      this.#follow();
    }, RETRY_MS);
  }

  /** Devices are made by us; only interfaces can be missing, or not set up yet. */
  #mayOpen(port: VmPort): boolean {
    return !isOnInterface(port) || (this.#interfaceOf(port)?.isUp ?? false);
  }

  /** The interface the port is attached to, which need not be the one of that name when it had been opened, has gone. */
  #hasOtherInterface(port: VmPort): boolean {
    const attached = port.open?.attachment.interface;
    return isOnInterface(port) && attached !== undefined && this.#interfaceOf(port)?.index !== attached.index;
  }

  #interfaceOf({ spec }: VmPort): ReturnType<LiveInterfaces['named']> {
    return this.#parts.interfaces.named(spec.port.target);
  }
}

function isOnInterface({ spec }: VmPort): boolean {
  return spec.port.kind === 'xdp' || spec.port.kind === 'packet';
}

function nameOf({ nic, port }: VmSpec): string {
  return nic === undefined ? port.text : `${nic}=${port.text}`;
}
