/** What the control plane needs of the machine it runs on. The runtimes themselves are in the folders beside this. */
import type { Clock } from './clock.js';
import type { Tcp } from './tcp.js';
import type { Udp } from './udp.js';

export type { Clock, Timer } from './clock.js';
export type { NextHop, NextHops } from './next-hops.js';
export type {
  FrameSelection,
  PacketPort,
  PortCounters,
  PortInterface,
  PortKind,
  PortLink,
  PortMemory,
  PortPlaces,
  PortSide,
  PortTraits,
  RingLayout,
  RingLayouts,
} from './packet-port.js';
export { SELECT_NOTHING } from './packet-port.js';
export type {
  Endpoint,
  Tcp,
  TcpConnection,
  TcpConnectOptions,
  TcpEnd,
  TcpHandlers,
  TcpListener,
  TcpListenOptions,
  TcpListenPeer,
  TcpProtection,
} from './tcp.js';
export type { Udp, UdpOptions, UdpSocket } from './udp.js';

/** A runtime: time, sockets and chance, real or simulated. */
export interface Runtime {
  readonly clock: Clock;
  readonly tcp: Tcp;
  readonly udp: Udp;
  /** A number in 0..1, 1 excluded, for jitter; nothing secret comes of it. */
  random(): number;
}
