/** Where the kernel would send packets to: the way from this machine to another one, which may change at any time. */
import type { PortInterface } from './packet-port.js';

/** The first hop towards a destination. */
export interface NextHop {
  /** The interface packets leave by. */
  readonly interface: PortInterface;
  /** The machine on that link they go to: a router, or the destination itself. */
  readonly address: string;
  /** Its MAC address; `undefined` as long as the kernel does not know it. */
  readonly macAddress: string | undefined;
}

/** Routes and neighbours of the kernel, followed as they change. */
export interface NextHops {
  /**
   * Says which destinations matter, from now on and until the next call. The kernel is asked to find their first hops, and to
   * keep them fresh.
   */
  want(destinations: readonly string[]): void;
  /** `undefined` where no route leads, or for a destination nobody wanted. */
  of(destination: string): NextHop | undefined;
  /** The next hop of the default route of a family. */
  ofDefault(family: 4 | 6): NextHop | undefined;
  /** Addresses this machine has itself, on any interface. */
  readonly localAddresses: readonly string[];
  /** Called, soon, after any of these answers may have changed; what is returned ends that. */
  subscribe(listener: () => void): () => void;
  close(): void;
}
