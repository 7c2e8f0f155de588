/** The machines frames are sent to on their links, and their MAC addresses, kept fresh. */
import { type IpAddress, parseIp } from '../../../net/address.js';
import { AF_INET, AF_INET6 } from '../socket-address.js';
import { type Message, NLM_F_CREATE, orNothing, RTM_GETNEIGH, RTM_NEWNEIGH, readEach } from './message.js';
import {
  type Neighbour,
  readNeighbour,
  writeNeighbourDump,
  writeNeighbourLookup,
  writeNeighbourUse,
} from './neighbour-message.js';
import type { NetlinkSocket } from './netlink-socket.js';

const EPERM = 1;

/** A machine on a link. */
export interface Hop {
  readonly interfaceIndex: number;
  readonly address: string;
  readonly ip: IpAddress;
  /** The last that was known. */
  macAddress: string | undefined;
}

/** The hops in use, and what the kernel says of their MAC addresses. */
export class HopTable {
  readonly #netlink: NetlinkSocket;
  readonly #hops = new Map<string, Hop>();
  #list: readonly Hop[] | undefined;
  #isAllowed = true;

  constructor(netlink: NetlinkSocket) {
    this.#netlink = netlink;
  }

  /** All of them; the same array until one comes or goes. */
  get all(): readonly Hop[] {
    this.#list ??= [...this.#hops.values()];
    return this.#list;
  }

  /** The hop of that address on that link; from now on the kernel is asked for its MAC address. */
  hop(interfaceIndex: number, address: string): Hop {
    const key = keyOf(interfaceIndex, address);
    const known = this.#hops.get(key);
    if (known) return known;
    const hop = { interfaceIndex, address, ip: parseIp(address), macAddress: undefined };
    this.#hops.set(key, hop);
    this.#list = undefined;
    this.use(hop);
    return hop;
  }

  /** Forgets the hops that are not among `hops`, which are all from here. */
  keepOnly(hops: ReadonlySet<Hop>): void {
    if (hops.size === this.#hops.size) return;
    for (const [key, hop] of this.#hops) if (!hops.has(hop)) this.#hops.delete(key);
    this.#list = undefined;
  }

  /** Follows RTM_NEWNEIGH; returns whether a hop has another MAC address now. */
  apply(message: Message): boolean {
    // RTM_DELNEIGH tells nothing: what was known last is kept.
    const neighbour = message.type === RTM_NEWNEIGH ? readNeighbour(message) : undefined;
    return neighbour !== undefined && this.#learn(neighbour);
  }

  /** Asks for all neighbours; returns whether that is the whole truth, or has to be asked again. */
  load(): boolean {
    let isWhole = true;
    for (const family of [AF_INET, AF_INET6]) {
      const dump = this.#netlink.dump(RTM_GETNEIGH, writeNeighbourDump(family));
      for (const neighbour of readEach(dump.messages, RTM_NEWNEIGH, readNeighbour)) this.#learn(neighbour);
      // A kernel without IPv6 has no neighbours of it.
      if (family === AF_INET || dump.errno === 0) isWhole &&= dump.isWhole;
    }
    return isWhole;
  }

  /** Has the kernel resolve a hop, and see whether it is still there; returns whether it knows another MAC address by now. */
  use(hop: Hop): boolean {
    const { errno, messages } = this.#netlink.ask(RTM_GETNEIGH, writeNeighbourLookup(hop.interfaceIndex, hop.ip));
    const [message] = messages;
    const neighbour = errno === 0 && message ? orNothing(() => readNeighbour(message)) : undefined;
    if (!neighbour?.isKept && this.#isAllowed) {
      const request = writeNeighbourUse(hop.interfaceIndex, hop.ip);
      this.#isAllowed = this.#netlink.change(RTM_NEWNEIGH, NLM_F_CREATE, request).errno !== EPERM;
    }
    return neighbour !== undefined && this.#learn(neighbour);
  }

  #learn({ interfaceIndex, address, macAddress }: Neighbour): boolean {
    const hop = this.#hops.get(keyOf(interfaceIndex, address));
    if (!hop || macAddress === undefined || hop.macAddress === macAddress) return false;
    hop.macAddress = macAddress;
    return true;
  }
}

function keyOf(interfaceIndex: number, address: string): string {
  return `${interfaceIndex} ${address}`;
}
