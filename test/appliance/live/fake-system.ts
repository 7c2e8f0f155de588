/** A machine for the roles that notes down what they do to it, in order, and does what a test says. */
import type { LiveDataPlane, LiveInterfaces, LiveSpeaker, LiveSystem } from '../../../sdk/appliance/live/system.js';
import type { Route, SpeakerEvent } from '../../../sdk/bgp/index.js';
import { EdgemuxError } from '../../../sdk/errors.js';
import type { DataPlaneEvent } from '../../../sdk/node/index.js';
import type { HostProgram, MuxProgram, Program } from '../../../sdk/program/index.js';
import type { NextHop, NextHops } from '../../../sdk/runtime/next-hops.js';
import type { PortAttachment, PortPlan } from '../../../sdk/runtime/node/ports/types.js';
import type { FrameSelection, PortInterface } from '../../../sdk/runtime/packet-port.js';

/** MAC address of the fake's interfaces. */
export const OUR_MAC = '02:aa:00:00:00:01';
/** MAC address of whoever is next. */
export const NEXT_MAC = '02:bb:00:00:00:01';

const MTU_BYTES = 1600;

export class FakeSystem implements LiveSystem {
  /** What has been done, as words: `attach packet:up0`, `thread 0 program …`, `select packet:up0 …`, `announce …`. */
  readonly log: string[] = [];
  readonly threads: FakeThread[] = [];
  readonly interfaces = new FakeInterfaces();
  readonly nextHops = new FakeNextHops();
  speaker: FakeSpeaker | undefined;
  /** Steps that fail, by the beginning of their words. */
  readonly refused = new Set<string>();
  /** Attachments that are open, and threads, speaker and the like. */
  openCount = 0;

  constructor() {
    this.interfaces.set('up0', 2);
  }

  /** Does a step, or fails. */
  step(words: string): void {
    for (const refused of this.refused) {
      if (words.startsWith(refused)) throw new EdgemuxError('ERR_PORT', `${words}: refused by the test`);
    }
    this.log.push(words);
  }

  attachPort: LiveSystem['attachPort'] = ({ kind, target, text }, { queueCount, mtuBytesMin }) => {
    const name = target === '' ? kind : `${kind}:${target}`;
    const found = this.interfaces.named(target);
    if (kind === 'packet' && !found) throw new EdgemuxError('ERR_PORT', `${text}: there is no interface ${target}`);
    this.step(`attach ${name}`);
    if (found && found.mtuBytes < mtuBytesMin) throw new EdgemuxError('ERR_PORT', `${text}: MTU ${found.mtuBytes}`);
    return this.#attachment(name, found, queueCount);
  };

  openPassDevice: LiveSystem['openPassDevice'] = () => {
    this.step('attach pass');
    return this.#attachment('pass', undefined, 1);
  };

  openNextHops: LiveSystem['openNextHops'] = () => this.nextHops;
  openInterfaces: LiveSystem['openInterfaces'] = () => this.interfaces;

  startDataPlane: LiveSystem['startDataPlane'] = async () => {
    this.step(`thread ${this.threads.length} start`);
    const thread = new FakeThread(this, this.threads.length);
    this.threads.push(thread);
    this.openCount += 1;
    return thread;
  };

  startSpeaker: LiveSystem['startSpeaker'] = async ({ peers }, listener) => {
    this.step(`speaker start ${peers.map(({ address }) => address).join(' ')}`);
    this.speaker = new FakeSpeaker(this, listener);
    this.openCount += 1;
    return this.speaker;
  };

  #attachment(name: string, found: PortInterface | undefined, queueCount: number): PortAttachment {
    this.openCount += 1;
    const plan = { kind: 'packet', name, side: 'underlay', interface: found, descriptor: 3 } as unknown as PortPlan;
    return {
      name,
      interface: found,
      plans: Array.from({ length: queueCount }, () => plan),
      notes: [],
      select: (selection) => this.step(`select ${name} ${selectionText(selection)}`.trimEnd()),
      close: () => {
        this.step(`close ${name}`);
        this.openCount -= 1;
      },
    };
  }
}

function selectionText({ destinations, tunnelEnds, sources, local }: FrameSelection): string {
  const parts = [
    ['to', destinations],
    ['tunnels to', tunnelEnds],
    ['from', sources],
    ['not to', local],
  ] as const;
  return parts.flatMap(([word, list]) => (list.length > 0 ? [`${word} ${list.join(' ')}`] : [])).join(', ');
}

