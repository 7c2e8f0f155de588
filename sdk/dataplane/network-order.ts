/** Addresses and ports as the `…Net` arguments of the boundary: the bytes of the wire read as a little-endian number. */
import { EdgemuxError } from '../errors.js';
import { parseIp } from '../net/address.js';
import { macBytes } from '../net/mac.js';

/**
 * An IPv4 address.
 *
 * @throws EdgemuxError `ERR_ADDRESS_INVALID` for any other
 */
export function addressNet(address: string): number {
  const { bytes, family } = parseIp(address);
  if (family !== 4) throw new EdgemuxError('ERR_ADDRESS_INVALID', `not an IPv4 address: ${address}`);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

/**
 * An IPv6 address, four words of it.
 *
 * @throws EdgemuxError `ERR_ADDRESS_INVALID` for any other
 */
export function address6Net(address: string): readonly [number, number, number, number] {
  const { bytes, family } = parseIp(address);
  if (family !== 6) throw new EdgemuxError('ERR_ADDRESS_INVALID', `not an IPv6 address: ${address}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [0, 4, 8, 12].map((at) => view.getUint32(at, true)) as [number, number, number, number];
}

/** A port, or any 16-bit field. */
export function portNet(port: number): number {
  return ((port & 0xff) << 8) | (port >>> 8);
}

/** A MAC address: its first four bytes and its last two. */
export function macNet(address: string): { readonly low: number; readonly high: number } {
  const bytes = macBytes(address);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { low: view.getUint32(0, true), high: view.getUint16(4, true) };
}
