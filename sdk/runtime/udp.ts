/** UDP as the control plane uses it: datagrams between neighbours, with their hop limits. */
import type { Endpoint } from './tcp.js';

/** Where a socket is bound, and which hop limits it sends and takes. */
export interface UdpOptions {
  readonly localAddress: string;
  /** Port to bind; 0 lets the runtime choose. */
  readonly port: number;
  /** TTL or hop limit of what is sent, 1..255. */
  readonly hopLimit: number;
  /** Datagrams that arrive with a lower TTL or hop limit are dropped before anyone reads them (RFC 5082); 0..255. */
  readonly hopLimitMin: number;
}

/** A bound socket. What the network refuses to send is lost in silence, as datagrams are. */
export interface UdpSocket {
  readonly local: Endpoint;
  send(bytes: Uint8Array, to: Endpoint): void;
  /** Unbinds the port and takes nothing more in; what was sent before still leaves. */
  close(): void;
}

/** The UDP of a runtime. */
export interface Udp {
  /**
   * Binds a port. `received` is called from the event loop; its bytes belong to the callee.
   *
   * @throws EdgemuxError (as a rejection) `ERR_UNSUPPORTED` when the runtime cannot check hop limits; `ERR_SOCKET`
   *   when the port cannot be bound
   */
  bind(options: UdpOptions, received: (bytes: Uint8Array, from: Endpoint) => void): Promise<UdpSocket>;
}
