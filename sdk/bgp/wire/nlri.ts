/**
 * Prefixes as UPDATE carries them, RFC 4271 section 4.3 and RFC 4760 section 5: only as many bytes as the length needs.
 *
 *     | length in bits 8 | address, 0..4 or 0..16 bytes |    and again …
 */
import { ByteReader, type ByteWriter } from '../../net/bytes.js';
import type { Prefix } from '../../net/prefix.js';
import type { Family } from './messages.js';

const ADDRESS_BYTES: Readonly<Record<Family, 4 | 16>> = { ipv4: 4, ipv6: 16 };

/**
 * Reads prefixes to the end of `field`; host bits mean nothing (RFC 4271 section 4.3) and are cleared.
 *
 * @param fail makes what is thrown for a prefix that is longer than an address, or that the field has not the bytes of
 */
export function readPrefixes(field: Uint8Array, family: Family, fail: (text: string) => Error): Prefix[] {
  const reader = new ByteReader(field);
  const addressBytes = ADDRESS_BYTES[family];
  const prefixes: Prefix[] = [];
  while (reader.remaining > 0) {
    const length = reader.u8();
    const byteCount = Math.ceil(length / 8);
    if (byteCount > addressBytes) throw fail(`has a prefix of ${length} bits`);
    if (byteCount > reader.remaining) throw fail(`ends inside a prefix of ${length} bits`);
    const bytes = new Uint8Array(addressBytes);
    bytes.set(reader.bytes(byteCount));
    if (length % 8 !== 0) bytes[byteCount - 1]! &= 0xff00 >> (length % 8);
    prefixes.push({ family: addressBytes === 4 ? 4 : 6, bytes, length });
  }
  return prefixes;
}

/** Bytes `prefix` takes: 1..5 or 1..17. */
export function prefixByteCount(prefix: Prefix): number {
  return 1 + Math.ceil(prefix.length / 8);
}

/** Appends one prefix. */
export function writePrefix(writer: ByteWriter, prefix: Prefix): void {
  writer.u8(prefix.length).bytes(prefix.bytes.subarray(0, Math.ceil(prefix.length / 8)));
}
