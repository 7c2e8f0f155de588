/** The TCP of a simulated host: ports, handshakes, and what protects them (RFC 2385, RFC 5082). */
import { EdgemuxError } from '../../errors.js';
import { canonicalIp } from '../../net/address.js';
import type {
  Endpoint,
  Tcp,
  TcpConnection,
  TcpConnectOptions,
  TcpHandlers,
  TcpListener,
  TcpListenOptions,
  TcpListenPeer,
  TcpProtection,
} from '../tcp.js';
import { HOP_LIMIT_DEFAULT, HOP_LIMIT_SECURE, hopLimitSuffices, type Path } from './path.js';
import type { SimulatedHost } from './simulated-host.js';
import { SimulatedTcpConnection } from './tcp-connection.js';
import { type Segment, TcpSender } from './tcp-sender.js';

/** Linux: tcp_syn_retries = 6. */
const SYN_TIMEOUT_MS = 127_000;
const SYN_RETRANSMIT_MS_FIRST = 1000;
const EPHEMERAL_PORT_FIRST = 32_768;
const EPHEMERAL_PORT_LAST = 60_999;

interface Listener {
  readonly local: Endpoint;
  peers: ReadonlyMap<string, TcpListenPeer>;
  readonly accept: (connection: TcpConnection) => TcpHandlers | undefined;
}

/** What became of a SYN: a listener that answers, a RST, or silence. */
type Answer = Listener | 'refused' | 'silence';

/** The TCP of one host. */
export class SimulatedTcp implements Tcp {
  readonly #host: SimulatedHost;
  readonly #listeners = new Set<Listener>();
  readonly #ends = new Set<SimulatedTcpConnection>();
  #portLast = EPHEMERAL_PORT_FIRST - 1;

  constructor(host: SimulatedHost) {
    this.#host = host;
  }

  /** The ends of this host that are not gone. */
  get ends(): ReadonlySet<SimulatedTcpConnection> {
    return this.#ends;
  }

  connect(options: TcpConnectOptions, handlers: TcpHandlers): TcpConnection {
    const remote = { address: canonicalIp(options.remote.address), port: options.remote.port };
    const chosen = options.localAddress === undefined ? this.#host.sourceFor(remote.address) : options.localAddress;
    const local = { address: chosen === undefined ? '' : canonicalIp(chosen), port: this.#freePort() };
    const end = this.#newEnd(local, remote, protectionOf(options), handlers);
    if (!this.#host.process.isAlive) return end;
    const isPossible = this.#host.addresses.includes(local.address) && isIpv6(local) === isIpv6(remote);
    if (isPossible) this.#shakeHands(end);
    else this.#host.network.clock.after(0, () => end.fail('network is unreachable'));
    return end;
  }

  async listen(
    options: TcpListenOptions,
    accept: (connection: TcpConnection) => TcpHandlers | undefined,
  ): Promise<TcpListener> {
    if (!this.#host.isAlive) return new Promise(() => {});
    const local = this.#bindable(options.localAddress, options.port);
    const listener: Listener = { local, peers: peersByAddress(options.peers), accept };
    this.#listeners.add(listener);
    return {
      local,
      setPeers: (peers) => {
        listener.peers = peersByAddress(peers);
      },
      close: () => {
        this.#listeners.delete(listener);
      },
    };
  }

  /** Unbinds every port. */
  unbind(): void {
    this.#listeners.clear();
  }

  /** What a SYN to this host meets. */
  answerTo(syn: SimulatedTcpConnection, path: Path): Answer {
    const listener = this.#listenerAt(syn.remote);
    if (listener === undefined || path.isRefusing) return 'refused';
    const peer = listener.peers.get(syn.local.address);
    const isHeard = syn.protection.md5Key === peer?.md5Key && reaches(path, syn.protection, peer);
    return isHeard ? listener : 'silence';
  }

  /** Whether the kernel of this host can sign a RST with the key of a connection it knows nothing of. */
  knowsKey(stray: SimulatedTcpConnection): boolean {
    const peer = this.#listenerAt(stray.remote)?.peers.get(stray.local.address);
    return peer?.md5Key === stray.protection.md5Key;
  }

  /** The last ACK of a handshake: the connection is there on this side too. */
  acceptFrom(end: SimulatedTcpConnection): boolean {
    const listener = this.#listenerAt(end.remote);
    if (listener === undefined) return false;
    const peer = listener.peers.get(end.local.address);
    const accepted = this.#newEnd(end.remote, end.local, peer ?? {});
    accepted.peer = end;
    end.peer = accepted;
    accepted.phase = 'open';
    end.sender.windowOpened();
    if (peer === undefined) accepted.abort();
    else accepted.accept(listener.accept);
    return true;
  }

  forget(end: SimulatedTcpConnection): void {
    this.#ends.delete(end);
  }

  #newEnd(local: Endpoint, remote: Endpoint, protection: TcpProtection, handlers?: TcpHandlers) {
    const host = this.#host;
    const { network } = host;
    const end = new SimulatedTcpConnection(host, local, remote, protection, handlers);
    const path = network.path(local.address, remote.address);
    const back = network.path(remote.address, local.address);
    end.sender = new TcpSender({
      clock: network.clock,
      random: network.random,
      path,
      back,
      transitMs: (way) => network.transitMs(way),
      windowByteCount: () => end.peer?.windowByteCount ?? 0,
      deliver: (segment) => !host.isDown && this.#deliver(end, segment, path, back),
      drained: () => end.drained(),
      gaveUp: () => end.fail('timed out'),
    });
    this.#ends.add(end);
    return end;
  }

  /** Gives a segment to the other end, and `false` when nobody there acknowledges it. */
  #deliver(from: SimulatedTcpConnection, segment: Segment, path: Path, back: Path): boolean {
    const target = this.#host.network.hostAt(from.remote.address);
    if (target === undefined || target.isDown) return false;
    const { peer } = from;
    if (segment.kind === 'established' && peer === undefined) {
      if (target.tcp.acceptFrom(from)) return true;
    } else if (peer !== undefined && peer.phase !== 'gone') {
      if (!reaches(path, from.protection, peer.protection)) return false;
      peer.receive(segment);
      return true;
    }
    if (segment.kind !== 'rst') this.#answerWithReset(from, back);
    return segment.kind === 'rst';
  }

  /** A kernel that knows no such connection sends a RST, with a plain TTL, and signed only when a listener has the key. */
  #answerWithReset(from: SimulatedTcpConnection, back: Path): void {
    const { network } = this.#host;
    network.clock.after(network.transitMs(back), () => {
      if (!back.isCut && hearsPlain(from, back) && network.hostAt(from.remote.address)?.tcp.knowsKey(from)) {
        from.receive({ kind: 'rst' });
      }
    });
  }

