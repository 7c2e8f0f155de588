/**
 * IP addresses of both families, as text in the one spelling that programs use.
 *
 * Text of IPv6 is RFC 5952: lower case, no leading zeros, the longest run of at least two zero groups (the first of
 * equals) as `::`. Two addresses are equal when their texts are.
 */

import { be16, ipv4Text } from '../support/bytes.js';

export type Family = 4 | 6;

export function familyOf(address: string): Family {
  return address.includes(':') ? 6 : 4;
}

/** Text of the address at `at`. */
export function addressText(family: Family, bytes: Uint8Array, at: number): string {
  return family === 6 ? ipv6Text(bytes, at) : ipv4Text(bytes, at);
}

function ipv6Text(bytes: Uint8Array, at: number): string {
  const groups = Array.from({ length: 8 }, (_, index) => be16(bytes, at + index * 2).toString(16));
  let longest = { start: 0, length: 0 };
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === '0') end++;
    if (end - start > longest.length) longest = { start, length: end - start };
  }
  if (longest.length < 2) return groups.join(':');
  return `${groups.slice(0, longest.start).join(':')}::${groups.slice(longest.start + longest.length).join(':')}`;
}
