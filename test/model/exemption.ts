/**
 * Destinations that a VM reaches under its own address: what policy exempts, and what never leaves a link.
 */

import type { HostProgram, Nic } from '../../sdk/program/types.js';
import { ipBytes } from '../support/bytes.js';
import { familyOf } from './address.js';

/** Multicast (RFC 5771, RFC 4291), limited broadcast (RFC 919), link-local (RFC 3927, RFC 4291) and loopback. */
const OF_THE_LINK = ['224.0.0.0/4', '255.255.255.255/32', '169.254.0.0/16', '127.0.0.0/8'];
const OF_THE_LINK_6 = ['ff00::/8', 'fe80::/10', '::1/128'];

export function isExempt({ exemptions = [] }: HostProgram, { vni }: Nic, destination: string): boolean {
  const ofPolicy = exemptions.filter((exemption) => exemption.vni === undefined || exemption.vni === vni);
  const prefixes = [...OF_THE_LINK, ...OF_THE_LINK_6, ...ofPolicy.map(({ prefix }) => prefix)];
  return prefixes.some((prefix) => isInside(destination, prefix));
}

function isInside(address: string, prefix: string): boolean {
  const [network, length] = prefix.split('/') as [string, string];
  if (familyOf(address) !== familyOf(network)) return false;
  const bits = (text: string): string =>
    Array.from(ipBytes(text), (byte) => byte.toString(2).padStart(8, '0')).join('');
  return bits(address).startsWith(bits(network).slice(0, Number(length)));
}
