/**
 * Random packets that know the program they are for: most reach the depths of a pipeline, some have one thing wrong
 * with them, some are damaged or never were a packet. Clients are few, so that flows repeat.
 */

import type { HostProgram, MuxProgram } from '../../sdk/program/types.js';
import type { Link } from './checksum.js';
import { damages } from './packet-damages.js';
import { ipBytesOf, isIpv6, type PacketPlan, packetOf } from './packet-plan.js';
import type { Random } from './random.js';
import { HostTraffic } from './random-host-traffic.js';
import type { Intent, Port } from './random-intent.js';
import { MuxTraffic } from './random-mux-traffic.js';

export interface RandomPacket {
  readonly frame: Uint8Array;
  readonly link: Link;
  readonly port: Port;
  /** What it is, for the message of a test that fails. */
  readonly about: string;
}

export class RandomPackets {
  readonly #random: Random;
  readonly #frameBytesMax: number;
  readonly #mtuBytes: number;
  readonly #traffic: { next(): Intent };

  /** `frameBytesMax` is for a data plane whose slots are smaller than the longest IP packet. */
  constructor(program: MuxProgram | HostProgram, random: Random, frameBytesMax = 65600) {
    this.#random = random;
    this.#frameBytesMax = frameBytesMax;
    this.#mtuBytes = program.attachment.mtuBytes ?? 1500;
    this.#traffic = program.kind === 'mux' ? new MuxTraffic(program, random) : new HostTraffic(program, random);
  }

  next(): RandomPacket {
    for (;;) {
      const packet = this.#draw();
      if (packet.frame.length <= this.#frameBytesMax) return packet;
    }
  }

  #draw(): RandomPacket {
    const random = this.#random;
    const intent = this.#traffic.next();
    const { port } = intent;
    // What a VM sends has an Ethernet header.
    const link: Link = random.oneIn(port === 'vm' ? 40 : 5) ? 'bare' : 'ethernet';
    const dice = random.below(100);
    if (dice < 55 || intent.isSafe) {
      return { frame: packetOf(intent.plan, link).bytes(), link, port, about: intent.about };
    }
    if (dice < 86) {
      const told = Array.from({ length: random.oneIn(8) ? 2 : 1 }, () => random.pick(intent.lies));
      for (const { lie, plan } of told) lie.tell(plan, random);
      const about = [intent.about, ...told.map((one) => `${one.about}${one.lie.name}`)].join(', ');
      return { frame: packetOf(intent.plan, link).bytes(), link, port, about };
    }
    if (dice < 90) {
      innermost(intent.plan).payload = this.#bulk(intent.plan);
      return { frame: packetOf(intent.plan, link).bytes(), link, port, about: `${intent.about}, long` };
    }
    const damage = random.pick(damages);
    const frame = damage.inflict(packetOf(intent.plan, link).bytes(), random);
    return { frame, link, port, about: `${intent.about}, ${damage.name}` };
  }

  /**
   * A payload for a packet near the MTU of the underlay, for a jumbo frame, for the longest IP packet, or for one that
   * is just too long once it is encapsulated.
   */
  #bulk(outer: PacketPlan): Uint8Array {
    const random = this.#random;
    innermost(outer).payload = new Uint8Array(0);
    const headerBytes = ipBytesOf(outer).length;
    const lengthMax = isIpv6(outer) ? 65575 : 65535;
    const overhead = random.pick(OVERHEADS);
    const totalBytes = random.oneIn(4)
      ? random.pick([9000, lengthMax, 65535 - overhead + random.between(-1, 1)])
      : random.pick([this.#mtuBytes - overhead + random.between(-2, 2), this.#mtuBytes + random.below(200)]);
    return new Uint8Array(Math.max(0, totalBytes - headerBytes)).fill(random.below(256));
  }
}

/** Bytes in front of an inner packet: VXLAN and NVGRE over IPv4 and IPv6, the latter not counting the IPv6 header too. */
const OVERHEADS = [50, 70, 42, 62, 30, 22];

function innermost(outer: PacketPlan): PacketPlan {
  return outer.tunnel === undefined ? outer : innermost(outer.tunnel.inner);
}
