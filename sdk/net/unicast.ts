/** Addresses that name exactly one machine, as opposed to those that name none, oneself, or many. */
import { type IpAddress, parseIp } from './address.js';
import { macBytes } from './mac.js';
import { type Prefix, parsePrefix, prefixContains } from './prefix.js';

// RFC 6890: this network, loopback, multicast, limited broadcast; unspecified, loopback, multicast.
const NOBODY = prefixes(
  '0.0.0.0/8',
  '127.0.0.0/8',
  '224.0.0.0/4',
  '255.255.255.255/32',
  '::/128',
  '::1/128',
  'ff00::/8',
);
// RFC 4291 section 2.5.6: not forwarded by any router.
const LINK_LOCAL = prefixes('fe80::/10');

/** The prefix that keeps an address from being a machine's, `127.0.0.0/8`; undefined for one that can be. */
export function unusablePrefixOf(address: string): string | undefined {
  return textOfPrefixWith(parseIp(address), NOBODY);
}

/** The prefix that keeps an address from being reached by way of a router; undefined for one that can be. */
export function unroutablePrefixOf(address: string): string | undefined {
  return textOfPrefixWith(parseIp(address), [...NOBODY, ...LINK_LOCAL]);
}

/** Whether a MAC address can be one network interface's: not a group's, and not all zero (IEEE 802). */
export function isUnicastMac(mac: string): boolean {
  const bytes = macBytes(mac);
  return (bytes[0]! & 1) === 0 && bytes.some((byte) => byte !== 0);
}

type NamedPrefix = readonly [text: string, prefix: Prefix];

function prefixes(...texts: readonly string[]): readonly NamedPrefix[] {
  return texts.map((text) => [text, parsePrefix(text)]);
}

function textOfPrefixWith(address: IpAddress, among: readonly NamedPrefix[]): string | undefined {
  return among.find(([, prefix]) => prefixContains(prefix, address))?.[0];
}
