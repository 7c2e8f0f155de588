/**
 * Which fragments belong together, and what became of the first one of a datagram: ports are in the first one only, so
 * the others follow it. How fragments overlap is left to the VM's own stack.
 */

import type { IpPacket } from './ip.js';
import type { Change } from './rewrite.js';

/** Who gets a packet: out by the default gateway, or the VM. */
export type Receiver = 'gateway' | 'vm';

/** What is done to every fragment of a datagram. */
export interface Fate {
  readonly to: Receiver;
  /** Addresses only. */
  readonly change: Change;
}

/** Which way a datagram goes: to a VM, or from one. */
export type Way = 'in' | 'out';

/** A datagram is known for this long after its first fragment. */
const DATAGRAM_TICKS = 30;

export function isFirstFragment({ fragment }: IpPacket): boolean {
  return fragment !== undefined && fragment.offsetBytes === 0;
}

export function isLaterFragment({ fragment }: IpPacket): boolean {
  return fragment !== undefined && fragment.offsetBytes > 0;
}

export class Datagrams {
  readonly #known = new Map<string, { nic: string; fate: Fate; tick: number }>();

  record(way: Way, nic: string, first: IpPacket, fate: Fate, tick: number): void {
    this.#known.set(keyOf(way, nic, first), { nic, fate, tick });
  }

  fateOf(way: Way, nic: string, fragment: IpPacket, tick: number): Fate | undefined {
    const known = this.#known.get(keyOf(way, nic, fragment));
    return known !== undefined && tick - known.tick < DATAGRAM_TICKS ? known.fate : undefined;
  }

  /** Forgets the datagrams of NICs that left. */
  keepOnly(isHere: (nic: string) => boolean): void {
    for (const [key, { nic }] of this.#known) {
      if (!isHere(nic)) this.#known.delete(key);
    }
  }
}

function keyOf(way: Way, nic: string, { source, destination, protocol, fragment }: IpPacket): string {
  return [way, nic, source, destination, protocol, fragment?.identification].join(' ');
}
