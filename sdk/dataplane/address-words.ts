/**
 * Address words: the 32 bits that stand for an address in the keys of the policy tables, see assembly/table/address.ts.
 * An IPv4 address is its own word; an IPv6 address has one from here, the same as long as it stays.
 */
import { parseIp } from '../net/address.js';
import type { DataPlane } from './instance.js';
import { address6Net, addressNet } from './network-order.js';

/** An address as it is written into keys. */
export interface AddressWord {
  readonly word: number;
  readonly family: 4 | 6;
}

/** The IPv6 addresses one data plane knows. */
export class AddressWords {
  readonly #dataPlane: DataPlane;
  /** By the canonical text of the address. */
  #words = new Map<string, number>();
  #last = 0;

  constructor(dataPlane: DataPlane) {
    this.#dataPlane = dataPlane;
  }

  /** Makes the data plane know exactly these addresses, of either family; for those of IPv4 there is nothing to do. */
  apply(addresses: Iterable<string>): void {
    const words = new Map<string, number>();
    for (const address of addresses) {
      // A word is never given out twice: what still remembers an address that is gone means no other one.
      if (familyOf(address) === 6) words.set(address, words.get(address) ?? this.#words.get(address) ?? ++this.#last);
    }
    if (words.size === 0 && this.#words.size === 0) return;
    const { exports } = this.#dataPlane;
    exports.addressClear();
    for (const [address, word] of words) exports.addressInsert(...address6Net(address), word);
    this.#words = words;
  }

  /** How a canonical address that apply() was given is written into keys. */
  of(address: string): AddressWord {
    if (familyOf(address) === 4) return { word: addressNet(address), family: 4 };
    const word = this.#words.get(address);
    if (word === undefined) throw new RangeError(`no word for ${address}`);
    return { word, family: 6 };
  }
}

function familyOf(address: string): 4 | 6 {
  return parseIp(address).family;
}
