/**
 * The backends of a running MUX: which index each has, and its record in memory.
 *
 * A backend keeps its index as long as its key lives. A VM that moves to another host is the same backend with another
 * template: its connections follow it. When the DIP, its network or its MAC changes, or the index passes to another
 * backend, the generation changes with it, and flow entries of the old one no longer match.
 */
import * as abi from '../../assembly/abi.js';
import { readTraffic, type Traffic } from '../dataplane/counters.js';
import type { DataPlane } from '../dataplane/instance.js';
import { type PermutationSeed, permutationSeed } from '../program/maglev.js';
import type { Backend, MuxProgram } from '../program/types.js';
import { IndexPool } from './index-pool.js';
import { type Encapsulator, encapsulationTemplate, encapsulatorOf } from './template.js';

interface Entry {
  readonly index: number;
  readonly backend: Backend;
  readonly seed: PermutationSeed;
}

/** What makes a backend the machine it is. */
export type Endpoint = Pick<Backend, 'dip' | 'vni' | 'macAddress'>;

/** Index, generation and record of every backend. */
export class BackendTable {
  readonly #dataPlane: DataPlane;
  readonly #base: number;
  readonly #pool: IndexPool;
  #entries = new Map<string, Entry>();
  #byIndex = new Map<number, Entry>();
  /** What the templates in memory were made for. */
  #encapsulator: Encapsulator | undefined;

  constructor(dataPlane: DataPlane) {
    const { base, count } = dataPlane.region(abi.REGION_BACKENDS);
    this.#dataPlane = dataPlane;
    this.#base = base;
    this.#pool = new IndexPool(Math.min(count, abi.BACKEND_COUNT_MAX));
  }

  /** Brings the table to exactly the backends of a program, whose hosts are in reach. */
  apply(program: MuxProgram): void {
    const { backends } = program;
    const encapsulator = encapsulatorOf(program);
    const wanted = new Set(backends.map((backend) => backend.key));
    for (const [key, entry] of this.#entries) if (!wanted.has(key)) this.#remove(key, entry);
    const isSameMachine = this.#encapsulator !== undefined && isEqual(this.#encapsulator, encapsulator);
    for (const backend of backends) {
      const known = this.#entries.get(backend.key);
      if (!known || !isSameMachine || !isEqual(known.backend, backend)) this.#put(encapsulator, backend);
    }
    this.#encapsulator = encapsulator;
  }

  indexOf(key: string): number {
    return this.#entry(key).index;
  }

  seedOf(key: string): PermutationSeed {
    return this.#entry(key).seed;
  }

  /** The backend at an index of the boundary. */
  at(index: number): Backend | undefined {
    return this.#byIndex.get(index)?.backend;
  }

  /** Every backend with its index. */
  *entries(): Iterable<readonly [index: number, backend: Backend]> {
    for (const [index, { backend }] of this.#byIndex) yield [index, backend];
  }

  /** Packets and bytes sent to a backend, 0 for one that is not there. */
  traffic(key: string): Traffic {
    const entry = this.#entries.get(key);
    return entry
      ? readTraffic(this.#dataPlane, this.#address(entry.index) + abi.BACKEND_PACKETS)
      : { packets: 0, bytes: 0 };
  }

  #entry(key: string): Entry {
    const entry = this.#entries.get(key);
    if (!entry) throw new RangeError(`no backend ${key}`);
    return entry;
  }

  #put(encapsulator: Encapsulator, backend: Backend): void {
    const known = this.#entries.get(backend.key);
    const index = known?.index ?? this.#pool.allocate();
    const entry: Entry = { index, backend, seed: known?.seed ?? permutationSeed(backend.key) };
    if (known && !isSameEndpoint(known.backend, backend)) this.#nextGeneration(index);
    this.#entries.set(backend.key, entry);
    this.#byIndex.set(index, entry);
    this.#write(index, encapsulator, backend);
    if (!known) this.#clearTraffic(index);
  }

  #remove(key: string, { index }: Entry): void {
    this.#dataPlane.bytes[this.#address(index) + abi.BACKEND_STATE] = 0;
    this.#nextGeneration(index);
    this.#entries.delete(key);
    this.#byIndex.delete(index);
    this.#pool.release(index);
  }

  #write(index: number, encapsulator: Encapsulator, backend: Backend): void {
    const address = this.#address(index);
    const template = encapsulationTemplate(encapsulator, backend);
    this.#dataPlane.bytes.set(template.bytes, address + abi.BACKEND_TEMPLATE);
    this.#dataPlane.view.setUint32(address + abi.BACKEND_HEADER_SUM, template.headerSum, true);
    this.#dataPlane.bytes[address + abi.BACKEND_KIND] = template.kind;
    this.#dataPlane.bytes[address + abi.BACKEND_STATE] = 1;
  }

  #clearTraffic(index: number): void {
    const start = this.#address(index) + abi.BACKEND_PACKETS;
    this.#dataPlane.bytes.fill(0, start, start + 16);
  }

  #nextGeneration(index: number): void {
    const at = this.#address(index) + abi.BACKEND_GENERATION;
    const next = (this.#dataPlane.bytes[at] + 1) & 0xff;
    this.#dataPlane.bytes[at] = next;
    // After 256 generations the first number comes again: nothing may remember it.
    if (next === 0) this.#forgetFlowsOf(index);
  }

  #forgetFlowsOf(index: number): void {
    const at = this.#address(index) + abi.BACKEND_STATE;
    const state = this.#dataPlane.bytes[at];
    this.#dataPlane.bytes[at] = 0;
    this.#dataPlane.exports.flowSweep();
    this.#dataPlane.bytes[at] = state;
  }

  #address(index: number): number {
    return this.#base + index * abi.BACKEND_BYTES;
  }
}

/** Whether two flat records with the same fields have the same values. */
function isEqual<T extends object>(a: T, b: T): boolean {
  return (Object.keys(b) as (keyof T)[]).every((field) => a[field] === b[field]);
}

/** Whether a backend is still the machine its connections were made with, wherever that runs now. */
export function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.dip === b.dip && a.vni === b.vni && a.macAddress === b.macAddress;
}
