/** A NOTIFICATION in words, for logs and terminals. */
import { ByteReader, hexText } from '../../net/bytes.js';
import { familyOf } from './families.js';
import type { NotificationMessage } from './messages.js';
import { decodeNotification, shutdownText } from './notification.js';
import { CODE_NAMES, NOTIFICATION, type NotificationKind } from './notification-kinds.js';

/** Bytes of data that are shown when nobody knows what they mean. */
const DATA_BYTES_SHOWN = 32;

const SUBCODE_NAMES: ReadonlyMap<string, string> = new Map(
  kindsIn(NOTIFICATION).map((kind) => [keyOf(kind), kind.name]),
);

const { HEADER, OPEN, FSM, CEASE } = NOTIFICATION;
const MESSAGE_TYPE_KINDS = [
  HEADER.BAD_TYPE,
  FSM.UNEXPECTED_IN_OPEN_SENT,
  FSM.UNEXPECTED_IN_OPEN_CONFIRM,
  FSM.UNEXPECTED_IN_ESTABLISHED,
];

/** What the data of some kinds means, when it has the length it should have. */
const DETAILS: ReadonlyMap<string, { readonly byteCount: number; readonly text: (data: ByteReader) => string }> =
  new Map([
    [keyOf(HEADER.BAD_LENGTH), { byteCount: 2, text: (data) => `${data.u16be()} bytes` }],
    [keyOf(OPEN.UNSUPPORTED_VERSION), { byteCount: 2, text: (data) => `speaks version ${data.u16be()}` }],
    [keyOf(CEASE.MAXIMUM_PREFIXES), { byteCount: 7, text: prefixLimitText }],
    ...MESSAGE_TYPE_KINDS.map(
      (kind) => [keyOf(kind), { byteCount: 1, text: (data: ByteReader) => `type ${data.u8()}` }] as const,
    ),
  ]);

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
  if (subcode === 0) return codeName;
  return `${codeName}: ${SUBCODE_NAMES.get(keyOf({ code, subcode })) ?? `subcode ${subcode}`}`;
}

function detailOf(message: NotificationMessage): string {
  const { data } = message;
  if (data.length === 0) return '';
  const text = shutdownText(message);
  if (text !== undefined) return text === '' ? '' : quoted(text);
  if (keyOf(message) === keyOf(CEASE.HARD_RESET) && data.length > 1) return hardResetText(data);
  const detail = DETAILS.get(keyOf(message));
  return detail?.byteCount === data.length ? detail.text(new ByteReader(data)) : hexOf(data);
}

/** RFC 4486 section 4: `| AFI 16 | SAFI 8 | limit 32 |`. */
function prefixLimitText(data: ByteReader): string {
  const afi = data.u16be();
  const safi = data.u8();
  return `${data.u32be()} of ${familyOf(afi, safi) ?? `AFI ${afi} SAFI ${safi}`}`;
}

/** The reason of a hard reset is a NOTIFICATION in the data of another, RFC 8538 section 3.1; no third one is looked for. */
function hardResetText(data: Uint8Array): string {
  const reason = decodeNotification(data);
  return keyOf(reason) === keyOf(CEASE.HARD_RESET) ? namesOf(reason) : notificationText(reason);
}

function hexOf(data: Uint8Array): string {
  return `data ${hexText(data.subarray(0, DATA_BYTES_SHOWN), ' ')}${data.length > DATA_BYTES_SHOWN ? ` … ${data.length} bytes` : ''}`;
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
