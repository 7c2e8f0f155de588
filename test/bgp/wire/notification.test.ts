import { describe, expect, it } from 'vitest';
import {
  decodeMessage,
  encodeNotification,
  MessageError,
  NOTIFICATION,
  type NotificationMessage,
  notification,
  notificationText,
  notificationWithText,
  shutdownText,
} from '../../../sdk/bgp/wire/index.js';
import { fromHex, toHex } from '../../support/bytes.js';
import { raw } from './raw.js';

const { CEASE } = NOTIFICATION;

function notificationOf(code: number, subcode: number, data = ''): NotificationMessage {
  return { kind: 'notification', code, subcode, data: fromHex(data) };
}

/** Names: the IANA registry, and the RFCs it points to. */
const TEXTS: { in: [code: number, subcode: number, data?: string]; out: string }[] = [
  { in: [1, 1], out: 'message header error: connection not synchronized' },
  { in: [1, 2, '1388'], out: 'message header error: bad message length (5000 bytes)' },
  { in: [1, 2, '88'], out: 'message header error: bad message length (data 88)' },
  { in: [1, 3, '09'], out: 'message header error: bad message type (type 9)' },
  { in: [2, 0], out: 'OPEN message error' },
  { in: [2, 1, '0004'], out: 'OPEN message error: unsupported version number (speaks version 4)' },
  { in: [2, 2], out: 'OPEN message error: bad peer AS' },
  { in: [2, 2, 'fde9'], out: 'OPEN message error: bad peer AS (data fd e9)' },
  { in: [2, 3], out: 'OPEN message error: bad BGP identifier' },
  { in: [2, 4], out: 'OPEN message error: unsupported optional parameter' },
  { in: [2, 5], out: 'OPEN message error: subcode 5' },
  { in: [2, 6], out: 'OPEN message error: unacceptable hold time' },
  { in: [2, 7, '010400020001'], out: 'OPEN message error: unsupported capability (data 01 04 00 02 00 01)' },
  { in: [2, 11], out: 'OPEN message error: role mismatch' },
  { in: [3, 1], out: 'UPDATE message error: malformed attribute list' },
  { in: [3, 11], out: 'UPDATE message error: malformed AS_PATH' },
  { in: [4, 0], out: 'hold timer expired' },
  { in: [4, 1], out: 'hold timer expired: subcode 1' },
  { in: [5, 0], out: 'finite state machine error' },
  { in: [5, 2, '02'], out: 'finite state machine error: unexpected message in OpenConfirm state (type 2)' },
  { in: [6, 0], out: 'Cease' },
  { in: [6, 1, '00010100000064'], out: 'Cease: maximum number of prefixes reached (100 of ipv4)' },
  { in: [6, 1, '00018000000064'], out: 'Cease: maximum number of prefixes reached (100 of AFI 1 SAFI 128)' },
  { in: [6, 1, '000101'], out: 'Cease: maximum number of prefixes reached (data 00 01 01)' },
  { in: [6, 2], out: 'Cease: administrative shutdown' },
  { in: [6, 2, '00'], out: 'Cease: administrative shutdown' },
  { in: [6, 2, '026f6b'], out: 'Cease: administrative shutdown ("ok")' },
  { in: [6, 3], out: 'Cease: peer de-configured' },
  { in: [6, 4, '026f6b'], out: 'Cease: administrative reset ("ok")' },
  { in: [6, 5], out: 'Cease: connection rejected' },
  { in: [6, 6, '026f6b'], out: 'Cease: other configuration change (data 02 6f 6b)' },
  { in: [6, 7], out: 'Cease: connection collision resolution' },
  { in: [6, 8], out: 'Cease: out of resources' },
  { in: [6, 9, '0602026f6b'], out: 'Cease: hard reset (Cease: administrative shutdown ("ok"))' },
  { in: [6, 9, '06'], out: 'Cease: hard reset (data 06)' },
  { in: [6, 9, '060906090602'], out: 'Cease: hard reset (Cease: hard reset)' },
  { in: [6, 10], out: 'Cease: BFD down' },
  { in: [6, 77], out: 'Cease: subcode 77' },
  { in: [7, 1, 'ffff'], out: 'ROUTE-REFRESH message error: invalid message length (data ff ff)' },
  { in: [8, 0], out: 'send hold timer expired' },
  { in: [9, 1], out: 'error code 9: subcode 1' },
  { in: [0, 0, 'ab'.repeat(40)], out: `error code 0 (data ${'ab '.repeat(32)}… 40 bytes)` },
];

