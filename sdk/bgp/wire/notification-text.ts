/** A NOTIFICATION in words, for logs and terminals. */
import type { NotificationMessage } from './messages.js';
import { decodeNotification, shutdownText } from './notification.js';
import { CODE_NAMES, NOTIFICATION, type NotificationKind } from './notification-kinds.js';

/** Bytes of data that are shown when nobody knows what they mean. */
const DATA_BYTES_SHOWN = 32;

const SUBCODE_NAMES: ReadonlyMap<string, string> = new Map(
  kindsIn(NOTIFICATION).map((kind) => [keyOf(kind), kind.name]),
);

/**
 * What a NOTIFICATION says: code, subcode, and what its data means.
 *
 * Text of the peer is quoted, and its control and invisible characters are escaped: it ends up on terminals.
 *
 * @example
 * ```ts
 * notificationText(message); // 'Cease: administrative shutdown ("maintenance until 18:00")'
 * ```
 */
export function notificationText(message: NotificationMessage): string {
  const detail = detailOf(message);
  return detail === '' ? namesOf(message) : `${namesOf(message)} (${detail})`;
}

function namesOf({ code, subcode }: NotificationMessage): string {
  const codeName = CODE_NAMES.get(code) ?? `error code ${code}`;
  const subcodeName = SUBCODE_NAMES.get(keyOf({ code, subcode })) ?? `subcode ${subcode}`;
  const isUnspecific = subcodeName === '' || subcode === 0;
  return isUnspecific ? codeName : `${codeName}: ${subcodeName}`;
}

function detailOf(message: NotificationMessage): string {
  const { data } = message;
  if (data.length === 0) return '';
  const text = shutdownText(message);
  if (text !== undefined) return text === '' ? '' : quoted(text);
  const { HEADER, OPEN, FSM, CEASE } = NOTIFICATION;
  const number = data.reduce((sum, byte) => sum * 256 + byte, 0);
  switch (keyOf(message)) {
    case keyOf(HEADER.BAD_LENGTH):
      return data.length === 2 ? `${number} bytes` : hexOf(data);
    case keyOf(HEADER.BAD_TYPE):
    case keyOf(FSM.UNEXPECTED_IN_OPEN_SENT):
    case keyOf(FSM.UNEXPECTED_IN_OPEN_CONFIRM):
    case keyOf(FSM.UNEXPECTED_IN_ESTABLISHED):
      return data.length === 1 ? `type ${number}` : hexOf(data);
    case keyOf(OPEN.UNSUPPORTED_VERSION):
      return data.length === 2 ? `speaks version ${number}` : hexOf(data);
    case keyOf(CEASE.HARD_RESET):
      return data.length > 1 ? hardResetText(data) : hexOf(data);
    default:
      return hexOf(data);
  }
}

/** The reason of a hard reset is a NOTIFICATION in the data of another, RFC 8538 section 3.1; no third one is looked for. */
function hardResetText(data: Uint8Array): string {
  const reason = decodeNotification(data);
  return keyOf(reason) === keyOf(NOTIFICATION.CEASE.HARD_RESET) ? namesOf(reason) : notificationText(reason);
}

function hexOf(data: Uint8Array): string {
  const bytes = Array.from(data.subarray(0, DATA_BYTES_SHOWN), (byte) => byte.toString(16).padStart(2, '0'));
  return `data ${bytes.join(' ')}${data.length > DATA_BYTES_SHOWN ? ` … ${data.length} bytes` : ''}`;
}

/** In double quotes; what does not show, or turns the direction of what does, as `\u{1b}`. */
function quoted(text: string): string {
  const escaped = text
    .replaceAll(/["\\]/g, '\\$&')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
  return `"${escaped}"`;
}

function keyOf({ code, subcode }: { readonly code: number; readonly subcode: number }): string {
  return `${code}/${subcode}`;
}

function kindsIn(group: object): NotificationKind[] {
  return Object.values(group).flatMap((entry) => ('code' in entry ? [entry as NotificationKind] : kindsIn(entry)));
}
