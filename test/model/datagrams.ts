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
  readonly #known = new Map<string, { way: Way; nic: string; fate: Fate; tick: number }>();

  record(way: Way, nic: string, first: IpPacket, fate: Fate, tick: number): void {
    this.#known.set(keyOf(nic, first), { way, nic, fate, tick });
  }

  fateOf(way: Way, nic: string, fragment: IpPacket, tick: number): Fate | undefined {
    const known = this.#known.get(keyOf(nic, fragment));
    return known?.way === way && tick - known.tick < DATAGRAM_TICKS ? known.fate : undefined;
  }

  /** Forgets the datagrams of NICs that left. */
  keepOnly(isHere: (nic: string) => boolean): void {
    for (const [key, { nic }] of this.#known) {
      if (!isHere(nic)) this.#known.delete(key);
    }
  }
}

/**
 * The protocol is the one that the IPv4 or the fragment header announces: only the first fragment shows the upper
 * protocol behind further IPv6 headers. The way is no part of it: what a VM sends to its own VIP has the same addresses
 * on both, and a sender uses no identification twice while it may matter.
 */
function keyOf(nic: string, { source, destination, fragment }: IpPacket): string {
  return [nic, source, destination, fragment?.protocol, fragment?.identification].join(' ');
}
