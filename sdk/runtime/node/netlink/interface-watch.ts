/** Interfaces that come, go and change while a program runs: those of VMs that are started and moved. */
import { InterfaceTable } from './interface-table.js';
import type { InterfaceState } from './link-message.js';
import type { Message } from './message.js';
import { NetlinkEvents, RTNLGRP_LINK } from './netlink-events.js';
import { NetlinkSocket } from './netlink-socket.js';

/**
 * What has happened to an interface.
 *
 * | what | then |
 * |---|---|
 * | `there` | it has been made, has moved into this network namespace, or has got this name |
 * | `gone` | it has been deleted, moved away or renamed; also when another one has taken its name, before `there` |
 * | `up` | frames can pass: it is set up, and there is something at the other end |
 * | `down` | they no longer can |
 * | `mtu`, `mac` | it has another MTU, another MAC address |
 */
export type InterfaceEvent = 'there' | 'gone' | 'up' | 'down' | 'mtu' | 'mac';

/** One event. */
export interface InterfaceChange {
  readonly what: InterfaceEvent;
  readonly name: string;
  /** As it is now; as it was last, for `gone`. */
  readonly interface: InterfaceState;
}

/**
 * Follows all interfaces of the network namespace it is made in. Does not hold the process.
 *
 * @example
 * ```ts
 * const watch = new InterfaceWatch();
 * if (!watch.named('vm1')) watch.subscribe(({ name, what }) => name === 'vm1' && what === 'there' && open());
 * ```
 */
export class InterfaceWatch {
  readonly #table = new InterfaceTable((before, after) => this.#tell(before, after));
  readonly #listeners = new Set<(change: InterfaceChange) => void>();
  readonly #netlink: NetlinkSocket;
  readonly #events: NetlinkEvents;

  /** @throws EdgemuxError `ERR_UNSUPPORTED` where there is no Linux or no koffi; `ERR_SOCKET` when the kernel refuses */
  constructor(options: { readonly receiveBufferBytes?: number } = {}) {
    this.#netlink = new NetlinkSocket();
    const listener = {
      message: (message: Message) => this.#table.apply(message),
      load: () => this.#table.load(this.#netlink),
      turn: () => false,
    };
    try {
      // Heard first, and asked then, so that nothing is missed in between.
      this.#events = new NetlinkEvents({ groups: [RTNLGRP_LINK], listener, ...options });
    } catch (error) {
      this.#netlink.close();
      throw error;
    }
    this.#events.start();
  }

  /** All interfaces there are, in no order. */
  get all(): InterfaceState[] {
    return [...this.#table.all];
  }

  /** The interface of that name as it was at the last look, at most 20 ms ago; `undefined` when there is none. */
  named(name: string): InterfaceState | undefined {
    return this.#table.named(name);
  }

  /** Called with every event from now on, in their order; what is returned ends that. */
  subscribe(listener: (change: InterfaceChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
    this.#events.close();
    this.#netlink.close();
  }

  #tell(before: InterfaceState | undefined, after: InterfaceState | undefined): void {
    for (const change of changesBetween(before, after)) for (const listener of [...this.#listeners]) listener(change);
  }
}

function changesBetween(before: InterfaceState | undefined, after: InterfaceState | undefined): InterfaceChange[] {
  const event = (what: InterfaceEvent, state: InterfaceState) => ({ what, name: state.name, interface: state });
  if (before && before.name !== after?.name) {
    return [event('gone', before), ...changesBetween(undefined, after)];
  }
  if (!after) return [];
  const changes: InterfaceChange[] = [];
  if (!before) changes.push(event('there', after));
  if (canPass(before) !== canPass(after)) changes.push(event(canPass(after) ? 'up' : 'down', after));
  if (before && before.mtuBytes !== after.mtuBytes) changes.push(event('mtu', after));
  if (before && before.macAddress !== after.macAddress) changes.push(event('mac', after));
  return changes;
}

function canPass(state: InterfaceState | undefined): boolean {
  return state?.isUp === true && state.hasCarrier;
}
