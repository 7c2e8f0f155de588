/**
 * TCP as the control plane uses it: connections that call back, and listeners that know their peers.
 *
 * No method throws for what the network does: everything that happens to a connection is told to its handlers, each
 * call from the event loop and never from within a method of the connection.
 */

/** An address and a port, the address in its canonical spelling. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** What is asked of the sockets to and from one peer, beyond TCP itself. */
export interface TcpProtection {
  /**
   * Key of the TCP MD5 signature option, RFC 2385: 1..80 bytes as UTF-8. Segments without a right signature never
   * reach the connection, so a wrong key shows as a connection that times out.
   */
  readonly md5Key?: string;
  /**
   * Generalized TTL Security Mechanism, RFC 5082: how many hops away the peer is, 1..254; 1 is a neighbour on the
   * link. Segments leave with TTL or hop limit 255, and those that arrive with less than 256 - hops are dropped.
   */
  readonly ttlSecurityHops?: number;
}

/** Where a connection goes, and from where. */
export interface TcpConnectOptions extends TcpProtection {
  readonly remote: Endpoint;
  /** Source address; by default the kernel chooses it. */
  readonly localAddress?: string;
}

/** A peer whose connections a listener takes. */
export interface TcpListenPeer extends TcpProtection {
  readonly address: string;
}

/** Where a listener waits, and for whom. */
export interface TcpListenOptions {
  /** Address to bind; `::` and `0.0.0.0` are every one of that family. */
  readonly localAddress: string;
  /** Port to bind; 0 lets the runtime choose. */
  readonly port: number;
  /** The peers that may connect, with what protects their connections; those of others are reset. */
  readonly peers: readonly TcpListenPeer[];
}

/** Why a connection is over. */
export interface TcpEnd {
  /** `ended` by a FIN of the peer, `failed` by anything else: refused, reset, timed out, unreachable, bad MD5. */
  readonly how: 'ended' | 'failed';
  /** For people: `connection refused`, `reset by peer`. */
  readonly text: string;
}

/** What a connection tells its owner. After `closed`, or after the owner called `close` or `abort`, nothing more. */
export interface TcpHandlers {
  /** The connection is established; accepted connections are so from the start and are not told. */
  opened?(): void;
  /** Bytes arrived. They belong to the callee. */
  received(bytes: Uint8Array): void;
  /** What was written has left this process: `bufferedByteCount` is 0 again after it was not. */
  drained?(): void;
  /** The connection failed to open, broke, or the peer closed it. */
  closed(end: TcpEnd): void;
}

/** One connection, opening or open. */
export interface TcpConnection {
  /** Known once the connection is open. */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Bytes written that have not left this process. */
  readonly bufferedByteCount: number;
  /** Queues bytes; they are copied or owned from here on. Written before `opened` or after the end, they are dropped. */
  write(bytes: Uint8Array): void;
  /** Sends what is queued, then a FIN. The rest of what the peer sends is ignored. */
  close(): void;
  /** Drops what is queued and ends the connection at once, with a RST where it was open. */
  abort(): void;
}

/** A bound port. */
export interface TcpListener {
  /** Where it waits; the port chosen when 0 was asked for. */
  readonly local: Endpoint;
  /**
   * Replaces the peers that may connect; connections that are open stay, those not accepted yet may be reset.
   *
   * @throws EdgemuxError `ERR_UNSUPPORTED` as `Tcp.connect`, and nothing has changed; `ERR_SOCKET` when the port is
   *   lost on the way, and then nobody can connect
   */
  setPeers(peers: readonly TcpListenPeer[]): void;
  /** Unbinds; connections that are open stay. */
  close(): void;
}

/** The TCP of a runtime. */
export interface Tcp {
  /**
   * Begins to connect.
   *
   * @throws EdgemuxError `ERR_UNSUPPORTED` when the runtime cannot protect a connection as asked; never silently
   */
  connect(options: TcpConnectOptions, handlers: TcpHandlers): TcpConnection;
  /**
   * Binds a port. `accept` is called for each connection of a known peer and gives its handlers, or `undefined` to
   * refuse it.
   *
   * @throws EdgemuxError (as a rejection) `ERR_UNSUPPORTED` as `connect`; `ERR_SOCKET` when the port cannot be bound
   */
  listen(
    options: TcpListenOptions,
    accept: (connection: TcpConnection) => TcpHandlers | undefined,
  ): Promise<TcpListener>;
}
