/**
 * ROUTE-REFRESH, RFC 2918 section 3, with the subtypes of RFC 7313 section 3.2 in what was a reserved octet.
 *
 *     | AFI 16 | subtype 8 | SAFI 8 |
 */
import { ByteReader, ByteWriter } from '../../net/bytes.js';
import { AFI, familyOf, SAFI_UNICAST } from './families.js';
import { HEADER_BYTES, withHeader } from './header.js';
import { MessageError } from './message-error.js';
import type { Family, RouteRefreshMessage } from './messages.js';
import { NOTIFICATION } from './notification-kinds.js';

const BODY_BYTES = 4;
/** In the order of their numbers. */
const SUBTYPES = ['request', 'begin', 'end'] as const;

/**
 * Reads a ROUTE-REFRESH.
 *
 * RFC 7313 section 5 gives an error for a wrong length of subtypes 1 and 2 and has unknown subtypes ignored. Here every
 * wrong length is that error: the longer messages of RFC 5291 go only to who asked for outbound route filtering, and
 * nobody here does.
 *
 * @param message the whole message, header included
 * @throws MessageError 7/1, with the whole message as data, for one that has not 23 bytes
 */
export function decodeRouteRefresh(message: Uint8Array): RouteRefreshMessage {
  if (message.length !== HEADER_BYTES + BODY_BYTES) {
    const text = `a ROUTE-REFRESH of ${message.length} bytes`;
    throw new MessageError(NOTIFICATION.ROUTE_REFRESH.INVALID_LENGTH, text, message);
  }
  const reader = new ByteReader(message.subarray(HEADER_BYTES));
  const afi = reader.u16be();
  const subtype = SUBTYPES[reader.u8()] ?? 'unknown';
  return { kind: 'route-refresh', family: familyOf(afi, reader.u8()), subtype };
}

/** Writes a ROUTE-REFRESH: a request, or (RFC 7313) the mark before or after what answers one. */
export function encodeRouteRefresh(message: {
  readonly family: Family;
  readonly subtype: (typeof SUBTYPES)[number];
}): Uint8Array {
  const body = new ByteWriter().u16be(AFI[message.family]).u8(SUBTYPES.indexOf(message.subtype)).u8(SAFI_UNICAST);
  return withHeader('route-refresh', body.toBytes());
}
