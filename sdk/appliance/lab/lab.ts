/** A lab: everything in its place, for as long as nobody takes it down. */
import { join } from 'node:path';
import { DetachedProcess } from './detached-process.js';
import { writeFabric } from './fabric.js';
import { kernelNextHops } from './kernel-routes.js';
import { LabError } from './lab-error.js';
import { namespaceNames, removeNamespace, runIn } from './namespaces.js';
import { buildNetwork, dropForVips, moveVm } from './network.js';
import { type LabPlaces, type MachinePlace, placesOf, urlOf, VIP4, VIP6 } from './places.js';
import { hostArguments, muxArguments } from './roles.js';
import { ROUTER_KINDS } from './routers/kinds.js';
import type { Router } from './routers/router.js';
import {
  claimRunFolder,
  type LabOptions,
  type LabState,
  readState,
  removeRunFolder,
  runFolder,
  writeState,
} from './run-folder.js';
import { runtimeOf } from './runtimes.js';
import { startServers } from './servers.js';
import { buildStandIn } from './stand-in.js';
import { GiveUp, waitFor } from './wait.js';

/** Sessions come up within seconds; programs compile, on a machine that has other things to do. */
const READY_MS_MAX = 60_000;
const CURL_SECONDS_MAX = 3;
const LINES_OF_THE_DEAD = 5;

/** How a lab that is being built says so. */
export interface Building {
  /** What is being done: `network`, `router BIRD`, … */
  readonly tell?: (step: string) => void;
  /** Ends it; what was built is removed. */
  readonly signal?: AbortSignal;
}

/** A lab that is up; `Lab.up` builds one, `Lab.find` finds one. */
export class Lab {
  readonly places: LabPlaces;
  readonly options: LabOptions;
  /** Path of its fabric file. */
  readonly fabric: string;
  /** Its run folder. */
  readonly folder: string;
  /** Its router; of a lab that was found, it knows no sessions. */
  readonly router: Router;
  readonly #state: LabState;

  private constructor(state: LabState) {
    this.#state = state;
    this.options = state.options;
    this.places = placesOf(state.options.name);
    this.folder = runFolder(state.options.name);
    this.fabric = join(this.folder, 'fabric.json');
    const { namespace } = this.places.router;
    this.router = ROUTER_KINDS[state.options.router].make({
      folder: this.folder,
      run: (command, args) => runIn(namespace, command, args),
      spawn: (name, command) => this.#start(name, namespace, command),
    });
  }

  /**
   * Builds a lab, and waits until both VIPs lead to both MUXes and every VM has answered; an empty one only until its router
   * can be asked.
   *
   * @throws LabError when there is one of that name, or something does not come up; then nothing of it is left
   */
  static async up(options: LabOptions, building: Building = {}): Promise<Lab> {
    await claim(options.name);
    try {
      const lab = new Lab({ options, hostOfVm: [1, 2], processes: [], isUp: false });
      await lab.#build(building);
      return lab;
    } catch (error) {
      await Lab.down(options.name);
      if (building.signal?.aborted || error instanceof LabError) throw error;
      throw new LabError(`the lab ${options.name} does not come up: ${(error as Error).message}`);
    }
  }

  /** Whether there is a lab of this name that is up. */
  static isUp(name: string): boolean {
    return readState(name)?.isUp ?? false;
  }

  /**
   * The lab of this name.
   *
   * @throws LabError when there is none, or only half of one
   */
  static find(name: string): Lab {
    const state = readState(name);
    if (state?.isUp) return new Lab(state);
    throw new LabError(`there is no lab ${name} that is up`);
  }

  /** Removes the lab of this name, and what is left of one that was never finished; `false` when there is nothing. */
  static async down(name: string): Promise<boolean> {
    const { namespaces } = placesOf(name);
    const isClaimed = !claimRunFolder(name);
    if (isClaimed) await Promise.all(namespaces.map(removeNamespace));
    removeRunFolder(name);
    return isClaimed;
  }

  /** Number of the host of VM 1 and of VM 2. */
  get hostOfVm(): readonly [number, number] {
    return this.#state.hostOfVm;
  }

  /** Whether MUXes and router watch each other by BFD. */
  get hasBfd(): boolean {
    const { router, runtime } = this.options;
    return ROUTER_KINDS[router].hasBfd && runtimeOf(runtime).hasBfd;
  }

  /** The latest process of each name. */
  get processes(): readonly DetachedProcess[] {
    return this.#state.processes.map((record) => new DetachedProcess(record));
  }

  /** The process of this name: `mux-1`, `host-2`, `web-1`. */
  process(name: string): DetachedProcess {
    const record = this.#state.processes.find((one) => one.name === name);
    if (record === undefined) throw new LabError(`the lab ${this.options.name} has no process ${name}`);
    return new DetachedProcess(record);
  }

  /** The machines whose places are filled by processes: MUXes, and hosts where they are not the kernel's. */
  get roles(): readonly { readonly place: MachinePlace; readonly args: readonly string[] }[] {
    const { muxes, hosts } = this.places;
    return [
      ...muxes.map((place) => ({ place, args: muxArguments(place, this) })),
      ...(this.options.dataPlane === 'kernel'
        ? []
        : hosts.map((place) => ({ place, args: hostArguments(place, this.places, this) }))),
    ];
  }

  /** Starts the process of a machine, `mux-1` or `host-2`, again. */
  startRole(id: string): DetachedProcess {
    const role = this.roles.find(({ place }) => place.id === id);
    if (role === undefined) throw new LabError(`nothing of ours is in the place of ${id}`);
    return this.#start(id, role.place.namespace, runtimeOf(this.options.runtime).command(role.args));
  }

