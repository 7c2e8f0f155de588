/**
 * A MUX program as questions: whose packet is this, and who would the ring choose?
 */

import type { Backend, MuxProgram, Service } from '../../sdk/program/types.js';
import { type FiveTuple, flowHash, ringSlot } from './flow-hash.js';
import { mostSpecific } from './lookup.js';
import { buildRing, permutationOf } from './maglev.js';

export class MuxPolicy {
  readonly program: MuxProgram;
  /** For each ring the backend of each slot. */
  readonly #rings: readonly Backend[][];

  constructor(program: MuxProgram) {
    this.program = program;
    this.#rings = program.rings.map(({ members, slotCount }) => {
      if (members.length === 0) return [];
      const backendOf = members.map((member) => program.backends[member.backend]!);
      const permuted = members.map(({ weight }, index) => ({
        ...permutationOf(backendOf[index]!.key, slotCount),
        weight,
      }));
      return buildRing(permuted, slotCount).map((owner) => backendOf[owner]!);
    });
  }

  isVip(address: string): boolean {
    return this.program.vips.includes(address);
  }

  instanceService(vip: string): Service | undefined {
    return this.program.services.find((service) => service.vip === vip && service.isInstanceAddress);
  }

  service(vip: string, protocol: number, port: number): Service | undefined {
    return mostSpecific(this.program.services, vip, protocol, port);
  }

  /** Who has leased this port of the VIP. */
  leaseholder(vip: string, port: number): Backend | undefined {
    const range = this.program.snatRanges?.find(
      ({ vip: leased, firstPort, portCount }) => leased === vip && port >= firstPort && port < firstPort + portCount,
    );
    return range && this.program.backends[range.backend];
  }

  fixedBackend({ target }: Service): Backend | undefined {
    return 'backend' in target ? this.program.backends[target.backend] : undefined;
  }

  /** Who the ring of the service chooses; `undefined` when it is empty. */
  owner({ target, distribution }: Service, tuple: FiveTuple): Backend | undefined {
    const ring = 'ring' in target ? this.#rings[target.ring]! : [];
    if (ring.length === 0) return undefined;
    return ring[ringSlot(flowHash(this.program.flowHashKey, tuple, distribution), ring.length)];
  }

  /** Of the 5-tuple: what the outer headers show of a connection. */
  hash(tuple: FiveTuple): bigint {
    return flowHash(this.program.flowHashKey, tuple, 'Default');
  }

  /** The same DIP in the same tenant network on the same VM, wherever the VM is now. */
  sameMachine(backend: Backend): Backend | undefined {
    const now = this.program.backends.find(({ key }) => key === backend.key);
    const isSame =
      now !== undefined && now.dip === backend.dip && now.vni === backend.vni && now.macAddress === backend.macAddress;
    return isSame ? now : undefined;
  }

  /** Whether the backend may have connections of the service by way of its ring, drained or not. */
  isMember(serviceKey: string, backend: Backend): boolean {
    const target = this.program.services.find(({ key }) => key === serviceKey)?.target;
    if (target === undefined || !('ring' in target)) return false;
    const { members, drained = [] } = this.program.rings[target.ring]!;
    const indexes = [...members.map((member) => member.backend), ...drained];
    return indexes.some((index) => this.program.backends[index]!.key === backend.key);
  }
}
