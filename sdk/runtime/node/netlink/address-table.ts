/** The addresses of this machine, as the kernel has told them. */
import { compareIp, parseIp } from '../../../net/address.js';
import { type LocalAddress, readAddress, writeAddressDump } from './address-message.js';
import { type Message, RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR, readEach } from './message.js';
import type { NetlinkSocket } from './netlink-socket.js';

const AF_UNSPEC = 0;

/** Addresses of all interfaces, the loopback and those of one link included. */
export class AddressTable {
  readonly #byKey = new Map<string, LocalAddress>();
  #texts: readonly string[] | undefined;

  /** Each address once, IPv4 first, in ascending order. The same array until something changes. */
  get all(): readonly string[] {
    this.#texts ??= [...new Set([...this.#byKey.values()].map(({ address }) => address))]
      .map((address) => ({ address, ip: parseIp(address) }))
      .sort((a, b) => compareIp(a.ip, b.ip))
      .map(({ address }) => address);
    return this.#texts;
  }

  /** Indexes of the interfaces that have an address. */
  interfacesOf(address: string): number[] {
    return [...this.#byKey.values()].filter((one) => one.address === address).map((one) => one.interfaceIndex);
  }

  /** Follows RTM_NEWADDR and RTM_DELADDR; returns whether there is another address now, or one less. */
  apply(message: Message): boolean {
    const isNew = message.type === RTM_NEWADDR;
    const address = isNew || message.type === RTM_DELADDR ? readAddress(message) : undefined;
    if (!address) return false;
    const key = keyOf(address);
    if (this.#byKey.has(key) === isNew) return false;
    if (isNew) this.#byKey.set(key, address);
    else this.#byKey.delete(key);
    this.#texts = undefined;
    return true;
  }

  /** Asks for all of them; returns whether that is the whole truth, or has to be asked again. */
  load(netlink: NetlinkSocket): boolean {
    const { messages, isWhole } = netlink.dump(RTM_GETADDR, writeAddressDump(AF_UNSPEC));
    if (isWhole) this.#byKey.clear();
    for (const address of readEach(messages, RTM_NEWADDR, readAddress)) this.#byKey.set(keyOf(address), address);
    this.#texts = undefined;
    return isWhole;
  }
}

/** An interface may have one address with several prefix lengths. */
function keyOf({ interfaceIndex, address, prefixLength }: LocalAddress): string {
  return `${interfaceIndex} ${address}/${prefixLength}`;
}
