/**
 * MAC addresses (EUI-48) as text and as bytes. The Network Controller writes `001DD8000004`, Windows
 * `00-1D-D8-00-00-04`, Linux `00:1d:d8:00:00:04`; edgemux reads all three and writes the last.
 */
import { EdgemuxError } from '../errors.js';
import { hexText } from './bytes.js';

/** Bytes of a MAC address. */
export const MAC_BYTES = 6;

/**
 * The one spelling of a MAC address that edgemux writes: lower case, colons.
 *
 * @throws EdgemuxError `ERR_ADDRESS_INVALID`
 * @example
 * ```ts
 * canonicalMac('001DD8000004'); // '00:1d:d8:00:00:04'
 * ```
 */
export function canonicalMac(text: string): string {
  return formatMac(macBytes(text));
}

/**
 * Reads a MAC address into its six bytes: twelve hexadecimal digits, bare or in pairs joined by all `:` or all `-`.
 *
 * @throws EdgemuxError `ERR_ADDRESS_INVALID`
 */
export function macBytes(text: string): Uint8Array {
  if (!MAC.test(text)) throw new EdgemuxError('ERR_ADDRESS_INVALID', `not a MAC address: ${JSON.stringify(text)}`);
  const digits = text.replace(/[:-]/g, '');
  return Uint8Array.from({ length: MAC_BYTES }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/**
 * Writes six bytes as a MAC address.
 *
 * @throws EdgemuxError `ERR_ADDRESS_INVALID` for any other number of bytes
 */
export function formatMac(bytes: Uint8Array): string {
  if (bytes.length !== MAC_BYTES) {
    throw new EdgemuxError('ERR_ADDRESS_INVALID', `a MAC address has ${MAC_BYTES} bytes, not ${bytes.length}`);
  }
  return hexText(bytes, ':');
}

const MAC = /^[0-9a-f]{2}([:-]?)[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/i;
