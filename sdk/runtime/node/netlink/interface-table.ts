/** The interfaces of this machine, by index and by name, as the kernel has told them. */
import { type InterfaceState, isSameInterface, readLink, writeLinkDump } from './link-message.js';
import { type Message, RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK, readEach } from './message.js';
import type { NetlinkSocket } from './netlink-socket.js';

/** Called for each difference: an interface as it was and as it is, `undefined` while it is not there. */
export type InterfaceDifference = (before: InterfaceState | undefined, after: InterfaceState | undefined) => void;

/** Interfaces, and what differs from message to message. */
export class InterfaceTable {
  readonly #byIndex = new Map<number, InterfaceState>();
  readonly #byName = new Map<string, InterfaceState>();
  readonly #differs: InterfaceDifference;

  constructor(differs: InterfaceDifference) {
    this.#differs = differs;
  }

  /** All of them, in no order. */
  get all(): Iterable<InterfaceState> {
    return this.#byIndex.values();
  }

  at(index: number): InterfaceState | undefined {
    return this.#byIndex.get(index);
  }

  named(name: string): InterfaceState | undefined {
    return this.#byName.get(name);
  }

  /** Follows RTM_NEWLINK and RTM_DELLINK; anything else is nothing to it. */
  apply(message: Message): void {
    if (message.type !== RTM_NEWLINK && message.type !== RTM_DELLINK) return;
    const state = readLink(message);
    if (state) this.#set(state.index, message.type === RTM_NEWLINK ? state : undefined);
  }

  /** Asks for all of them; returns whether that is the whole truth, or has to be asked again. */
  load(netlink: NetlinkSocket): boolean {
    const { messages, isWhole } = netlink.dump(RTM_GETLINK, writeLinkDump());
    const states = readEach(messages, RTM_NEWLINK, readLink);
    if (isWhole) {
      const indexes = new Set(states.map(({ index }) => index));
      for (const index of [...this.#byIndex.keys()]) if (!indexes.has(index)) this.#set(index, undefined);
    }
    for (const state of states) this.#set(state.index, state);
    return isWhole;
  }

  #set(index: number, after: InterfaceState | undefined): void {
    const before = this.#byIndex.get(index);
    if (isSameInterface(before, after)) return;
    // A name has one interface: whoever had it before is gone, even if that has not been heard of.
    const namesake = after && this.#byName.get(after.name);
    if (namesake && namesake.index !== index) this.#set(namesake.index, undefined);
    if (before && this.#byName.get(before.name) === before) this.#byName.delete(before.name);
    if (after) {
      this.#byIndex.set(index, after);
      this.#byName.set(after.name, after);
    } else {
      this.#byIndex.delete(index);
    }
    this.#differs(before, after);
  }
}