/** A thread that does nothing but say yes. */
export class FakeThread implements LiveDataPlane {
  readonly #system: FakeSystem;
  readonly #number: number;
  readonly #listeners = new Set<(event: DataPlaneEvent) => void>();
  program_: Program | undefined;
  isStalled = false;
  beats = 0;
  #end = () => {};
  /** Dies. */
  die: (error: unknown) => void = () => {};
  readonly ended = new Promise<void>((resolve, reject) => {
    this.#end = resolve;
    this.die = reject;
  });
  readonly stats = undefined;

  constructor(system: FakeSystem, number: number) {
    this.#system = system;
    this.#number = number;
    this.ended.catch(() => {});
  }

  get beatCount(): number {
    if (!this.isStalled) this.beats += 1;
    return this.beats;
  }

  subscribe(listener: (event: DataPlaneEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(event: DataPlaneEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async program(program: Program): Promise<void> {
    this.#step(`program ${programText(program)}`);
    this.program_ = program;
  }

  async openPort({ name }: PortPlan): Promise<void> {
    this.#step(`open ${name}`);
  }

  async closePort(name: string): Promise<void> {
    this.#step(`close ${name}`);
  }

  async route(routes: object): Promise<void> {
    this.#step(`route ${JSON.stringify(routes)}`);
  }

  async stop(): Promise<void> {
    this.#step('stop');
    this.#system.openCount -= 1;
    this.#end();
  }

  #step(words: string): void {
    this.#system.step(`thread ${this.#number} ${words}`);
  }
}

function programText(program: Program): string {
  return program.kind === 'mux'
    ? (program as MuxProgram).vips.join(' ')
    : (program as HostProgram).nics.map(({ key }) => key.split('/').at(-1)).join(' ');
}

/** A speaker without routers. */
export class FakeSpeaker implements LiveSpeaker {
  readonly #system: FakeSystem;
  readonly tell: (event: SpeakerEvent) => void;
  readonly status = { listeners: [], peers: [] };
  #isStopped = false;
  #end = () => {};
  /** Dies. */
  die: (error: unknown) => void = () => {};
  readonly ended = new Promise<void>((resolve, reject) => {
    this.#end = resolve;
    this.die = reject;
  });

  constructor(system: FakeSystem, tell: (event: SpeakerEvent) => void) {
    this.#system = system;
    this.tell = tell;
    this.ended.catch(() => {});
  }

  announce(routes: Iterable<Route>): void {
    this.#system.step(`announce ${[...routes].map(({ prefix }) => prefix).join(' ')}`.trimEnd());
  }

  async setPeers(peers: readonly { readonly address: string }[]): Promise<void> {
    this.#system.step(`peers ${peers.map(({ address }) => address).join(' ')}`);
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#system.step('withdraw and say goodbye');
    this.#system.openCount -= 1;
    this.#end();
  }
}

/** Interfaces that tests make and delete. */
export class FakeInterfaces implements LiveInterfaces {
  readonly #byName = new Map<string, PortInterface & { isUp: boolean }>();
  readonly #listeners = new Set<() => void>();

  set(name: string, index: number, isUp = true, mtuBytes = MTU_BYTES): void {
    this.#byName.set(name, { name, index, macAddress: OUR_MAC, mtuBytes, isUp });
    for (const listener of this.#listeners) listener();
  }

  remove(name: string): void {
    this.#byName.delete(name);
    for (const listener of this.#listeners) listener();
  }

  named(name: string): (PortInterface & { isUp: boolean }) | undefined {
    return this.#byName.get(name);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {}
}

/** Everybody is behind one router, at first. */
export class FakeNextHops implements NextHops {
  readonly #listeners = new Set<() => void>();
  wanted: readonly string[] = [];
  macAddress: string | undefined = NEXT_MAC;
  interfaceIndex = 2;
  localAddresses: readonly string[] = ['10.10.56.11'];

  want(destinations: readonly string[]): void {
    this.wanted = destinations;
  }

  of(_: string): NextHop | undefined {
    const name = `if${this.interfaceIndex}`;
    return {
      interface: { name, index: this.interfaceIndex, macAddress: OUR_MAC, mtuBytes: MTU_BYTES },
      address: '10.10.56.1',
      macAddress: this.macAddress,
    };
  }

  ofDefault(_: 4 | 6): NextHop | undefined {
    return this.of('');
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  change(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  close(): void {}
}
