/**
 * What is wrong with a message so that the session must end, RFC 4271 section 6: the NOTIFICATION to send before the
 * connection is closed. Decoders throw nothing else, whatever the bytes.
 */
import { EdgemuxError } from '../../errors.js';
import type { NotificationMessage } from './messages.js';
import type { NotificationKind } from './notification-kinds.js';

/**
 * A fault that ends the session.
 *
 * `message` says for people what was found (`a hold time of 2 s`), `notification` says it to the peer.
 */
export class MessageError extends Error {
  override readonly name = 'MessageError';
  readonly notification: NotificationMessage;
  /** Whether to say it to the peer: a fault in a NOTIFICATION is not answered with another (RFC 4271 section 6.4). */
  readonly isForPeer: boolean;

  /**
   * @param kind what is wrong
   * @param text what was found, for people
   * @param data what RFC 4271 section 6 wants in the data field, copied; nothing by default
   * @param isForPeer false for a fault in a NOTIFICATION
   */
  constructor(kind: NotificationKind, text: string, data?: Uint8Array, isForPeer = true) {
    super(text);
    this.notification = notification(kind, data);
    this.isForPeer = isForPeer;
  }
}

/** A NOTIFICATION of this kind; `data` is copied, so that it does not keep the message it was cut from. */
export function notification(kind: NotificationKind, data: Uint8Array = new Uint8Array()): NotificationMessage {
  return { kind: 'notification', code: kind.code, subcode: kind.subcode, data: data.slice() };
}

/**
 * What `read` gives; when it runs out of bytes (`ERR_OUT_OF_BOUNDS` of a `ByteReader`), that is the fault `kind`.
 *
 * @throws MessageError of `kind`, and whatever else `read` throws
 */
export function readOrFail<T>(kind: NotificationKind, text: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof EdgemuxError && error.code === 'ERR_OUT_OF_BOUNDS') throw new MessageError(kind, text);
    throw error;
  }
}
