/** UDP over node:dgram, with hop limits. */
import { createSocket, type Socket } from 'node:dgram';
import { EdgemuxError } from '../../errors.js';
import { hostText, parseIp } from '../../net/address.js';
import type { Endpoint } from '../tcp.js';
import type { Udp, UdpOptions, UdpSocket } from '../udp.js';
import { endpoint } from './endpoint.js';
import { withKernelSocket } from './kernel-socket.js';
import { IS_DENO } from './libc.js';

const WHAT = 'UDP sockets that check hop limits';

/** The UDP of Node; that of Deno cannot take over a socket with a filter. */
export const nodeUdp: Udp = {
  async bind(options: UdpOptions, received: (bytes: Uint8Array, from: Endpoint) => void): Promise<UdpSocket> {
    if (IS_DENO) throw new EdgemuxError('ERR_UNSUPPORTED', `${WHAT} need Node, and this is Deno`);
    const { family } = parseIp(options.localAddress);
    const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
    socket.on('message', (bytes, from) => received(new Uint8Array(bytes), endpoint(from.address, from.port)));
    // A datagram that could not be received is lost in silence, as others are.
    socket.on('error', () => {});
    try {
      bindFiltered(socket, family, options);
    } catch (error) {
      socket.close();
      throw bindError(error, options);
    }
    return new NodeUdpSocket(socket);
  },
};

function bindFiltered(socket: Socket, family: 4 | 6, options: UdpOptions): void {
  const { localAddress, port, hopLimit, hopLimitMin } = options;
  withKernelSocket({ kind: 'udp', family, what: WHAT }, (kernel) => {
    kernel.sendHopLimit(hopLimit);
    // Before the socket has a port, so that nothing from too far away can be waiting on it.
    kernel.filterHopLimits([{ hopLimitMin }]);
    kernel.bind(localAddress, port);
    socket.bind({ fd: kernel.descriptor });
  });
}

function bindError(error: unknown, { localAddress, port }: UdpOptions): unknown {
  if (!(error instanceof EdgemuxError) || error.code !== 'ERR_SOCKET') return error;
  return new EdgemuxError('ERR_SOCKET', `cannot bind UDP ${hostText(localAddress)}:${port}: ${error.message}`);
}

class NodeUdpSocket implements UdpSocket {
  readonly local: Endpoint;
  readonly #socket: Socket;
  #isOpen = true;
  #pendingCount = 0;

  constructor(socket: Socket) {
    const { address, port } = socket.address();
    this.local = endpoint(address, port);
    this.#socket = socket;
  }

  send(bytes: Uint8Array, to: Endpoint): void {
    if (!this.#isOpen) return;
    this.#pendingCount += 1;
    // Copied, as dgram sends in a later turn of the event loop; and the callback makes an error nobody's.
    this.#socket.send(new Uint8Array(bytes), to.port, to.address, () => {
      this.#pendingCount -= 1;
      if (!this.#isOpen) this.#closeWhenSent();
    });
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#socket.removeAllListeners('message');
    this.#closeWhenSent();
  }

  #closeWhenSent(): void {
    if (this.#pendingCount === 0) this.#socket.close();
  }
}
