/**
 * IP addresses as text and as bytes. Text in: strict IPv4 (four decimal parts) and IPv6 without a zone. Text out:
 * dotted decimal, and RFC 5952 for IPv6.
 */
import ipaddr from 'ipaddr.js';
import { EdgemuxError } from '../errors.js';

/** An IP address: its family, and its 4 or 16 bytes in network order. */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly bytes: Uint8Array;
}

/**
 * Reads an IP address.
 *
 * IPv4 is four decimal parts without leading zeros: `10.1` and `010.0.0.1` mean different addresses to different
 * programs, so they mean none here. An IPv6 zone (`fe80::1%eth0`) names an interface of one machine and is refused too.
 *
 * @throws EdgemuxError `ERR_ADDRESS_INVALID`
 * @example
 * ```ts
 * parseIp('10.0.0.4'); // { family: 4, bytes: Uint8Array [10, 0, 0, 4] }
 * ```
 */
export function parseIp(text: string): IpAddress {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) {
    return { family: 4, bytes: Uint8Array.from(ipaddr.IPv4.parse(text).octets) };
  }
  if (isStrictIpv6(text)) {
    return { family: 6, bytes: Uint8Array.from(ipaddr.IPv6.parse(text).toByteArray()) };
  }
  throw new EdgemuxError('ERR_ADDRESS_INVALID', `not an IPv4 or IPv6 address: ${JSON.stringify(text)}`);
}

/**
 * Writes 4 or 16 bytes in network order as an address: dotted decimal or RFC 5952.
 *
 * @throws EdgemuxError `ERR_ADDRESS_INVALID` for any other number of bytes
 */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return new ipaddr.IPv4([...bytes]).toString();
  if (bytes.length === 16) return new ipaddr.IPv6([...bytes]).toRFC5952String();
  throw new EdgemuxError('ERR_ADDRESS_INVALID', `an address has 4 or 16 bytes, not ${bytes.length}`);
}

/**
 * The one spelling of an address that edgemux writes, so that equal addresses are equal strings.
 *
 * @throws EdgemuxError `ERR_ADDRESS_INVALID`
 * @example
 * ```ts
 * canonicalIp('2001:DB8:0::1'); // '2001:db8::1'
 * ```
 */
export function canonicalIp(text: string): string {
  return formatIp(parseIp(text).bytes);
}

/** An address as it stands before a port: an IPv6 address in brackets (RFC 3986 section 3.2.2). */
export function hostText(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** Orders two addresses: negative, zero or positive; every IPv4 address comes before every IPv6 address. */
export function compareIp(a: IpAddress, b: IpAddress): number {
  if (a.family !== b.family) return a.family - b.family;
  const index = a.bytes.findIndex((byte, i) => byte !== b.bytes[i]);
  return index < 0 ? 0 : a.bytes[index]! - b.bytes[index]!;
}

// ipaddr.js reads an embedded IPv4 part in octal and hexadecimal too, and lets a zone pass.
function isStrictIpv6(text: string): boolean {
  if (!ipaddr.IPv6.isValid(text) || text.includes('%')) return false;
  return !text.includes('.') || ipaddr.IPv4.isValidFourPartDecimal(text.slice(text.lastIndexOf(':') + 1));
}
