/**
 * Random packets that know the program they are for: most reach the depths of a pipeline, some have one thing wrong
 * with them, some are damaged or never were a packet. Clients are few, so that flows repeat.
 */

import type { HostProgram, MuxProgram } from '../../sdk/program/types.js';
import { concat } from './bytes.js';
import type { Link } from './checksum.js';
import { type PacketPlan, packetOf } from './packet-plan.js';
import type { Random } from './random.js';
import { HostTraffic } from './random-host-traffic.js';
import type { Intent, Port } from './random-intent.js';
import { muxIntent } from './random-mux-traffic.js';

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
  readonly #intend: () => Intent;

  /** `frameBytesMax` is for a data plane whose slots are smaller than the longest IP packet. */
  constructor(program: MuxProgram | HostProgram, random: Random, frameBytesMax = 65600) {
    this.#random = random;
    this.#frameBytesMax = frameBytesMax;
    if (program.kind === 'mux') {
      this.#intend = () => muxIntent(program, random);
    } else {
      const traffic = new HostTraffic(program, random);
      this.#intend = () => traffic.next();
    }
  }

  next(): RandomPacket {
    for (;;) {
      const packet = this.#draw();
      if (packet.frame.length <= this.#frameBytesMax) return packet;
    }
  }

  #draw(): RandomPacket {
    const random = this.#random;
    const link: Link = random.oneIn(5) ? 'bare' : 'ethernet';
    const intent = this.#intend();
    const { port } = intent;
    const dice = random.below(100);
    if (dice < 50) {
      return { frame: packetOf(intent.plan, link).bytes(), link, port, about: intent.about };
    }
    if (dice < 85) {
      const told = random.pick(intent.lies);
      told.lie.tell(told.plan, random);
      const about = `${intent.about}, ${told.about}${told.lie.name}`;
      return { frame: packetOf(intent.plan, link).bytes(), link, port, about };
    }
    if (dice < 87) {
      innermost(intent.plan).payload = bulk(random, intent.plan);
      return { frame: packetOf(intent.plan, link).bytes(), link, port, about: `${intent.about}, long` };
    }
    const damage = random.pick(damages);
    const frame = damage.inflict(packetOf(intent.plan, link).bytes(), random);
    return { frame, link, port, about: `${intent.about}, ${damage.name}` };
  }
}

function innermost(outer: PacketPlan): PacketPlan {
  return outer.tunnel === undefined ? outer : innermost(outer.tunnel.inner);
}

/** A payload for a jumbo frame, for the longest IP packet, or for one that is just too long once it is encapsulated. */
function bulk(random: Random, outer: PacketPlan): Uint8Array {
  innermost(outer).payload = new Uint8Array(0);
  const headers = packetOf(outer, 'bare').bytes().length;
  const totalLength = random.pick([9000, 65535, 65535 - 51, 65535 - 50, 65535 - 49]);
  return new Uint8Array(totalLength - headers).fill(random.below(256));
}

interface Damage {
  readonly name: string;
  inflict(frame: Uint8Array, random: Random): Uint8Array;
}

const damages: readonly Damage[] = [
  { name: 'truncated', inflict: (frame, random) => frame.slice(0, random.below(frame.length)) },
  { name: 'with bytes behind it', inflict: (frame, random) => concat(frame, random.bytes(random.between(1, 60))) },
  {
    name: 'with flipped bits',
    inflict(frame, random) {
      for (let flips = random.between(1, 4); flips > 0; flips--) {
        frame[random.below(Math.min(frame.length, 110))]! ^= 1 << random.below(8);
      }
      return frame;
    },
  },
  {
    name: 'with one byte replaced',
    inflict(frame, random) {
      frame[random.below(frame.length)] = random.pick([0, 0x7f, 0x80, 0xff, random.below(256)]);
      return frame;
    },
  },
  { name: 'replaced by random bytes', inflict: (_frame, random) => random.bytes(random.below(200)) },
  {
    name: 'with random bytes behind its first bytes',
    inflict: (frame, random) => concat(frame.subarray(0, random.below(60)), random.bytes(random.below(200))),
  },
  { name: 'replaced by nothing', inflict: () => new Uint8Array(0) },
  { name: 'replaced by one byte', inflict: (_frame, random) => random.bytes(1) },
];
