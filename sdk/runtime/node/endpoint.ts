/** Addresses as node:net and node:dgram write them, in edgemux's spelling. */
import { formatIp, parseIp } from '../../net/address.js';
import type { Endpoint } from '../tcp.js';

/** First bytes of an IPv4 address in IPv6 clothes, `::ffff:192.0.2.7` (RFC 4291 section 2.5.5.2). */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/**
 * The address of a socket's end in its canonical spelling: without the zone of a link-local address, and an
 * IPv4-mapped one as the IPv4 address it is.
 *
 * @throws EdgemuxError `ERR_ADDRESS_INVALID`
 */
export function endAddress(text: string): string {
  const { bytes } = parseIp(text.replace(/%.*$/, ''));
  const isMapped = bytes.length === 16 && MAPPED.every((byte, i) => bytes[i] === byte);
  return formatIp(isMapped ? bytes.subarray(MAPPED.length) : bytes);
}

/** An end of a socket; the unspecified endpoint when the socket has lost it already. */
export function endpoint(address: string | undefined, port: number | undefined): Endpoint {
  return { address: endAddress(address ?? '::'), port: port ?? 0 };
}
