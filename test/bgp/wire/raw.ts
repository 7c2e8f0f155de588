/**
 * BGP messages from hexadecimal, right by default and wrong where a row wants it, and what a decoder says to them.
 *
 *     raw(1, '04 fde9 …')                          header and body; the length in the header is right
 *     rawOpen({ holdTime: '0002' })                an OPEN with one field of its own
 *     capabilities(capability(65, '0000fde9'))     one parameter, with the length of all parameters in front
 */
import { MessageError } from '../../../sdk/bgp/wire/index.js';
import { concat, fromHex, toHex } from '../../support/bytes.js';

const MARKER = 'ff'.repeat(16);

/** A message of this type; `length` and `marker` replace what the header should say. */
export function raw(type: number, body = '', header: { length?: number; marker?: string } = {}): Uint8Array {
  const bytes = fromHex(body);
  const length = header.length ?? 19 + bytes.length;
  return concat(fromHex(`${header.marker ?? MARKER} ${u16(length)} ${u8(type)}`), bytes);
}

/** An OPEN of AS 65001, hold time 90 s, identifier 192.0.2.1 and no optional parameters, but for the fields given. */
export function rawOpen({
  version = '04',
  myAs = 'fde9',
  holdTime = '005a',
  identifier = 'c0000201',
  /** From the octet with the length of all parameters on. */
  parameters = '00',
} = {}): Uint8Array {
  return raw(1, version + myAs + holdTime + identifier + parameters);
}

/** Optional parameters with the octet of their length in front. */
export function parameters(...each: readonly string[]): string {
  const all = each.join('');
  return u8(all.length / 2) + all;
}

export function parameter(type: number, value: string): string {
  return u8(type) + u8(value.length / 2) + value;
}

/** The capabilities as one parameter, with the length of all parameters in front. */
export function capabilities(...each: readonly string[]): string {
  return parameters(parameter(2, each.join('')));
}

export function capability(code: number, value = ''): string {
  const digits = value.replaceAll(' ', '');
  return u8(code) + u8(digits.length / 2) + digits;
}

/** What is thrown, as a NOTIFICATION: `2/1 0004` is code 2, subcode 1, data 00 04. `nothing` when nothing is. */
export function faultOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    const { code, subcode, data } = error.notification;
    return `${code}/${subcode} ${toHex(data)}`.trim();
  }
  return 'nothing';
}

export function u8(value: number): string {
  return value.toString(16).padStart(2, '0');
}

export function u16(value: number): string {
  return value.toString(16).padStart(4, '0');
}
