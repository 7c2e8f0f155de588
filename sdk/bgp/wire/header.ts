/**
 * The header every BGP message begins with, RFC 4271 section 4.1; errors in it, section 6.1.
 *
 *     | marker 128, all ones | length 16, header included | type 8 |    19 bytes
 */
import { MessageError } from './message-error.js';
import type { Message } from './messages.js';
import { NOTIFICATION } from './notification-kinds.js';

/** Bytes of the header, and of the shortest message. */
export const HEADER_BYTES = 19;
/** Bytes of the longest message, header included; RFC 8654 (extended messages) is not spoken. */
export const MESSAGE_BYTES_MAX = 4096;

const MARKER_BYTES = 16;
const LENGTH_OFFSET = 16;
const TYPE_OFFSET = 18;

/** The type octet of each kind of message; ROUTE-REFRESH is RFC 2918's. */
export const MESSAGE_TYPE = {
  open: 1,
  update: 2,
  notification: 3,
  keepalive: 4,
  'route-refresh': 5,
} as const satisfies Record<Message['kind'], number>;

const KIND_OF_TYPE = new Map(Object.entries(MESSAGE_TYPE).map(([kind, type]) => [type as number, kind])) as Map<
  number,
  Message['kind']
>;

/**
 * Shortest and longest message of each kind, header included. RFC 4271 gives a ROUTE-REFRESH no length of its own: one
 * that is too short or too long is an error of that message, and not of its header (RFC 7313 section 5).
 */
const LENGTHS: Readonly<Record<Message['kind'], { readonly min: number; readonly max: number }>> = {
  open: { min: 29, max: MESSAGE_BYTES_MAX },
  update: { min: 23, max: MESSAGE_BYTES_MAX },
  notification: { min: 21, max: MESSAGE_BYTES_MAX },
  keepalive: { min: HEADER_BYTES, max: HEADER_BYTES },
  'route-refresh': { min: HEADER_BYTES, max: MESSAGE_BYTES_MAX },
};

/** What a sound header says. */
export interface MessageHeader {
  readonly kind: Message['kind'];
  /** Bytes of the message, header included: 19..4096. */
  readonly byteCount: number;
}

/**
 * Reads the header at the front of `bytes`, of which at least 19 must be there.
 *
 * @throws MessageError 1/1 for a marker that is not all ones; 1/2, with the length as data, for a length no message or
 *   no message of this type has; 1/3, with the type as data, for an unknown type
 */
export function readHeader(bytes: Uint8Array): MessageHeader {
  for (let at = 0; at < MARKER_BYTES; at++) {
    if (bytes[at] !== 0xff) {
      throw new MessageError(NOTIFICATION.HEADER.CONNECTION_NOT_SYNCHRONIZED, 'the marker is not all ones');
    }
  }
  const byteCount = bytes[LENGTH_OFFSET]! * 256 + bytes[LENGTH_OFFSET + 1]!;
  if (byteCount < HEADER_BYTES || byteCount > MESSAGE_BYTES_MAX)
    throw badLength(bytes, `a message of ${byteCount} bytes`);
  const type = bytes[TYPE_OFFSET]!;
  const kind = KIND_OF_TYPE.get(type);
  if (kind === undefined) {
    throw new MessageError(NOTIFICATION.HEADER.BAD_TYPE, `a message of type ${type}`, Uint8Array.of(type));
  }
  const { min, max } = LENGTHS[kind];
  if (byteCount < min || byteCount > max) throw badLength(bytes, `${nameOf(kind)} of ${byteCount} bytes`);
  return { kind, byteCount };
}

/**
 * A whole message: the header of `kind` in front of `body`.
 *
 * @throws RangeError when that is longer than 4096 bytes
 */
export function withHeader(kind: Message['kind'], body: Uint8Array): Uint8Array {
  const byteCount = HEADER_BYTES + body.length;
  if (byteCount > MESSAGE_BYTES_MAX) throw new RangeError(`${nameOf(kind)} of ${byteCount} bytes, at most 4096 fit`);
  const message = new Uint8Array(byteCount).fill(0xff, 0, MARKER_BYTES);
  message[LENGTH_OFFSET] = byteCount >> 8;
  message[LENGTH_OFFSET + 1] = byteCount & 0xff;
  message[TYPE_OFFSET] = MESSAGE_TYPE[kind];
  message.set(body, HEADER_BYTES);
  return message;
}

function nameOf(kind: Message['kind']): string {
  return `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind.toUpperCase()}`;
}

function badLength(bytes: Uint8Array, what: string): MessageError {
  const length = bytes.subarray(LENGTH_OFFSET, LENGTH_OFFSET + 2);
  const isForPeer = bytes[TYPE_OFFSET] !== MESSAGE_TYPE.notification;
  return new MessageError(NOTIFICATION.HEADER.BAD_LENGTH, what, length, isForPeer);
}
