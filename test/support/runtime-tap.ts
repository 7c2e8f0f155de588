/** What a process says and hears over its runtime, as the frames a capture on its machine would have of it. */
import type {
  Clock,
  Endpoint,
  Runtime,
  Tcp,
  TcpConnection,
  TcpHandlers,
  Udp,
  UdpOptions,
  UdpSocket,
} from '../../sdk/runtime/index.js';
import { ACK, eth, FIN, type Packet, PSH, RST, SYN } from './packet.js';

const NS_PER_MS = 1e6;
const HOP_LIMIT = 64;

/** A frame and when it was on the wire. */
export interface TappedFrame {
  readonly bytes: Uint8Array;
  readonly timestampNs: bigint;
}

/** A runtime that does all another does, and writes down the bytes in both directions. */
export class RuntimeTap implements Runtime {
  readonly frames: TappedFrame[] = [];
  readonly tcp: Tcp = {
    connect: (options, handlers) => {
      const conversation = new Conversation(this, 'connects');
      return conversation.over(this.#runtime.tcp.connect(options, conversation.handlers(handlers)));
    },
    listen: (options, accept) =>
      this.#runtime.tcp.listen(options, (connection) => {
        const conversation = new Conversation(this, 'accepts');
        const handlers = accept(conversation.over(connection));
        return handlers && conversation.handlers(handlers);
      }),
  };
  readonly udp: Udp = { bind: (options, received) => this.#bind(options, received) };
  readonly #runtime: Runtime;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  get clock(): Clock {
    return this.#runtime.clock;
  }

  random(): number {
    return this.#runtime.random();
  }

  /** Writes down a packet of this moment. */
  note(from: Endpoint, to: Endpoint, hopLimit: number, withPorts: (ip: Packet) => Packet): void {
    const ip = from.address.includes(':')
      ? eth().ipv6(from.address, to.address, { hopLimit })
      : eth().ipv4(from.address, to.address, { ttl: hopLimit });
    const timestampNs = BigInt(Math.round(this.clock.nowMs() * NS_PER_MS));
    this.frames.push({ bytes: withPorts(ip).bytes(), timestampNs });
  }

  async #bind(options: UdpOptions, received: (bytes: Uint8Array, from: Endpoint) => void): Promise<UdpSocket> {
    // A runtime does not say with which hop limit a datagram came, but that it was not below the limit asked for.
    const datagram = (payload: Uint8Array, from: Endpoint, to: Endpoint, hopLimit: number) =>
      this.note(from, to, hopLimit, (ip) => ip.udp(from.port, to.port, { payload }));
    const socket: UdpSocket = await this.#runtime.udp.bind(options, (bytes, from) => {
      datagram(bytes, from, socket.local, options.hopLimitMin);
      received(bytes, from);
    });
    return {
      local: socket.local,
      send: (bytes, to) => {
        datagram(bytes, socket.local, to, options.hopLimit);
        socket.send(bytes, to);
      },
      close: () => socket.close(),
    };
  }
}

/** One connection, with the sequence numbers that its two ends are at. */
class Conversation {
  readonly #tap: RuntimeTap;
  readonly #role: 'connects' | 'accepts';
  #connection!: TcpConnection;
  #isOpen = false;
  #sentSeq = 0;
  #receivedSeq = 0;

  constructor(tap: RuntimeTap, role: 'connects' | 'accepts') {
    this.#tap = tap;
    this.#role = role;
  }

  /** The connection as its owner sees it. */
  over(connection: TcpConnection): TcpConnection {
    this.#connection = connection;
    if (this.#role === 'accepts') this.#shakeHands();
    return {
      get local() {
        return connection.local;
      },
      get remote() {
        return connection.remote;
      },
      get bufferedByteCount() {
        return connection.bufferedByteCount;
      },
      write: (bytes) => {
        this.#sent(PSH | ACK, bytes);
        connection.write(bytes);
      },
      close: () => {
        this.#sent(FIN | ACK);
        connection.close();
      },
      abort: () => {
        this.#sent(RST | ACK);
        connection.abort();
      },
    };
  }

  /** The handlers as the runtime sees them. */
  handlers(handlers: TcpHandlers): TcpHandlers {
    return {
      opened: () => {
        this.#shakeHands();
        handlers.opened?.();
      },
      received: (bytes) => {
        this.#received(PSH | ACK, bytes);
        handlers.received(bytes);
      },
      drained: () => handlers.drained?.(),
      closed: (end) => {
        this.#received(end.how === 'ended' ? FIN | ACK : RST | ACK);
        handlers.closed(end);
      },
    };
  }

  #shakeHands(): void {
    this.#isOpen = true;
    const [first, second] =
      this.#role === 'connects'
        ? [this.#sent.bind(this), this.#received.bind(this)]
        : [this.#received.bind(this), this.#sent.bind(this)];
    first(SYN);
    second(SYN | ACK);
    first(ACK);
  }

  #sent(flags: number, payload: Uint8Array = new Uint8Array()): void {
    if (!this.#isOpen) return;
    const { local, remote } = this.#connection;
    this.#segment(local, remote, flags, this.#sentSeq, this.#receivedSeq, payload);
    this.#sentSeq += sequenceCount(flags, payload);
    if ((flags & (FIN | RST)) !== 0) this.#isOpen = false;
  }

  #received(flags: number, payload: Uint8Array = new Uint8Array()): void {
    if (!this.#isOpen) return;
    const { local, remote } = this.#connection;
    this.#segment(remote, local, flags, this.#receivedSeq, this.#sentSeq, payload);
    this.#receivedSeq += sequenceCount(flags, payload);
  }

  #segment(from: Endpoint, to: Endpoint, flags: number, seq: number, ack: number, payload: Uint8Array): void {
    const numbers = { seq, ack: (flags & ACK) === 0 ? 0 : ack };
    this.#tap.note(from, to, HOP_LIMIT, (ip) => ip.tcp(from.port, to.port, flags, { ...numbers, payload }));
  }
}

/** How far a segment takes the sequence number. */
function sequenceCount(flags: number, payload: Uint8Array): number {
  return payload.length + ((flags & (SYN | FIN)) === 0 ? 0 : 1);
}
