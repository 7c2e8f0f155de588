/**
 * IP prefixes (`10.0.0.0/24`, RFC 4632 and RFC 4291 section 2.3) and ranges of addresses (`10.0.0.4` to `10.0.0.9`).
 */
import { EdgemuxError } from '../errors.js';
import { compareIp, formatIp, type IpAddress, parseIp } from './address.js';

/** A prefix: the network address with every host bit zero, and its length in bits (0..32 or 0..128). */
export interface Prefix extends IpAddress {
  readonly length: number;
}

/** The addresses from `start` to `end`, both included. */
export interface IpRange {
  readonly start: IpAddress;
  readonly end: IpAddress;
}

/**
 * Reads a prefix; host bits may be set and are cleared, as routers do with a connected interface's address.
 *
 * @throws EdgemuxError `ERR_ADDRESS_INVALID`
 * @example
 * ```ts
 * formatPrefix(parsePrefix('10.0.0.5/24')); // '10.0.0.0/24'
 * ```
 */
export function parsePrefix(text: string): Prefix {
  const slash = text.indexOf('/');
  const lengthText = text.slice(slash + 1);
  if (slash < 0 || !/^(0|[1-9]\d{0,2})$/.test(lengthText)) throw notAPrefix(text);
  const { family, bytes } = parseIp(text.slice(0, slash));
  const length = Number(lengthText);
  if (length > bytes.length * 8) throw notAPrefix(text);
  return { family, bytes: bytes.map((byte, i) => byte & netmaskByte(length, i)), length };
}

/** Writes a prefix, `10.0.0.0/24`. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatIp(prefix.bytes)}/${prefix.length}`;
}

/**
 * The one spelling of a prefix that edgemux writes: host bits zero, canonical address.
 *
 * @throws EdgemuxError `ERR_ADDRESS_INVALID`
 */
export function canonicalPrefix(text: string): string {
  return formatPrefix(parsePrefix(text));
}

/** Whether an address, or every address of a longer prefix, lies in a prefix; never across families. */
export function prefixContains(prefix: Prefix, inner: IpAddress | Prefix): boolean {
  if (prefix.family !== inner.family) return false;
  if ('length' in inner && inner.length < prefix.length) return false;
  return prefix.bytes.every((byte, i) => byte === (inner.bytes[i]! & netmaskByte(prefix.length, i)));
}

/**
 * Reads a range of addresses.
 *
 * @throws EdgemuxError `ERR_ADDRESS_INVALID` for two families, or an end before its start
 */
export function parseRange(startText: string, endText: string): IpRange {
  const start = parseIp(startText);
  const end = parseIp(endText);
  if (start.family !== end.family || compareIp(start, end) > 0) {
    throw new EdgemuxError('ERR_ADDRESS_INVALID', `not a range of addresses: ${startText} to ${endText}`);
  }
  return { start, end };
}

/** Whether an address lies in a range; never across families. */
export function rangeContains(range: IpRange, address: IpAddress): boolean {
  return (
    range.start.family === address.family && compareIp(range.start, address) <= 0 && compareIp(address, range.end) <= 0
  );
}

function netmaskByte(prefixLength: number, byteIndex: number): number {
  const bits = Math.min(8, Math.max(0, prefixLength - byteIndex * 8));
  return (0xff00 >> bits) & 0xff;
}

function notAPrefix(text: string): EdgemuxError {
  return new EdgemuxError('ERR_ADDRESS_INVALID', `not an IP prefix: ${JSON.stringify(text)}`);
}
