/**
 * The IPv6 addresses a running host agent knows, and the words that stand for them in its tables.
 *
 * Its flows name VIPs and DIPs by their words and outlive the program they began under. So a word stays with its address
 * until there is no room for new ones; then the words of addresses that no program names any more are taken back, and
 * the connections that have them end.
 */
import * as abi from '../../assembly/abi.js';
import type { AddressWord } from '../dataplane/address-words.js';
import type { DataPlane } from '../dataplane/instance.js';
import { address6Net, addressNet } from '../dataplane/network-order.js';
import { canonicalIp, parseIp } from '../net/address.js';

/** Address words of one host agent. */
export class HostAddresses {
  readonly #dataPlane: DataPlane;
  /** By the canonical text of the address. */
  readonly #words = new Map<string, number>();
  /** Words that were given out and taken back. */
  #free: number[] = [];

  constructor(dataPlane: DataPlane) {
    this.#dataPlane = dataPlane;
  }

  /** Makes the data plane know these addresses, of either family; for those of IPv4 there is nothing to do. */
  apply(addresses: Iterable<string>): void {
    const wanted = new Set([...addresses].filter((address) => parseIp(address).family === 6).map(canonicalIp));
    const fresh = [...wanted].filter((address) => !this.#words.has(address));
    if (fresh.length === 0) return;
    // Word 0 is none.
    const room = this.#dataPlane.region(abi.REGION_ADDRESS_VALUES).count - 1;
    if (this.#words.size + fresh.length > room) this.#retire(wanted);
    for (const address of fresh) this.#add(address);
    const { exports } = this.#dataPlane;
    exports.addressClear();
    for (const [address, word] of this.#words) exports.addressInsert(...address6Net(address), word);
  }

  /** How an address that apply() was given is written into keys. */
  of(address: string): AddressWord {
    if (parseIp(address).family === 4) return { word: addressNet(address), family: 4 };
    const word = this.#words.get(canonicalIp(address));
    if (word === undefined) throw new RangeError(`no word for ${address}`);
    return { word, family: 6 };
  }

  #add(address: string): void {
    const word = this.#free.pop() ?? this.#words.size + 1;
    this.#words.set(address, word);
    this.#dataPlane.bytes.set(parseIp(address).bytes, this.#valueOf(word));
  }

  #retire(wanted: ReadonlySet<string>): void {
    const { bytes, exports } = this.#dataPlane;
    for (const [address, word] of this.#words) {
      if (wanted.has(address)) continue;
      const value = this.#valueOf(word);
      bytes.fill(0, value, value + abi.ADDRESS_VALUE_BYTES);
      this.#words.delete(address);
      this.#free.push(word);
    }
    exports.natFlowPurgeRetired();
    // Datagrams in fragments remember words, too, for half a minute.
    const { base, count } = this.#dataPlane.region(abi.REGION_FRAGMENTS);
    bytes.fill(0, base, base + count * abi.FRAGMENT_SET_BYTES);
  }

  #valueOf(word: number): number {
    return this.#dataPlane.region(abi.REGION_ADDRESS_VALUES).base + word * abi.ADDRESS_VALUE_BYTES;
  }
}