  /** SYN, SYN-ACK; sent again until there is an answer, a RST, or no patience left. */
  #shakeHands(end: SimulatedTcpConnection): void {
    const { network } = this.#host;
    const { clock } = network;
    const path = network.path(end.local.address, end.remote.address);
    const back = network.path(end.remote.address, end.local.address);
    const startedMs = clock.nowMs();
    const attempt = (retransmitMs: number): void => {
      const isWaiting = () => end.phase === 'opening' && !this.#host.isDown;
      clock.after(network.transitMs(path), () => {
        const target = network.hostAt(end.remote.address);
        const isLost = !isWaiting() || path.isCut || target === undefined || target.isDown;
        const answer = isLost ? 'silence' : target.tcp.answerTo(end, path);
        if (answer === 'silence') return;
        clock.after(network.transitMs(back), () => {
          if (!isWaiting() || back.isCut) return;
          if (answer === 'refused') {
            if (hearsPlain(end, back) && target!.tcp.knowsKey(end)) end.fail('connection refused');
          } else if (reaches(back, answer.peers.get(end.local.address) ?? {}, end.protection)) {
            end.open();
          }
        });
      });
      clock.after(retransmitMs, () => {
        if (!isWaiting()) return;
        if (clock.nowMs() - startedMs >= SYN_TIMEOUT_MS) end.fail('timed out');
        else attempt(retransmitMs * 2);
      });
    };
    attempt(SYN_RETRANSMIT_MS_FIRST);
  }

  #listenerAt({ address, port }: Endpoint): Listener | undefined {
    const wildcard = wildcardOf(address);
    const bound = [...this.#listeners].filter(({ local }) => local.port === port);
    return (
      bound.find(({ local }) => local.address === address) ?? bound.find(({ local }) => local.address === wildcard)
    );
  }

  #bindable(localAddress: string, wantedPort: number): Endpoint {
    const address = canonicalIp(localAddress);
    const port = wantedPort === 0 ? this.#freePort() : wantedPort;
    const isTaken = [...this.#listeners].some(({ local }) => local.address === address && local.port === port);
    if (isTaken) throw new EdgemuxError('ERR_SOCKET', `cannot bind ${address} port ${port}: in use`);
    if (address !== wildcardOf(address) && !this.#host.addresses.includes(address)) {
      throw new EdgemuxError('ERR_SOCKET', `cannot bind ${address} port ${port}: not an address of this machine`);
    }
    return { address, port };
  }

  #freePort(): number {
    const used = new Set([...this.#ends, ...this.#listeners].map(({ local }) => local.port));
    do {
      this.#portLast = this.#portLast === EPHEMERAL_PORT_LAST ? EPHEMERAL_PORT_FIRST : this.#portLast + 1;
    } while (used.has(this.#portLast));
    return this.#portLast;
  }
}

/** GTSM on both sides: the hop limit one sends with against the lowest the other takes. */
function reaches(path: Path, sender: TcpProtection, receiver: TcpProtection | undefined): boolean {
  const sent = sender.ttlSecurityHops === undefined ? HOP_LIMIT_DEFAULT : HOP_LIMIT_SECURE;
  return hopLimitSuffices(path, sent, hopLimitMin(receiver));
}

function hearsPlain(end: SimulatedTcpConnection, path: Path): boolean {
  return hopLimitSuffices(path, HOP_LIMIT_DEFAULT, hopLimitMin(end.protection));
}

function hopLimitMin(protection: TcpProtection | undefined): number {
  return protection?.ttlSecurityHops === undefined ? 1 : HOP_LIMIT_SECURE + 1 - protection.ttlSecurityHops;
}

function protectionOf({ md5Key, ttlSecurityHops }: TcpProtection): TcpProtection {
  return { ...(md5Key !== undefined && { md5Key }), ...(ttlSecurityHops !== undefined && { ttlSecurityHops }) };
}

function peersByAddress(peers: readonly TcpListenPeer[]): ReadonlyMap<string, TcpListenPeer> {
  return new Map(peers.map((peer) => [canonicalIp(peer.address), peer]));
}

function wildcardOf(address: string): string {
  return address.includes(':') ? '::' : '0.0.0.0';
}

function isIpv6({ address }: Endpoint): boolean {
  return address.includes(':');
}
