/** The UDP of a simulated host: datagrams that are lost, late and out of order, and their hop limits. */
import { EdgemuxError } from '../../errors.js';
import { canonicalIp } from '../../net/address.js';
import type { Endpoint } from '../tcp.js';
import type { Udp, UdpOptions, UdpSocket } from '../udp.js';
import { hopLimitSuffices } from './path.js';
import type { SimulatedHost } from './simulated-host.js';

/** Datagrams a kernel keeps for a process that does not read them. */
const RECEIVE_QUEUE_LENGTH_MAX = 256;
const EPHEMERAL_PORT_FIRST = 32_768;

interface Socket {
  readonly local: Endpoint;
  readonly hopLimitMin: number;
  readonly received: (bytes: Uint8Array, from: Endpoint) => void;
  waitingCount: number;
}

/** The UDP of one host. */
export class SimulatedUdp implements Udp {
  readonly #host: SimulatedHost;
  readonly #sockets = new Map<string, Socket>();

  constructor(host: SimulatedHost) {
    this.#host = host;
  }

  async bind(options: UdpOptions, received: (bytes: Uint8Array, from: Endpoint) => void): Promise<UdpSocket> {
    if (!this.#host.isAlive) return new Promise(() => {});
    const local = this.#bindable(canonicalIp(options.localAddress), options.port);
    const key = keyOf(local);
    const socket: Socket = { local, hopLimitMin: options.hopLimitMin, received, waitingCount: 0 };
    this.#sockets.set(key, socket);
    const isBound = () => this.#sockets.get(key) === socket;
    return {
      local,
      send: (bytes, to) => {
        if (isBound() && this.#host.process.isAlive) this.#send(bytes.slice(), local, to, options.hopLimit);
      },
      close: () => {
        if (isBound()) this.#sockets.delete(key);
      },
    };
  }

  /** Unbinds every port. */
  unbind(): void {
    this.#sockets.clear();
  }

  #send(bytes: Uint8Array, from: Endpoint, remote: Endpoint, hopLimit: number): void {
    const { network } = this.#host;
    const to = { address: canonicalIp(remote.address), port: remote.port };
    const path = network.path(from.address, to.address);
    network.clock.after(network.transitMs(path), () => {
      const target = network.hostAt(to.address);
      if (target === undefined || target.isDown || path.isCut || network.random.next() < path.lossShare) return;
      target.udp.#receive(bytes, from, to, (min) => hopLimitSuffices(path, hopLimit, min));
    });
  }

  #receive(bytes: Uint8Array, from: Endpoint, to: Endpoint, hopLimitSuffices: (min: number) => boolean): void {
    const key = keyOf(to);
    const socket = this.#sockets.get(key);
    if (socket === undefined || !hopLimitSuffices(Math.max(1, socket.hopLimitMin))) return;
    if (socket.waitingCount === RECEIVE_QUEUE_LENGTH_MAX) return;
    socket.waitingCount += 1;
    this.#host.process.enter(() => {
      socket.waitingCount -= 1;
      if (this.#sockets.get(key) === socket) socket.received(bytes, from);
    });
  }

  #bindable(address: string, wantedPort: number): Endpoint {
    let port = wantedPort === 0 ? EPHEMERAL_PORT_FIRST : wantedPort;
    while (wantedPort === 0 && this.#sockets.has(keyOf({ address, port }))) port += 1;
    if (this.#sockets.has(keyOf({ address, port }))) {
      throw new EdgemuxError('ERR_SOCKET', `cannot bind ${address} port ${port}: in use`);
    }
    if (!this.#host.addresses.includes(address)) {
      throw new EdgemuxError('ERR_SOCKET', `cannot bind ${address} port ${port}: not an address of this machine`);
    }
    return { address, port };
  }
}

function keyOf({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}
