/**
 * Addresses as the kernel reads them, `struct sockaddr_in` and `struct sockaddr_in6`. The family is in the byte order
 * of the machine, everything else in that of the network.
 *
 *   sockaddr_in   | family 2 | port 2 | address 4 | zero 8 |                              16 bytes
 *   sockaddr_in6  | family 2 | port 2 | flow information 4 | address 16 | scope 4 |       28 bytes
 */
import { parseIp } from '../../net/address.js';

/** Address families, as `socket` takes them. */
export const AF_INET = 2;
export const AF_INET6 = 10;

/** A socket address for `bind` and `connect`; port 0 where only the address counts. */
export function socketAddress(address: string, port: number): Uint8Array {
  const ip = parseIp(address);
  const bytes = new Uint8Array(ip.family === 4 ? 16 : 28);
  new Uint16Array(bytes.buffer, 0, 1)[0] = ip.family === 4 ? AF_INET : AF_INET6;
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(ip.bytes, ip.family === 4 ? 4 : 8);
  return bytes;
}

/** The address family of a family of IP. */
export function familyNumber(family: 4 | 6): number {
  return family === 4 ? AF_INET : AF_INET6;
}

/** Bytes of an address of an address family; `undefined` for a family that is not of IP. */
export function addressBytesOf(familyNumber: number): 4 | 16 | undefined {
  return familyNumber === AF_INET ? 4 : familyNumber === AF_INET6 ? 16 : undefined;
}
