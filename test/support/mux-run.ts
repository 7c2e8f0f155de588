/** A MUX and what it makes of packets, in the words that the tables of tests are written in. */
import { type Capacities, Mux, type MuxProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { be16 } from './bytes.js';
import type { Link } from './checksum.js';
import { dualStackMuxProgram } from './mux-programs.js';

/** Something to send: a packet of the builder, or bytes. */
export interface Frame {
  readonly link: Link;
  bytes(): Uint8Array;
}

/** What became of one frame. */
export interface Sent {
  /** `forward web-a`, `drop icmp-quote`, `hold` */
  readonly said: string;
  readonly service: string | undefined;
  readonly bytes: Uint8Array;
}

/** What stands in front of an encapsulated packet, and the packet. */
export interface Tunnel {
  readonly sourcePort: number;
  /** Of an outer IPv4 header. */
  readonly dontFragment: boolean;
  readonly inner: Uint8Array;
}

export class MuxRun {
  readonly mux: Mux;

  private constructor(mux: Mux) {
    this.mux = mux;
  }

  static async of(program: MuxProgram, capacities: Partial<Capacities> = {}): Promise<MuxRun> {
    const mux = await Mux.load(muxModule, capacities);
    mux.program(program);
    return new MuxRun(mux);
  }

  /** One batch, and the frames that were put behind it. */
  batch(frames: readonly Frame[], nowMs = 0): Sent[] {
    const { batch } = this.mux;
    batch.clear();
    for (const frame of frames) batch.add(frame.bytes(), frame.link);
    this.mux.processBatch(nowMs);
    return Array.from({ length: batch.count }, (_, index) => this.#sent(index));
  }

  /** A batch of one frame, of which nothing else comes. */
  one(frame: Frame, nowMs = 0): Sent {
    const [sent, ...more] = this.batch([frame], nowMs);
    if (more.length > 0) throw new Error(`one frame in, ${more.length} more out`);
    return sent as Sent;
  }

  /** `said` of every frame of a batch. */
  said(frames: readonly Frame[], nowMs = 0): string[] {
    return this.batch(frames, nowMs).map(({ said }) => said);
  }

  #sent(index: number): Sent {
    const { batch } = this.mux;
    const words = [batch.verdict(index), batch.reason(index) ?? this.mux.backendOf(index)?.key];
    return {
      said: words.filter((word) => word !== undefined).join(' '),
      service: this.mux.serviceOf(index)?.key,
      bytes: batch.bytes(index).slice(),
    };
  }
}

/** Takes an encapsulated frame apart: Ethernet, IP, 16 bytes of UDP and VXLAN, inner Ethernet. */
export function tunnelOf({ said, bytes }: Sent, link: Link = 'ethernet'): Tunnel {
  if (!said.startsWith('forward')) throw new Error(`no tunnel: ${said}`);
  const ip = link === 'bare' ? 0 : 14;
  const isIpv6 = bytes[ip]! >> 4 === 6;
  const udp = ip + (isIpv6 ? 40 : 20);
  return {
    sourcePort: be16(bytes, udp),
    dontFragment: !isIpv6 && (be16(bytes, ip + 6) & 0x4000) !== 0,
    inner: bytes.slice(udp + 16 + 14),
  };
}

/** `dualStackMuxProgram` whose rings, but for the empty one, have these members and keep the connections of the others. */
export function withRings(names: readonly string[], attachment: { mtuBytes?: number } = {}): MuxProgram {
  const { backends, rings, attachment: whole } = dualStackMuxProgram;
  const { mtuBytes: _, ...rest } = whole;
  const indexes = [...backends.keys()];
  const isMember = (index: number) => names.includes(backends[index]!.key);
  return {
    ...dualStackMuxProgram,
    attachment: { ...rest, ...attachment },
    rings: rings.map((ring) =>
      ring.members.length === 0
        ? ring
        : {
            slotCount: ring.slotCount,
            members: indexes.filter(isMember).map((backend) => ({ backend, weight: 1 })),
            drained: indexes.filter((index) => !isMember(index)),
          },
    ),
  };
}
