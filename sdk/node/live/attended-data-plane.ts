/** A data plane with its ports, as the loop of its thread runs it and its owner directs it. */
import { performance } from 'node:perf_hooks';
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { HostAgent } from '../../host/index.js';
import type { Mux } from '../../mux/index.js';
import type { HostProgram, MuxProgram, Program } from '../../program/index.js';
import { libcFor } from '../../runtime/node/libc.js';
import { isInterfaceThere } from '../../runtime/node/ports/interface.js';
import { openPort } from '../../runtime/node/ports/open-port.js';
import { portError } from '../../runtime/node/ports/port-error.js';
import type { PortPlan } from '../../runtime/node/ports/types.js';
import type { PacketPort } from '../../runtime/packet-port.js';
import { packError } from '../crossing-error.js';
import type { DataPlaneCall, DataPlaneReport, DataPlaneRequest, Routes } from './data-plane-messages.js';
import type { PacketLoopParts } from './packet-loop.js';
import { Poller } from './poller.js';

/** One of the two. */
export type AnyDataPlane =
  | { readonly role: 'mux'; readonly mux: Mux }
  | { readonly role: 'host'; readonly host: HostAgent };

/** How it is connected with its owner. */
export interface Connection {
  /** Requests come and reports go by it. */
  readonly owner: MessagePort;
  /** The descriptor that wakes the thread. */
  readonly waker: number;
  /** Goes up as long as the loop turns. */
  readonly beats: Int32Array;
}

/** What the loop runs: see `runPacketLoop`. */
export class AttendedDataPlane implements PacketLoopParts {
  readonly #which: AnyDataPlane;
  readonly #machine: Mux | HostAgent;
  readonly #connection: Connection;
  readonly #poller: Poller;
  /** Those that are open, also those the loop leaves alone. Queues of one port have its name. */
  #open: readonly PacketPort[] = [];
  #routes: Routes = {};
  #isEndTold = false;
  ports: readonly PacketPort[] = [];

  constructor(which: AnyDataPlane, connection: Connection) {
    this.#which = which;
    this.#machine = which.role === 'mux' ? which.mux : which.host;
    this.#connection = connection;
    this.#poller = new Poller(connection.waker);
  }

  nowMs(): number {
    this.#connection.beats[0] += 1;
    return performance.now();
  }

  process(nowMs: number): void {
    this.#machine.processPorts(nowMs);
  }

  pendingCount({ number }: PacketPort): number {
    return this.#machine.ports.pendingCount(number);
  }

  wait(ports: readonly PacketPort[], timeoutMs: number, ready: (port: PacketPort, isTroubled: boolean) => void) {
    return this.#poller.wait(ports, timeoutMs, ready);
  }

  obey(): boolean {
    const { owner } = this.#connection;
    for (;;) {
      const message = receiveMessageOnPort(owner) as { readonly message: DataPlaneRequest } | undefined;
      if (message === undefined) return false;
      const { id, call } = message.message;
      let report: DataPlaneReport = { kind: 'answer', id };
      try {
        this.#perform(call);
      } catch (error) {
        report = { ...report, error: packError(error) };
      }
      this.#tell(report);
      if (call.method === 'stop') return true;
    }
  }

  everySecond(): void {
    this.#loseGone();
    const ports = this.#open.map((port) => ({ name: port.name, ...port.counters() }));
    const { freeChunkCount } = this.#machine.ports;
    const stats = { counters: this.#machine.counters(), ports, freeChunkCount, cpuMs: threadCpuMs() };
    this.#tell({ kind: 'stats', stats });
    if (this.#isEndTold || this.#open.length === 0) return;
    this.#isEndTold = this.#open.every(({ isAtEnd }) => isAtEnd);
    if (this.#isEndTold) this.#tell({ kind: 'end' });
  }

  lost(port: PacketPort, error: unknown): void {
    this.ports = this.ports.filter((one) => one !== port);
    this.#tell({ kind: 'lost', port: port.name, error: packError(error) });
  }

  /** Interfaces that have been deleted or moved away: their ports would wait for ever. */
  #loseGone(): void {
    for (const port of this.ports) {
      if (!port.interface || isInterfaceThere(port.interface.index)) continue;
      this.lost(port, portError(port.name, `${port.interface.name} has gone`));
    }
  }

  #perform(call: DataPlaneCall): void {
    switch (call.method) {
      case 'program':
        this.#program(call.program);
        break;
      case 'openPort':
        this.#openPort(call.plan);
        break;
      case 'closePort':
        this.#close(call.name);
        break;
      case 'route':
        this.#routes = call.routes;
        this.#setRoutes();
        break;
      case 'stop':
        this.everySecond();
        for (const { name } of this.#open) this.#close(name);
    }
  }

  #program(program: Program): void {
    if (this.#which.role === 'mux') this.#which.mux.program(program as MuxProgram);
    else this.#which.host.apply(program as HostProgram, { takesOver: true });
  }

  #openPort(plan: PortPlan): void {
    const port = openPort(plan, this.#machine.ports);
    this.#open = [...this.#open, port];
    this.ports = [...this.ports, port];
    this.#setRoutes();
  }

  #close(name: string): void {
    const closing = this.#open.filter((port) => port.name === name);
    if (closing.length === 0) return;
    this.#open = this.#open.filter((port) => port.name !== name);
    this.ports = this.ports.filter((port) => port.name !== name);
    // Nothing may be dispatched to it any more, whatever becomes of the closing.
    this.#setRoutes();
    for (const port of closing) port.close();
  }

  /** Ports that are not open, or not yet, have no part in it. */
  #setRoutes(): void {
    const numberOf = (name: string | undefined) => this.#open.find((port) => port.name === name)?.number;
    const { tunnels, replies, pass, vms = {} } = this.#routes;
    this.#machine.ports.setRoutes({
      tunnels: numberOf(tunnels),
      replies: numberOf(replies),
      pass: numberOf(pass),
      // A NIC whose port is not open stays named: what is for its VM goes to no other one.
      nicPorts: new Map(Object.entries(vms).map(([nic, name]) => [nic, numberOf(name)])),
    });
  }

  #tell(report: DataPlaneReport): void {
    this.#connection.owner.postMessage(report);
  }
}

const CLOCK_THREAD_CPUTIME_ID = 3;
const time = new BigInt64Array(2);

/** Processor time of this thread; Node 20 has no call for it. */
function threadCpuMs(): number | undefined {
  if (libcFor('packet ports').clock_gettime(CLOCK_THREAD_CPUTIME_ID, time) < 0) return undefined;
  return Number(time[0]) * 1000 + Number(time[1]) / 1e6;
}