  /** Ends the process of a machine by a signal; SIGKILL follows when it does not end. Nobody misses it from then on. */
  async endRole(id: string, signal: NodeJS.Signals): Promise<void> {
    const ending = this.process(id);
    this.#state.processes = this.#state.processes.filter(({ name }) => name !== id);
    writeState(this.#state);
    await ending.stop(signal);
  }

  /**
   * Moves a VM to a host: first the VM itself, then its network interface in the fabric.
   *
   * @param moved is called in between
   */
  async moveVm(vmNumber: 1 | 2, hostNumber: number, moved: () => void = () => {}): Promise<void> {
    const { vms, hosts } = this.places;
    const from = hosts[(this.hostOfVm[vmNumber - 1] as number) - 1] as MachinePlace;
    await moveVm(vms[vmNumber - 1], from, hosts[hostNumber - 1] as MachinePlace);
    moved();
    this.#state.hostOfVm[vmNumber - 1] = hostNumber;
    await this.#writeFabric();
    writeState(this.#state);
  }

  /** Waits until the kernel of the router sends both VIPs to exactly these MUXes. */
  async nextHopsBecome(muxes: readonly MachinePlace[], timeoutMs = READY_MS_MAX): Promise<void> {
    const expected = muxes.map(({ port }) => port).join(', ');
    const ask = async (vip: string): Promise<true> => {
      this.#checkProcesses();
      const found = (await this.nextHops(vip)).join(', ');
      if (found === expected) return true;
      throw new Error(`[${found}]`);
    };
    for (const vip of [VIP4, VIP6]) await waitFor(`${vip} to go to [${expected}]`, () => ask(vip), timeoutMs);
  }

  /** Ports by which the kernel of the router sends packets to a VIP. */
  async nextHops(vip: string): Promise<string[]> {
    return (await kernelNextHops(this.places.router.namespace, vip)).map(({ port }) => port);
  }

  /** Waits until both VIPs answer, and each VM under its own port of them. */
  async answers(timeoutMs = READY_MS_MAX): Promise<void> {
    const hasNatRules = this.options.dataPlane === 'edgemux';
    const ports = [undefined, ...(hasNatRules ? this.places.vms.map(({ natPort }) => natPort) : [])];
    for (const vip of [VIP4, VIP6]) {
      for (const port of ports) {
        const url = urlOf(vip, '/', port);
        const ask = (): Promise<string> => {
          this.#checkProcesses();
          return this.curl(url);
        };
        await waitFor(`an answer of ${url}`, ask, timeoutMs);
      }
    }
  }

  /** What `curl` at the client prints for a URL. */
  curl(url: string): Promise<string> {
    return runIn(this.places.client.namespace, 'curl', ['-sS', '-f', '-m', String(CURL_SECONDS_MAX), url]);
  }

  async #build({ tell = () => {}, signal }: Building): Promise<void> {
    const { router, port, web, isEmpty, dataPlane } = this.options;
    const kind = ROUTER_KINDS[router];
    writeState(this.#state);
    const step = async (name: string, work: () => Promise<void>): Promise<void> => {
      signal?.throwIfAborted();
      tell(name);
      await work();
    };
    await step('network', async () => {
      const muxesForward = dataPlane === 'kernel' || port === 'tun';
      await buildNetwork(this.places, muxesForward);
      if (muxesForward) await dropForVips(this.places);
      await this.#writeFabric();
    });
    await step(`router ${kind.name}`, () =>
      this.router.start(
        this.places.muxes.map(({ port, ipv4, routerIpv4 }) => ({
          name: port,
          muxAddress: ipv4,
          routerAddress: routerIpv4,
          hasBfd: this.hasBfd,
        })),
      ),
    );
    await step('web servers', () => startServers(this.places, web, this.folder, (...args) => this.#start(...args)));
    if (!isEmpty) {
      if (dataPlane === 'kernel') await step('kernel data plane', () => buildStandIn(this.places));
      await step('MUXes and hosts', async () => {
        for (const { place } of this.roles) this.startRole(place.id);
      });
      await step('routes', () => this.nextHopsBecome(this.places.muxes));
      await step('first requests', () => this.answers());
    }
    signal?.throwIfAborted();
    this.#state.isUp = true;
    writeState(this.#state);
  }

  #writeFabric(): Promise<void> {
    return writeFabric(this.fabric, this.places, this);
  }

  #start(name: string, namespace: string, command: readonly string[]): DetachedProcess {
    const started = DetachedProcess.start(name, namespace, command, join(this.folder, `${name}.log`));
    this.#state.processes = [...this.#state.processes.filter((one) => one.name !== name), started.record];
    writeState(this.#state);
    return started;
  }

  /** Who waits for a process that has ended waits in vain. */
  #checkProcesses(): void {
    const dead = this.processes.find((one) => !one.isRunning);
    if (dead === undefined) return;
    const lines = dead.lastLines(LINES_OF_THE_DEAD).map((line) => `\n  ${line}`);
    throw new GiveUp(`${dead.record.name} has ended${lines.join('')}`);
  }
}

async function claim(name: string): Promise<void> {
  if (!claimRunFolder(name)) {
    const isUp = readState(name)?.isUp ?? false;
    throw new LabError(`there is a lab ${name} already${isUp ? '' : ', half built'}: edgemux lab down --name ${name}`);
  }
  const existing = await namespaceNames();
  const taken = placesOf(name).namespaces.filter((namespace) => existing.includes(namespace));
  if (taken.length === 0) return;
  removeRunFolder(name);
  throw new LabError(`there is a namespace ${taken[0]} that is of no lab: choose another --name`);
}
