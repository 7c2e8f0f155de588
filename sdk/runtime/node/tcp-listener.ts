/** A bound TCP port over a `net.Server`, for the peers it knows. */
import { createServer, type Server, type Socket } from 'node:net';
import { EdgemuxError } from '../../errors.js';
import { canonicalIp, hostText } from '../../net/address.js';
import type { Endpoint, TcpConnection, TcpHandlers, TcpListener, TcpListenOptions, TcpListenPeer } from '../tcp.js';
import { endpoint } from './endpoint.js';
import { errorText } from './error-text.js';
import { NodeTcpConnection } from './tcp-connection.js';
import { isProtected, listenProtected } from './tcp-protection.js';

type Accept = (connection: TcpConnection) => TcpHandlers | undefined;

/** A listener; `open` binds it. */
export class NodeTcpListener implements TcpListener {
  readonly #accept: Accept;
  #server: Server;
  #peers: ReadonlyMap<string, TcpListenPeer>;
  #local: Endpoint;
  #isOpen = true;

  /** Binds as `Tcp.listen` says. */
  static async open(options: TcpListenOptions, accept: Accept): Promise<NodeTcpListener> {
    const local = { address: canonicalIp(options.localAddress), port: options.port };
    const listener = new NodeTcpListener(local, canonicalPeers(options.peers), accept);
    await listener.#bind();
    return listener;
  }

  private constructor(local: Endpoint, peers: readonly TcpListenPeer[], accept: Accept) {
    this.#accept = accept;
    this.#local = local;
    this.#peers = byAddress(peers);
    this.#server = this.#newServer();
  }

  get local(): Endpoint {
    return this.#local;
  }

  setPeers(peers: readonly TcpListenPeer[]): void {
    const wanted = canonicalPeers(peers);
    const isChanged = protectionOf(wanted) !== protectionOf([...this.#peers.values()]);
    // A port that was lost on the way is tried again.
    if (this.#isOpen && (isChanged || !this.#server.listening)) this.#rebind(wanted);
    this.#peers = byAddress(wanted);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#server.close();
  }

  #newServer(): Server {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#connected(socket));
    // Stays for good: a connection that could not be accepted, for want of descriptors, is no reason to end the process.
    return server.on('error', () => {});
  }

  async #bind(): Promise<void> {
    const server = this.#server;
    const { address, port } = this.#local;
    const peers = [...this.#peers.values()];
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('listening', resolve).once('error', reject);
        if (peers.some(isProtected)) listenProtected(server, this.#local, peers);
        // `::` is the IPv6 half alone, so that it can stand beside `0.0.0.0`.
        else server.listen({ host: address, port, ipv6Only: true, exclusive: true });
      });
    } catch (error) {
      throw bindError(this.#local, error as Error);
    }
    const bound = server.address();
    if (typeof bound === 'object' && bound) this.#local = endpoint(bound.address, bound.port);
  }

  /**
   * Binds anew instead of changing keys: a connection without a signature may wait to be accepted since before its
   * peer got a key, and would pass for one with. It is reset with the old socket.
   */
  #rebind(peers: readonly TcpListenPeer[]): void {
    const server = this.#newServer();
    try {
      listenProtected(server, this.#local, peers, () => this.#server.close());
    } catch (error) {
      throw bindError(this.#local, error as Error);
    }
    this.#server = server;
  }

  #connected(socket: Socket): void {
    // A peer that has reset the connection by now is nowhere any more.
    if (socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const remote = endpoint(socket.remoteAddress, socket.remotePort);
    const connection = new NodeTcpConnection(socket, remote);
    const handlers = this.#peers.has(remote.address) ? this.#accept(connection) : undefined;
    if (handlers) connection.own(handlers);
    else connection.abort();
  }
}

function canonicalPeers(peers: readonly TcpListenPeer[]): TcpListenPeer[] {
  return peers.map((peer) => ({ ...peer, address: canonicalIp(peer.address) }));
}

function byAddress(peers: readonly TcpListenPeer[]): ReadonlyMap<string, TcpListenPeer> {
  return new Map(peers.map((peer) => [peer.address, peer]));
}

/** Equal for peers that ask the same protection of the listening socket. */
function protectionOf(peers: readonly TcpListenPeer[]): string {
  const asked = peers.filter(isProtected).map((p) => JSON.stringify([p.address, p.md5Key, p.ttlSecurityHops]));
  return asked.sort().join();
}

function bindError({ address, port }: Endpoint, error: Error): Error {
  if (error instanceof EdgemuxError && error.code !== 'ERR_SOCKET') return error;
  return new EdgemuxError('ERR_SOCKET', `cannot listen on ${hostText(address)}:${port}: ${errorText(error)}`);
}
