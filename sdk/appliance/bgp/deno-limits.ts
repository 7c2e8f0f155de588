/** What a fabric may ask of sessions with its routers that cannot be had under Deno, said before anything has begun. */
import type { PeerOptions } from '../../bgp/index.js';
import { EdgemuxError } from '../../errors.js';
import { IS_DENO } from '../../runtime/node/libc.js';

/**
 * Refuses routers that cannot be spoken to as the fabric says, on the runtime this is.
 *
 * @throws EdgemuxError `ERR_UNSUPPORTED`, with one line: which router, what is asked for, what to do
 */
export function requireSpeakable(peers: readonly PeerOptions[], isDeno: boolean = IS_DENO): void {
  if (!isDeno) return;
  for (const { name, address, isPassive, bfd, md5Key, ttlSecurityHops } of peers) {
    const router = `router ${name ?? address}`;
    if (bfd !== undefined) {
      throw unsupported(`${router}: BFD needs Node, and this is Deno: take bfd out of the fabric, or run this by Node`);
    }
    if (isPassive || (md5Key === undefined && ttlSecurityHops === undefined)) continue;
    const what = md5Key === undefined ? 'TTL security' : 'MD5';
    throw unsupported(`${router}: ${what} under Deno takes a router that opens the connection: passive in the fabric`);
  }
}

function unsupported(message: string): EdgemuxError {
  return new EdgemuxError('ERR_UNSUPPORTED', message);
}
