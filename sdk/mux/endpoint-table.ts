/** What of a packet's destination a running MUX knows: its VIPs, the services on them, and the leased ports. */
import * as abi from '../../assembly/abi.js';
import { AddressWords } from '../dataplane/address-words.js';
import type { DataPlane } from '../dataplane/instance.js';
import { portNet } from '../dataplane/network-order.js';
import type { MuxProgram, Service, SnatRange } from '../program/types.js';

/** Ports of a SNAT range are leased in blocks of so many. */
export const SNAT_BLOCK_PORT_COUNT = 2 ** abi.SNAT_BLOCK_PORT_SHIFT;

/** The address, endpoint and SNAT block tables. */
export class EndpointTable {
  readonly #dataPlane: DataPlane;
  readonly #addresses: AddressWords;
  #hasBlocks = false;

  constructor(dataPlane: DataPlane) {
    this.#dataPlane = dataPlane;
    this.#addresses = new AddressWords(dataPlane);
  }

  /**
   * Brings the tables to a program, whose services and backends have their indexes already. What is for an address that
   * is no VIP is left out: the data plane passes such packets, and does not ask twice.
   */
  apply(
    program: MuxProgram,
    serviceIndex: (service: Service) => number,
    backendIndex: (inProgram: number) => number,
  ): void {
    const vips = new Set(program.vips);
    this.#addresses.apply(vips);
    const instances = new Map(
      program.services.filter((service) => service.isInstanceAddress).map((service) => [service.vip, service]),
    );
    this.#dataPlane.exports.endpointClear();
    for (const vip of vips) {
      const instance = instances.get(vip);
      this.#insert(vip, abi.ENDPOINT_PROTOCOL_VIP, 0, instance ? serviceIndex(instance) : abi.NO_INDEX);
    }
    for (const service of program.services) {
      if (service.isInstanceAddress || !vips.has(service.vip)) continue;
      this.#insert(service.vip, service.protocol, service.port, serviceIndex(service));
    }
    this.#applyBlocks(
      (program.snatRanges ?? []).filter(({ vip }) => vips.has(vip)),
      backendIndex,
    );
  }

  #insert(vip: string, protocol: number, port: number, service: number): void {
    const { word, family } = this.#addresses.of(vip);
    this.#dataPlane.exports.endpointInsert(word, family, protocol, portNet(port), service);
  }

  #applyBlocks(ranges: readonly SnatRange[], backendIndex: (inProgram: number) => number): void {
    // A table nobody has written to costs no memory.
    if (ranges.length === 0 && !this.#hasBlocks) return;
    this.#hasBlocks = true;
    const { exports } = this.#dataPlane;
    exports.snatBlockClear();
    for (const { vip, firstPort, portCount, backend } of ranges) {
      const { word, family } = this.#addresses.of(vip);
      const index = backendIndex(backend);
      const first = firstPort / SNAT_BLOCK_PORT_COUNT;
      for (let block = first; block < first + portCount / SNAT_BLOCK_PORT_COUNT; block++) {
        exports.snatBlockInsert(word, family, block, index);
      }
    }
  }
}
