/**
 * KEEPALIVE, RFC 4271 section 4.4: a header and nothing else. One longer than that is an error of the header.
 *
 *     | marker 128 | length 19 | type 4 |
 */
import { withHeader } from './header.js';
import type { KeepaliveMessage } from './messages.js';

/** The one KEEPALIVE there is. */
export const KEEPALIVE: KeepaliveMessage = { kind: 'keepalive' };

/** Writes a KEEPALIVE. */
export function encodeKeepalive(): Uint8Array {
  return withHeader('keepalive', new Uint8Array());
}
