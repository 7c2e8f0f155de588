/** The options of a peer beside those of another moment: whether they are still the same. */
import { canonicalIp } from '../../net/address.js';
import type { PeerOptions } from '../options.js';

/** The options with addresses in their one spelling, in which connections and listeners give them. */
export function canonicalPeer(peer: PeerOptions): PeerOptions {
  const { address, localAddress } = peer;
  return {
    ...peer,
    address: canonicalIp(address),
    ...(localAddress !== undefined && { localAddress: canonicalIp(localAddress) }),
  };
}

/** Whether a session made with the one is good for the other; what people call the peer is no matter to it. */
export function isSamePeer(a: PeerOptions, b: PeerOptions): boolean {
  return textOf(a) === textOf(b);
}

function textOf({ name, ...options }: PeerOptions): string {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return JSON.stringify(given.sort(([a], [b]) => (a < b ? -1 : 1)));
}
