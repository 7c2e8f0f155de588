/**
 * Where a speaker waits for its peers: at each of their local addresses, or at every address of a family when a peer of
 * it has none. One port cannot be bound at `0.0.0.0` and at an address beside that.
 */
import { EdgemuxError } from '../../errors.js';
import type { Runtime } from '../../runtime/index.js';
import type { Endpoint, TcpConnection, TcpHandlers, TcpListener } from '../../runtime/tcp.js';
import type { PeerOptions } from '../options.js';
import { protectionOf } from './peer.js';
import { pause } from './until.js';

/**
 * How long an address may take to be there. A machine that comes up binds ports while the kernel still asks the link
 * whether its new IPv6 address is somebody else's, which takes up to 2 s (RFC 4862 section 5.4).
 */
const ADDRESS_WAIT_MS = 3000;
const ADDRESS_LOOK_MS = 100;

/** The listeners of a speaker. */
export class Listeners {
  readonly #runtime: Runtime;
  readonly #port: number;
  readonly #accept: (connection: TcpConnection) => TcpHandlers | undefined;
  readonly #byAddress = new Map<string, TcpListener>();
  #peers: readonly PeerOptions[] = [];

  constructor(runtime: Runtime, port: number, accept: (connection: TcpConnection) => TcpHandlers | undefined) {
    this.#runtime = runtime;
    this.#port = port;
    this.#accept = accept;
  }

  /** Where they wait now. */
  get endpoints(): readonly Endpoint[] {
    return Array.from(this.#byAddress.values(), ({ local }) => local);
  }

  /**
   * Waits for these peers and no others. When that fails, for those of before.
   *
   * @throws EdgemuxError `ERR_SOCKET` when a port cannot be bound, `ERR_UNSUPPORTED` when the platform cannot protect a
   *   connection as a peer wants it
   */
  async set(peers: readonly PeerOptions[]): Promise<void> {
    const before = this.#peers;
    try {
      await this.#apply(peers);
      this.#peers = peers;
    } catch (error) {
      await this.#apply(before).catch(() => this.close());
      throw error;
    }
  }

  /** Waits for nobody. */
  close(): void {
    for (const listener of this.#byAddress.values()) listener.close();
    this.#byAddress.clear();
    this.#peers = [];
  }

  async #apply(peers: readonly PeerOptions[]): Promise<void> {
    const wanted = peersByLocalAddress(peers);
    for (const [address, listener] of this.#byAddress) {
      if (wanted.has(address)) continue;
      listener.close();
      this.#byAddress.delete(address);
    }
    for (const [localAddress, peersThere] of wanted) {
      const listenPeers = peersThere.map((peer) => ({ address: peer.address, ...protectionOf(peer) }));
      const listener = this.#byAddress.get(localAddress);
      if (listener !== undefined) listener.setPeers(listenPeers);
      else this.#byAddress.set(localAddress, await this.#listen(localAddress, listenPeers));
    }
  }

  async #listen(localAddress: string, peers: Parameters<TcpListener['setPeers']>[0]): Promise<TcpListener> {
    const { clock, tcp } = this.#runtime;
    const endMs = clock.nowMs() + ADDRESS_WAIT_MS;
    for (;;) {
      try {
        return await tcp.listen({ localAddress, port: this.#port, peers }, this.#accept);
      } catch (error) {
        if (!(error instanceof EdgemuxError) || error.code !== 'ERR_SOCKET') throw error;
        if (!isAddressMissing(error) || clock.nowMs() >= endMs) {
          throw new EdgemuxError('ERR_SOCKET', `BGP: ${error.message}${adviceFor(error)}`);
        }
      }
      await pause(clock, ADDRESS_LOOK_MS);
    }
  }
}

function peersByLocalAddress(peers: readonly PeerOptions[]): ReadonlyMap<string, readonly PeerOptions[]> {
  const isOpenTo = (family: string) =>
    peers.some(({ address, localAddress }) => localAddress === undefined && wildcardFor(address) === family);
  const wildcards = new Set(['0.0.0.0', '::'].filter(isOpenTo));
  const groups = new Map<string, PeerOptions[]>();
  for (const peer of peers) {
    const wildcard = wildcardFor(peer.address);
    const address = wildcards.has(wildcard) ? wildcard : peer.localAddress!;
    const group = groups.get(address) ?? [];
    groups.set(address, [...group, peer]);
  }
  return groups;
}

function wildcardFor(address: string): string {
  return address.includes(':') ? '::' : '0.0.0.0';
}

function adviceFor({ message }: Error): string {
  if (/permission/i.test(message)) return '; ports below 1024 need root or CAP_NET_BIND_SERVICE';
  if (/in use/i.test(message)) return '; another BGP speaker may be running on this machine';
  if (isAddressMissing({ message })) return '; it is the localAddress of a peer';
  return '';
}

// A runtime has one code for every port that cannot be bound, and says in words why.
function isAddressMissing({ message }: { readonly message: string }): boolean {
  return message.endsWith('not an address of this machine');
}
