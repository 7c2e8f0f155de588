/**
 * What a random packet is meant to be, before it is decided whether it stays so, and what all random traffic shares.
 */

import type { Lie } from './lie.js';
import { ACK, FIN, PSH, RST, SYN } from './packet.js';
import { packetLies } from './packet-lies.js';
import type { PacketPlan } from './packet-plan.js';
import type { Random } from './random.js';

/** Where a host agent sees a frame come from; a MUX has only its underlay. */
export type Port = 'underlay' | 'vm' | 'shared';

/** A lie, and the plan it may be told about: the outer or the inner one of a tunnel. */
export interface PossibleLie {
  readonly about: string;
  readonly plan: PacketPlan;
  readonly lie: Lie;
}

/** A plan on its way, and the lies that may be told about it. */
export interface Intent {
  readonly about: string;
  readonly plan: PacketPlan;
  readonly port: Port;
  readonly lies: readonly PossibleLie[];
  /** Sent as it is: what it is a part of needs all its parts. */
  readonly isSafe?: boolean;
}

/** What comes from a port and may be lied about in every way a packet can. */
export function intent(about: string, plan: PacketPlan, port: Port): Intent {
  return { about, plan, port, lies: possibleLies('', plan) };
}

export function possibleLies(about: string, plan: PacketPlan): PossibleLie[] {
  return packetLies(plan).map((lie) => ({ about, plan, lie }));
}

/** An end of a connection. */
export type Endpoint = readonly [address: string, port: number];

/** A few clients and a few of their ports; now and then any of all. */
export function randomClient(random: Random, family: 4 | 6 = 4): Endpoint {
  if (random.oneIn(20)) return [family === 6 ? randomIpv6(random) : random.bytes(4).join('.'), random.below(65536)];
  const network = family === 6 ? '2001:db8:c::' : '192.0.2.';
  return [`${network}${random.between(1, 6)}`, random.between(40000, 40003)];
}

export function randomIpv6(random: Random): string {
  return Array.from({ length: 8 }, () => random.below(65536).toString(16)).join(':');
}

/** Some order of TCP flags that a connection, or an attacker, may send. */
export function randomTcpFlags(random: Random): number {
  return random.pick([
    ...[SYN, SYN, SYN, ACK, ACK, ACK, ACK | PSH, FIN | ACK, RST, RST | ACK],
    random.pick([SYN | ACK, SYN | RST, SYN | FIN, FIN, FIN | RST, 0, random.below(256)]),
  ]);
}

/** Flags, payload and sizes of a packet that is all right. */
export function fillIn(filled: PacketPlan, random: Random): void {
  filled.tcpFlags = randomTcpFlags(random);
  filled.payload = random.bytes(random.pick([0, 1, random.below(64), random.below(300)]));
  filled.ip.ttl = random.between(1, 255);
  filled.ip.id = random.below(65536);
  filled.ip6.hopLimit = filled.ip.ttl;
}
