/** Neighbours on a simulated link: each with a BFD of its own, or with nothing but ports. */
import { Bfd, type BfdState, type BfdTimers, type BfdWatch } from '../../sdk/bfd/index.js';
import { type ControlPacket, decodeControlPacket, encodeControlPacket } from '../../sdk/bfd/packet.js';
import type { Runtime, UdpSocket } from '../../sdk/runtime/index.js';
import { controlPacket } from './packets.js';

/** A watch, and what it told its owner. */
export interface Watching {
  readonly bfd: Bfd;
  readonly watch: BfdWatch;
  /** `Up 0`: a state, and the diagnostic. */
  readonly told: string[];
  /** When each of `told` was told. */
  readonly toldAtMs: number[];
}

/** Begins to watch. */
export async function watching(
  runtime: Runtime,
  localAddress: string,
  remoteAddress: string,
  timers: BfdTimers = {},
  bfd = new Bfd(runtime),
): Promise<Watching> {
  const told: string[] = [];
  const toldAtMs: number[] = [];
  const changed = (state: BfdState, diagnostic: number) => {
    told.push(`${state} ${diagnostic}`);
    toldAtMs.push(runtime.clock.nowMs());
  };
  return { bfd, told, toldAtMs, watch: await bfd.watch({ localAddress, remoteAddress, ...timers }, changed) };
}

/** A neighbour without BFD: it keeps what comes to its port 3784, and sends what a test says. */
export class BarePorts {
  /** What came, oldest first. */
  received: { readonly packet: ControlPacket; readonly fromPort: number }[] = [];
  #source: UdpSocket | undefined;

  static async open(runtime: Runtime, address: string, hopLimit = 255): Promise<BarePorts> {
    const ports = new BarePorts();
    const options = { localAddress: address, hopLimit, hopLimitMin: 255 };
    await runtime.udp.bind({ ...options, port: 3784 }, (bytes, from) => {
      const packet = decodeControlPacket(bytes);
      if (typeof packet === 'string') throw new Error(`a packet that is to be discarded: ${packet}`);
      ports.received.push({ packet, fromPort: from.port });
    });
    ports.#source = await runtime.udp.bind({ ...options, port: 49_999 }, () => {});
    return ports;
  }

  /** Sends a packet as `controlPacket` makes it, or any bytes. */
  send(to: string, content: Partial<ControlPacket> | Uint8Array): void {
    const bytes = content instanceof Uint8Array ? content : encodeControlPacket(controlPacket(content));
    this.#source?.send(bytes, { address: to, port: 3784 });
  }

  /** The discriminator of the session that was heard last. */
  get theirDiscriminator(): number {
    return this.received.at(-1)?.packet.myDiscriminator ?? 0;
  }
}