/** RFC 9003 section 2: a text another operator wrote, and it lands on a terminal. */
const SHUTDOWN_TEXTS = [
  { name: 'text', in: 'maintenance until 18:00', shown: '"maintenance until 18:00"' },
  { name: 'text that is not ASCII', in: 'Wartung bis 18 Uhr – längstens', shown: '"Wartung bis 18 Uhr – längstens"' },
  { name: 'quotes', in: 'say "hi" \\o/', shown: '"say \\"hi\\" \\\\o/"' },
  { name: 'line ends', in: 'a\r\nfake log line', shown: '"a\\u{d}\\u{a}fake log line"' },
  { name: 'terminal escapes', in: '\x1b[2J\x9b31m', shown: '"\\u{1b}[2J\\u{9b}31m"' },
  { name: 'letters that run the other way', in: '\u202Egnp\u2066', shown: '"\\u{202e}gnp\\u{2066}"' },
  { name: 'a byte order mark', in: '\uFEFFx', shown: '"\\u{feff}x"' },
];

describe('BGP NOTIFICATION', () => {
  it.each(TEXTS)('$in.0/$in.1 reads: $out', ({ in: [code, subcode, data], out }) => {
    expect(notificationText(notificationOf(code, subcode, data))).toBe(out);
  });

  it.each(SHUTDOWN_TEXTS)('shows $name of a shutdown', ({ in: text, shown }) => {
    const message = notificationWithText(CEASE.ADMINISTRATIVE_SHUTDOWN, text);
    expect(shutdownText(message)).toBe(text);
    expect(notificationText(message)).toBe(`Cease: administrative shutdown (${shown})`);
  });

  it.each([
    { name: 'a length that is too small', data: '016f6b' },
    { name: 'a length that is too large', data: '036f6b' },
    { name: 'a length and no text', data: 'ff' },
    { name: 'bytes that are not UTF-8', data: '02c328' },
    { name: 'UTF-8 that is longer than need be', data: '02c0af' },
    { name: 'half a surrogate pair', data: '03eda080' },
  ])('does not interpret $name', ({ data }) => {
    const message = notificationOf(6, 2, data);
    expect(shutdownText(message)).toBeUndefined();
    expect(notificationText(message)).toBe(`Cease: administrative shutdown (data ${data.match(/../g)!.join(' ')})`);
  });

  it.each([
    { name: '255 bytes as they are', in: 'a'.repeat(255), out: 'a'.repeat(255) },
    { name: '256 bytes without the last', in: 'a'.repeat(256), out: 'a'.repeat(255) },
    { name: 'no half of a character of 2 bytes', in: 'é'.repeat(128), out: 'é'.repeat(127) },
    { name: 'no part of a character of 4 bytes', in: `${'a'.repeat(253)}🛠`, out: 'a'.repeat(253) },
    { name: 'nothing of no text', in: '', out: undefined },
  ])('carries $name', ({ in: text, out }) => {
    const { data } = notificationWithText(CEASE.ADMINISTRATIVE_SHUTDOWN, text);
    expect(data).toEqual(
      out === undefined ? new Uint8Array() : Uint8Array.of(Buffer.byteLength(out), ...Buffer.from(out)),
    );
  });

  it.each([
    { name: 'without data', in: notification(NOTIFICATION.HOLD_TIMER_EXPIRED), out: raw(3, '0400') },
    { name: 'with data', in: notification(NOTIFICATION.HEADER.BAD_TYPE, Uint8Array.of(9)), out: raw(3, '0103 09') },
    { name: 'of no code anybody knows', in: notificationOf(255, 254, 'aabb'), out: raw(3, 'fffe aabb') },
  ])('$name: written and read', ({ in: message, out }) => {
    expect(toHex(encodeNotification(message))).toBe(toHex(out));
    expect(decodeMessage(out)).toEqual(message);
  });

  it('is cut to the longest message', () => {
    const longest = { ...notificationOf(7, 1), data: new Uint8Array(4096).fill(7) };
    const encoded = encodeNotification(longest);
    expect(encoded).toHaveLength(4096);
    expect(decodeMessage(encoded)).toEqual({ ...longest, data: new Uint8Array(4075).fill(7) });
  });

  it('keeps no hold of the bytes it was made from', () => {
    const stream = Uint8Array.of(1, 2, 3, 4);
    const { data } = new MessageError(NOTIFICATION.HEADER.BAD_LENGTH, '', stream.subarray(1, 3)).notification;
    const received = decodeMessage(raw(3, '0602 0161')) as NotificationMessage;
    expect(data.buffer.byteLength).toBe(2);
    expect(received.data.buffer.byteLength).toBe(2);
  });
});

describe('NOTIFICATION kinds', () => {
  const kinds = Object.values(NOTIFICATION).flatMap((group) => ('code' in group ? [group] : Object.values(group)));

  it('are all different', () => {
    expect(new Set(kinds.map(({ code, subcode }) => `${code}/${subcode}`)).size).toBe(kinds.length);
  });

  it('have a name each, unless they are unspecific', () => {
    expect(kinds.filter(({ subcode, name }) => (subcode === 0) !== (name === ''))).toEqual([]);
  });
});
