/** The services of a running MUX: which index each has, its record, and what of a packet leads to it. */
import * as abi from '../../assembly/abi.js';
import { idleTicks } from '../dataplane/clock.js';
import { readTraffic, type Traffic } from '../dataplane/counters.js';
import type { DataPlane } from '../dataplane/instance.js';
import type { Distribution, MuxProgram, Ring, Service } from '../program/types.js';
import type { BackendTable } from './backend-table.js';
import { forgetDepartures, type Members } from './departures.js';
import { EndpointTable } from './endpoint-table.js';
import { IndexPool } from './index-pool.js';
import type { PlacedRing, RingTable } from './ring-table.js';

const DISTRIBUTIONS: Readonly<Record<Distribution, number>> = {
  Default: abi.DISTRIBUTION_DEFAULT,
  SourceIP: abi.DISTRIBUTION_SOURCE_IP,
  SourceIPProtocol: abi.DISTRIBUTION_SOURCE_IP_PROTOCOL,
};

/** Index, record and endpoint entries of every service. */
export class ServiceTable {
  readonly #dataPlane: DataPlane;
  readonly #base: number;
  readonly #pool: IndexPool;
  readonly #endpoints: EndpointTable;
  #indexes = new Map<string, number>();
  #byIndex = new Map<number, Service>();
  #members: Members = new Map();

  constructor(dataPlane: DataPlane) {
    const { base, count } = dataPlane.region(abi.REGION_SERVICES);
    this.#dataPlane = dataPlane;
    this.#base = base;
    this.#endpoints = new EndpointTable(dataPlane);
    // Flows and fragmented datagrams name their service by index: before it means another service, those of the old one go.
    this.#pool = new IndexPool(Math.min(count, abi.SERVICE_COUNT_MAX), () => {
      dataPlane.exports.flowSweep();
      dataPlane.exports.pinSweep();
    });
  }

  /** Brings the tables to the services, VIPs and leased ports of a program, whose backends and rings are in place already. */
  apply(program: MuxProgram, backends: BackendTable, rings: RingTable, ringKeys: readonly string[]): void {
    const wanted = new Set(program.services.map((service) => service.key));
    for (const [key, index] of this.#indexes) if (!wanted.has(key)) this.#remove(key, index);
    const members = new Map<number, ReadonlySet<number>>();
    const ringMembers = program.rings.map((ring) => membersOf(program, ring, backends));
    for (const service of program.services) {
      const index = this.#put(service);
      const { target } = service;
      const ring = 'ring' in target ? rings.ring(ringKeys[target.ring]) : undefined;
      const fixed = 'backend' in target ? backends.indexOf(backendKey(program, target.backend)) : abi.NO_INDEX;
      this.#write(index, service, ring ? { ...ring, address: rings.address(ring) } : undefined, fixed);
      members.set(index, 'ring' in target ? ringMembers[target.ring] : NO_MEMBERS);
    }
    this.#endpoints.apply(
      program,
      (service) => this.#indexes.get(service.key) as number,
      (index) => backends.indexOf(backendKey(program, index)),
    );
    forgetDepartures(this.#dataPlane, this.#members, members, (index) => backends.at(index) !== undefined);
    this.#members = members;
  }

  /** The service at an index of the boundary. */
  at(index: number): Service | undefined {
    return this.#byIndex.get(index);
  }

  /** Every service with its index. */
  entries(): Iterable<readonly [index: number, service: Service]> {
    return this.#byIndex;
  }

  /** The backends, by index, that may have connections of a service by way of its ring. */
  membersOf(index: number): ReadonlySet<number> {
    return this.#members.get(index) ?? NO_MEMBERS;
  }

  /** Packets and bytes forwarded for a service, 0 for one that is not there. */
  traffic(key: string): Traffic {
    const index = this.#indexes.get(key);
    return index === undefined
      ? { packets: 0, bytes: 0 }
      : readTraffic(this.#dataPlane, this.#address(index) + abi.SERVICE_PACKETS);
  }

  #put(service: Service): number {
    let index = this.#indexes.get(service.key);
    if (index === undefined) {
      index = this.#pool.allocate();
      this.#indexes.set(service.key, index);
      this.#dataPlane.bytes.fill(0, this.#address(index), this.#address(index) + abi.SERVICE_BYTES);
    }
    this.#byIndex.set(index, service);
    return index;
  }

  #remove(key: string, index: number): void {
    this.#dataPlane.bytes[this.#address(index) + abi.SERVICE_STATE] = 0;
    // Its flows are expired from now on: they make room for others.
    this.#dataPlane.view.setUint32(this.#address(index) + abi.SERVICE_IDLE_TICKS, 0, true);
    this.#indexes.delete(key);
    this.#byIndex.delete(index);
    this.#pool.release(index);
  }

  #write(index: number, service: Service, ring: (PlacedRing & { address: number }) | undefined, fixed: number): void {
    const address = this.#address(index);
    const { view } = this.#dataPlane;
    view.setUint32(address + abi.SERVICE_RING_BASE, ring?.address ?? 0, true);
    view.setUint32(address + abi.SERVICE_RING_SLOT_COUNT, ring?.slotCount ?? 0, true);
    view.setUint8(address + abi.SERVICE_DISTRIBUTION, DISTRIBUTIONS[service.distribution]);
    view.setUint8(address + abi.SERVICE_STATE, 1);
    view.setUint32(address + abi.SERVICE_IDLE_TICKS, idleTicks(service.idleTimeoutMs), true);
    view.setUint32(address + abi.SERVICE_BACKEND, fixed, true);
  }

  #address(index: number): number {
    return this.#base + index * abi.SERVICE_BYTES;
  }
}

/** Every backend that may have connections by way of a ring. */
function membersOf(program: MuxProgram, ring: Ring, backends: BackendTable): ReadonlySet<number> {
  const indexes = [...ring.members.map(({ backend }) => backend), ...(ring.drained ?? [])];
  return new Set(indexes.map((index) => backends.indexOf(backendKey(program, index))));
}

/** A service with one fixed backend asks no flow table. */
const NO_MEMBERS: ReadonlySet<number> = new Set();

function backendKey(program: MuxProgram, index: number): string {
  return program.backends[index].key;
}
