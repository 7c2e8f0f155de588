/**
 * The UDP ports of BFD over single hops, RFC 5881 sections 4 and 5: packets come to port 3784 of a local address, one
 * socket for all its sessions, and leave from a port of each session's own, 49152..65535. TTL or hop limit is 255 when
 * sent, and nothing less is taken.
 */
import { EdgemuxError } from '../errors.js';
import type { Endpoint, Runtime, UdpSocket } from '../runtime/index.js';

/** UDP port BFD Control packets are sent to. */
export const BFD_PORT = 3784;

const SOURCE_PORT_FIRST = 49152;
const SOURCE_PORT_COUNT = 16384;
/** The kernel gives ports of this range to others too: how many are tried before giving up. */
const SOURCE_PORT_TRIES = 16;
/** Of a neighbour on the link, and of nobody else (RFC 5082). */
const HOP_LIMIT = 255;

/** A session's way to its neighbour. */
export interface Channel {
  send(packet: Uint8Array): void;
  /** Unbinds what no other session needs. */
  close(): void;
}

/** The bound ports of one machine. */
export class BfdPorts {
  readonly #runtime: Runtime;
  readonly #received: (localAddress: string, datagram: Uint8Array, from: Endpoint) => void;
  /** By local address. */
  readonly #receivers = new Map<string, Receiver>();

  /** @param received called for each datagram that comes to port 3784 of a local address with a channel */
  constructor(runtime: Runtime, received: (localAddress: string, datagram: Uint8Array, from: Endpoint) => void) {
    this.#runtime = runtime;
    this.#received = received;
  }

  /**
   * Binds what a session needs; both addresses are canonical.
   *
   * @throws EdgemuxError (as a rejection) `ERR_UNSUPPORTED` when the runtime cannot check hop limits; `ERR_SOCKET` when
   *   no port can be bound
   */
  async open(localAddress: string, remoteAddress: string): Promise<Channel> {
    const receiver = this.#receiverAt(localAddress);
    try {
      receiver.bound = await receiver.socket;
      const source = await this.#bindSource(localAddress);
      const to: Endpoint = { address: remoteAddress, port: BFD_PORT };
      return {
        send: (packet) => source.send(packet, to),
        close: () => {
          source.close();
          this.#release(receiver);
        },
      };
    } catch (error) {
      this.#release(receiver);
      throw error;
    }
  }

  #receiverAt(localAddress: string): Receiver {
    let receiver = this.#receivers.get(localAddress);
    if (receiver === undefined) {
      const socket = this.#bind(localAddress, BFD_PORT, (datagram, from) =>
        this.#received(localAddress, datagram, from),
      );
      receiver = { localAddress, socket, channelCount: 0 };
      this.#receivers.set(localAddress, receiver);
    }
    receiver.channelCount++;
    return receiver;
  }

  #release(receiver: Receiver): void {
    receiver.channelCount--;
    if (receiver.channelCount > 0) return;
    this.#receivers.delete(receiver.localAddress);
    receiver.bound?.close();
  }

  /** What arrives at a source port was not sent to the port of BFD, and is nobody's. */
  async #bindSource(localAddress: string): Promise<UdpSocket> {
    for (let tryCount = 1; ; tryCount++) {
      const port = SOURCE_PORT_FIRST + Math.floor(this.#runtime.random() * SOURCE_PORT_COUNT);
      try {
        return await this.#bind(localAddress, port, () => {});
      } catch (error) {
        const isTaken = error instanceof EdgemuxError && error.code === 'ERR_SOCKET';
        if (!isTaken || tryCount === SOURCE_PORT_TRIES) throw error;
      }
    }
  }

  #bind(
    localAddress: string,
    port: number,
    received: (datagram: Uint8Array, from: Endpoint) => void,
  ): Promise<UdpSocket> {
    return this.#runtime.udp.bind({ localAddress, port, hopLimit: HOP_LIMIT, hopLimitMin: HOP_LIMIT }, received);
  }
}

/** The port 3784 of a local address, bound or being bound. */
interface Receiver {
  readonly localAddress: string;
  readonly socket: Promise<UdpSocket>;
  /** Known to every channel that is open. */
  bound?: UdpSocket;
  channelCount: number;
}
