/**
 * What a random packet is meant to be, before it is decided whether it stays so, and what all random traffic shares.
 */

import { ACK, FIN, PSH, RST, SYN } from './packet.js';
import type { Lie } from './packet-lies.js';
import type { PacketPlan } from './packet-plan.js';
import type { Random } from './random.js';

/** Where a host agent sees a frame come from; a MUX has only its underlay. */
export type Port = 'underlay' | 'vm' | 'shared';

/** A plan on its way, and the lies that may be told about it. */
export interface Intent {
  readonly about: string;
  readonly plan: PacketPlan;
  readonly port: Port;
  readonly lies: readonly { readonly about: string; readonly plan: PacketPlan; readonly lie: Lie }[];
}

/** A few clients and a few of their ports; now and then any of all. */
export function randomClient(random: Random): readonly [address: string, port: number] {
  if (random.oneIn(20)) return [random.bytes(4).join('.'), random.below(65536)];
  return [`192.0.2.${random.between(1, 6)}`, random.between(40000, 40003)];
}

/** Flags, payload and sizes of a packet that is all right. */
export function fillIn(filled: PacketPlan, random: Random): void {
  filled.tcpFlags = random.pick([SYN, SYN, ACK, ACK, ACK | PSH, FIN | ACK, RST, RST | ACK, SYN | ACK, SYN | RST, 0]);
  filled.payload = random.bytes(random.pick([0, 1, random.below(64), random.below(300)]));
  filled.ip.ttl = random.between(1, 255);
  filled.ip.id = random.below(65536);
}
