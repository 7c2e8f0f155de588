/** Puts exported flows into a table: translates their numbers into this MUX's indexes, and hands them over in bulk. */
import * as abi from '../../assembly/abi.js';
import { wrapMs } from '../dataplane/clock.js';
import type { DataPlane } from '../dataplane/instance.js';
import { addressNet } from '../dataplane/network-order.js';
import { EdgemuxError } from '../errors.js';
import { parseIp } from '../net/address.js';
import type { Backend } from '../program/types.js';
import { type BackendTable, type Endpoint, isSameEndpoint } from './backend-table.js';
import type { ServiceTable } from './service-table.js';

/** The flows of a MUX, and whom they belong to. */
export interface FlowOwner {
  readonly dataPlane: DataPlane;
  readonly services: ServiceTable;
  readonly backends: BackendTable;
  readonly flowHashKey: string;
}

/** What became of the flows of an export; the three add up to all of them. */
export interface FlowsImported {
  /** Flows that are in the table now. */
  readonly imported: number;
  /** Flows whose service is not here, or whose backend is not, is another machine, or has left the service. */
  readonly unknown: number;
  /** Flows there was no room for, that the table knew already, or that were idle for longer than the rule here allows. */
  readonly refused: number;
}

/** Flows one after the other, each `FLOW_EXPORT_BYTES` long. */
export interface FlowList {
  readonly count: number;
  readonly view: DataView;
}

/** What a number stands for: nothing the export named, nothing this MUX has, or an index of its own. */
const NAMELESS = -2;
const UNKNOWN = -1;
const NUMBER_COUNT = 65_536;

const WORD_BYTES = 4;
/** Of the high word of a value. */
const CLASS_SHIFT = abi.FLOW_CLASS_SHIFT - 32;
const STATE_SHIFT = abi.FLOW_STATE_SHIFT - 32;
const TICKS_SHIFT = abi.FLOW_TICKS_SHIFT - 32;
const CLASS_MASK = 3;
const STATE_MASK = 7;
const GENERATION_MASK = 0xff;

export class Importer {
  readonly #owner: FlowOwner;
  readonly #nowMs: number;
  readonly #serviceIndexes = new Int32Array(NUMBER_COUNT).fill(NAMELESS);
  readonly #backendIndexes = new Int32Array(NUMBER_COUNT).fill(NAMELESS);
  /** By number of the service: its VIP as on the wire, 0 for an IPv6 one. */
  readonly #vips = new Uint32Array(NUMBER_COUNT);
  /** By number of the service: the backends, by index here, that may have its connections. */
  readonly #members: ReadonlySet<number>[] = [];
  readonly #servicesByKey: Map<string, readonly [index: number, vip: string]>;
  readonly #backendsByKey: Map<string, readonly [index: number, backend: Backend]>;
  #waiting = 0;
  #imported = 0;
  #unknown = 0;
  #refused = 0;

  constructor(owner: FlowOwner, nowMs: number) {
    this.#owner = owner;
    this.#nowMs = nowMs;
    this.#servicesByKey = new Map(Array.from(owner.services.entries(), ([index, { key, vip }]) => [key, [index, vip]]));
    this.#backendsByKey = new Map(Array.from(owner.backends.entries(), (entry) => [entry[1].key, entry]));
  }

  /** Says which service the export means by a number. */
  nameService(number: number, key: string): void {
    const [index, vip] = this.#servicesByKey.get(key) ?? [UNKNOWN, undefined];
    this.#serviceIndexes[number] = index;
    this.#vips[number] = vip !== undefined && parseIp(vip).family === 4 ? addressNet(vip) : 0;
    this.#members[number] = this.#owner.services.membersOf(index);
  }

  /** Says which backend the export means by a number. */
  nameBackend(number: number, key: string, endpoint: Endpoint): void {
    const known = this.#backendsByKey.get(key);
    this.#backendIndexes[number] = known && isSameEndpoint(known[1], endpoint) ? known[0] : UNKNOWN;
  }

  /**
   * Looks at every flow before one is taken: a digest proves that nobody damaged an export, not that whoever made it did
   * so well.
   */
  check({ count, view }: FlowList): void {
    for (let at = abi.FLOW_EXPORT_VALUE; at < count * abi.FLOW_EXPORT_BYTES; at += abi.FLOW_EXPORT_BYTES) {
      const low = view.getUint32(at, true);
      const high = view.getUint32(at + WORD_BYTES, true);
      const isSound =
        this.#serviceIndexes[low & 0xffff] !== NAMELESS &&
        this.#backendIndexes[low >>> abi.FLOW_BACKEND_SHIFT] !== NAMELESS &&
        (high & GENERATION_MASK) === 0 &&
        ((high >>> CLASS_SHIFT) & CLASS_MASK) !== 0 &&
        ((high >>> STATE_SHIFT) & STATE_MASK) <= abi.FLOW_RESET &&
        high >>> TICKS_SHIFT <= abi.FLOW_IDLE_TICKS_MAX;
      if (!isSound) throw invalidFlows(`flow ${Math.floor(at / abi.FLOW_EXPORT_BYTES)} is none`);
    }
  }

  /** Takes the flows whose state is wanted. */
  add({ count, view }: FlowList, isWanted: (state: number) => boolean): void {
    const { words } = this.#owner.dataPlane;
    const { start, room } = this.#room();
    for (let at = 0; at < count * abi.FLOW_EXPORT_BYTES; at += abi.FLOW_EXPORT_BYTES) {
      const low = view.getUint32(at + abi.FLOW_EXPORT_VALUE, true);
      const high = view.getUint32(at + abi.FLOW_EXPORT_VALUE + WORD_BYTES, true);
      if (!isWanted((high >>> STATE_SHIFT) & STATE_MASK)) continue;
      const number = low & 0xffff;
      const backend = this.#backendIndexes[low >>> abi.FLOW_BACKEND_SHIFT];
      // A service that is unknown has no members.
      if (!this.#members[number].has(backend)) {
        this.#unknown++;
        continue;
      }
      const record = (start + this.#waiting * abi.FLOW_IMPORT_BYTES) / WORD_BYTES;
      words[record] = view.getUint32(at, true);
      words[record + 1] = view.getUint32(at + WORD_BYTES, true);
      words[record + 2] = this.#serviceIndexes[number] | (backend << abi.FLOW_BACKEND_SHIFT);
      words[record + 3] = high;
      words[record + 4] = this.#vips[number];
      if (++this.#waiting === room) this.#handOver();
    }
    this.#handOver();
  }

  finish(): FlowsImported {
    return { imported: this.#imported, unknown: this.#unknown, refused: this.#refused };
  }

  #handOver(): void {
    const { exports } = this.#owner.dataPlane;
    const imported = exports.flowImport(this.#room().start, this.#waiting, wrapMs(this.#nowMs));
    this.#imported += imported;
    this.#refused += this.#waiting - imported;
    this.#waiting = 0;
  }

  #room(): { start: number; room: number } {
    const { dataPlane } = this.#owner;
    const { base, count } = dataPlane.region(abi.REGION_SLOTS);
    return { start: base, room: Math.floor((count * dataPlane.plan.slotBytes) / abi.FLOW_IMPORT_BYTES) };
  }
}

/** Bytes that are no export. */
export function invalidFlows(why: string): EdgemuxError {
  return new EdgemuxError('ERR_FLOWS_INVALID', `not the flows of a MUX: ${why}`);
}
