/**
 * NOTIFICATION, RFC 4271 section 4.5: why the sender closes the connection, and the last thing it sends.
 *
 *     | error code 8 | error subcode 8 | data … |
 *
 * The data of an administrative shutdown or reset is a text for the operators of the other side, RFC 9003 section 2.
 *
 *     | length 8 | UTF-8 … |
 */
import { HEADER_BYTES, MESSAGE_BYTES_MAX, withHeader } from './header.js';
import { MessageError, notification } from './message-error.js';
import type { NotificationMessage } from './messages.js';
import { NOTIFICATION, type NotificationKind } from './notification-kinds.js';

const CODES_BYTES = 2;
const DATA_BYTES_MAX = MESSAGE_BYTES_MAX - HEADER_BYTES - CODES_BYTES;
const TEXT_BYTES_MAX = 255;

/**
 * Reads the body of a NOTIFICATION; any code and subcode will do, as there is no answer to it (RFC 4271 section 6.4).
 *
 * @throws MessageError 1/2 for one without a subcode, which its header forbids
 */
export function decodeNotification(body: Uint8Array): NotificationMessage {
  const [code, subcode] = body;
  if (code === undefined || subcode === undefined) {
    throw new MessageError(NOTIFICATION.HEADER.BAD_LENGTH, 'a NOTIFICATION is cut off', undefined, false);
  }
  return { kind: 'notification', code, subcode, data: body.slice(CODES_BYTES) };
}

/** Writes a NOTIFICATION. Data is cut where the message would pass 4096 bytes: 4075 of it fit. */
export function encodeNotification({ code, subcode, data }: NotificationMessage): Uint8Array {
  const kept = data.subarray(0, DATA_BYTES_MAX);
  const body = new Uint8Array(CODES_BYTES + kept.length);
  body.set([code, subcode]);
  body.set(kept, CODES_BYTES);
  return withHeader('notification', body);
}

/**
 * An administrative shutdown or reset with a text, RFC 9003.
 *
 * @param text cut before the character that would pass 255 bytes; without a text, or with an empty one, there is no data
 */
export function notificationWithText(kind: NotificationKind, text = ''): NotificationMessage {
  const buffer = new Uint8Array(TEXT_BYTES_MAX);
  const { written } = new TextEncoder().encodeInto(text, buffer);
  if (written === 0) return notification(kind);
  return notification(kind, Uint8Array.of(written, ...buffer.subarray(0, written)));
}

/**
 * The text of an administrative shutdown or reset, as it was sent: it may hold any character.
 *
 * @returns `undefined` when there is no data, its length is not what it says, or it is not UTF-8, which RFC 9003 section
 *   2 forbids to interpret
 */
export function shutdownText({ code, subcode, data }: NotificationMessage): string | undefined {
  const { ADMINISTRATIVE_SHUTDOWN, ADMINISTRATIVE_RESET } = NOTIFICATION.CEASE;
  const hasText = [ADMINISTRATIVE_SHUTDOWN, ADMINISTRATIVE_RESET].some(
    (kind) => kind.code === code && kind.subcode === subcode,
  );
  if (!hasText || data[0] !== data.length - 1) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data.subarray(1));
  } catch {
    return undefined;
  }
}
