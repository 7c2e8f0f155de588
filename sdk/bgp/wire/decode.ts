/** Any message, by the type in its header; RFC 4271 section 4. */
import { HEADER_BYTES, readHeader } from './header.js';
import { KEEPALIVE } from './keepalive.js';
import { MessageError } from './message-error.js';
import type { Agreement, Message } from './messages.js';
import { decodeNotification } from './notification.js';
import { NOTIFICATION } from './notification-kinds.js';
import { decodeOpen } from './open.js';
import { decodeRouteRefresh } from './route-refresh.js';
import { decodeUpdate } from './update.js';

/**
 * Reads one whole message, as `MessageFramer.next` gives it.
 *
 * @param agreement what the OPENs of both sides agreed; only an UPDATE is read by it
 * @throws MessageError for every fault that ends the session, and nothing else; 5/0 for an UPDATE without an agreement,
 *   1/2 for a length that is not that of `frame`
 */
export function decodeMessage(frame: Uint8Array, agreement?: Agreement): Message {
  const kind = messageKind(frame);
  const body = frame.subarray(HEADER_BYTES);
  switch (kind) {
    case 'open':
      return decodeOpen(body);
    case 'update':
      if (agreement === undefined) throw new MessageError(NOTIFICATION.FSM.UNSPECIFIC, 'an UPDATE before any session');
      return decodeUpdate(body, agreement);
    case 'notification':
      return decodeNotification(body);
    case 'keepalive':
      return KEEPALIVE;
    case 'route-refresh':
      return decodeRouteRefresh(frame);
  }
}

/**
 * What kind of message a frame holds, without reading more than its header.
 *
 * @throws MessageError as `readHeader`; 1/2 for a length that is not that of `frame`
 */
export function messageKind(frame: Uint8Array): Message['kind'] {
  if (frame.length < HEADER_BYTES) throw new MessageError(NOTIFICATION.HEADER.BAD_LENGTH, 'a header is cut off');
  const { kind, byteCount } = readHeader(frame);
  if (byteCount !== frame.length) {
    const text = `a message of ${byteCount} bytes in ${frame.length}`;
    throw new MessageError(NOTIFICATION.HEADER.BAD_LENGTH, text, frame.subarray(HEADER_BYTES - 3, HEADER_BYTES - 1));
  }
  return kind;
}
