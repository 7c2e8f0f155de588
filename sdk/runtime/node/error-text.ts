/** What a system call says went wrong, for people. */
import { getSystemErrorMap } from 'node:util';

const TEXTS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EADDRINUSE: 'address in use',
  EADDRNOTAVAIL: 'not an address of this machine',
  EAFNOSUPPORT: 'no such address family on this machine',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'reset by peer',
  EPIPE: 'closed by peer',
  ETIMEDOUT: 'timed out',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'no route to network',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files',
};

/** The text of an error that Node threw or told: `connection refused`. */
export function errorText(error: Error & { readonly code?: unknown }): string {
  return (typeof error.code === 'string' && TEXTS[error.code]) || error.message;
}

/** The text of an error number of the kernel, positive as in `errno`. */
export function errnoText(errno: number): string {
  const [name, message] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, `error ${errno}`];
  return TEXTS[name] ?? message;
}
