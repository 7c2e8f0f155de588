/** What keeps a packet port from being opened, as one line: which port, what is wrong, what to do. */
import { EdgemuxError } from '../../../errors.js';
import { errnoText } from '../error-text.js';

/** What the calls of libc.ts are for, as the subject of a sentence in the plural. */
export const PACKET_PORTS = 'packet ports';

/** Error numbers of the kernel that mean something in particular to a port. */
export const EPERM = 1;
export const ENOENT = 2;
export const EAGAIN = 11;
export const EACCES = 13;
export const EBUSY = 16;
export const ENODEV = 19;
export const EINVAL = 22;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;

/** An `ERR_PORT`: `xdp:up0: queue 0 is taken by another socket`. */
export function portError(port: string, why: string): EdgemuxError {
  return new EdgemuxError('ERR_PORT', `${port}: ${why}`);
}

/**
 * An `ERR_PORT` for a call the kernel has refused, which says what privilege it takes when that is why.
 *
 * @param what could not be done, as the beginning of a sentence: `the socket cannot be bound`
 * @param capability that the call takes: `CAP_NET_RAW`
 */
export function kernelRefused(port: string, what: string, errno: number, capability: string): EdgemuxError {
  if (errno === EPERM || errno === EACCES) return portError(port, `not permitted: it takes ${capability}`);
  return portError(port, `${what}: ${errnoText(errno)}`);
}
