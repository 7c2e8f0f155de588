/**
 * One bounds-checked reader and one growing writer for every binary format of the control plane. Length arithmetic on a
 * peer's bytes is written here once: no caller computes an end.
 */
import { EdgemuxError } from '../errors.js';

/**
 * Reads integers, byte strings and text from the front of a byte array, each method moving `offset` past what it read.
 *
 * Every method throws `ERR_OUT_OF_BOUNDS` when fewer bytes are left than it wants, and then `offset` has not moved.
 *
 * @example
 * ```ts
 * const reader = new ByteReader(message);
 * const withdrawn = reader.bytes(reader.u16be());
 * ```
 */
export class ByteReader {
  /** Position of the next byte, 0..bytes.length. */
  offset = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.offset;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16be(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32be(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u16le(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32le(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64le(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  /** The next `count` bytes as a view of the input, not a copy. */
  bytes(count: number): Uint8Array {
    const start = this.#take(count);
    return this.#bytes.subarray(start, start + count);
  }

  /** The next `count` bytes as UTF-8 text; what is not UTF-8 becomes U+FFFD, and a byte order mark stays. */
  utf8(count: number): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.bytes(count));
  }

  #take(wanted: number): number {
    // A count that came out of arithmetic may be negative or fractional; neither is a number of bytes.
    if (!Number.isInteger(wanted) || wanted < 0 || wanted > this.remaining) {
      throw outOfBounds('read', this.offset, wanted, this.remaining);
    }
    const start = this.offset;
    this.offset += wanted;
    return start;
  }
}

/**
 * Appends integers, byte strings and text to a byte array that grows as needed, up to a limit.
 *
 * Every method returns the writer, and throws `ERR_OUT_OF_BOUNDS` when the limit would be passed or the value does not
 * fit the field: a length that wrapped around would be read as another message.
 *
 * @example
 * ```ts
 * const open = new ByteWriter(4096).u8(4).u16be(23456).u16be(180).toBytes();
 * ```
 */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #offset = 0;

  /** @param byteCountMax how many bytes may be written in all; unlimited by default */
  constructor(readonly byteCountMax: number = Number.POSITIVE_INFINITY) {}

  /** Bytes written so far. */
  get offset(): number {
    return this.#offset;
  }

  u8(value: number): this {
    const at = this.#reserve(1, value);
    this.#view.setUint8(at, value);
    return this;
  }

  u16be(value: number): this {
    const at = this.#reserve(2, value);
    this.#view.setUint16(at, value);
    return this;
  }

  u32be(value: number): this {
    const at = this.#reserve(4, value);
    this.#view.setUint32(at, value);
    return this;
  }

  u16le(value: number): this {
    const at = this.#reserve(2, value);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32le(value: number): this {
    const at = this.#reserve(4, value);
    this.#view.setUint32(at, value, true);
    return this;
  }

  u64le(value: bigint): this {
    if (value !== BigInt.asUintN(64, value)) throw doesNotFit(value, 8);
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, value, true);
    return this;
  }

  /** Appends a copy of `bytes`. */
  bytes(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** Appends text as UTF-8, without a length in front and without a terminator. */
  utf8(text: string): this {
    return this.bytes(new TextEncoder().encode(text));
  }

  /** A copy of everything written so far. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#offset);
  }

  // Callers take the position first and the view second: growing replaces the view.
  #reserve(count: number, value = 0): number {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * count)) throw doesNotFit(value, count);
    const start = this.#offset;
    if (count > this.byteCountMax - start) throw outOfBounds('write', start, count, this.byteCountMax - start);
    this.#grow(start + count);
    this.#offset = start + count;
    return start;
  }

  #grow(needed: number): void {
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** The parts one after the other, copied. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    whole.set(part, end);
    end += part.length;
  }
  return whole;
}

/** Two lower case hexadecimal digits for each byte, `separator` in between. */
export function hexText(bytes: Uint8Array, separator: string): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(separator);
}

function outOfBounds(what: 'read' | 'write', offset: number, wanted: number, available: number): EdgemuxError {
  return new EdgemuxError(
    'ERR_OUT_OF_BOUNDS',
    `${what} at offset ${offset}: ${wanted} bytes wanted, ${available} available`,
  );
}

function doesNotFit(value: number | bigint, byteCount: number): EdgemuxError {
  return new EdgemuxError('ERR_OUT_OF_BOUNDS', `${value} does not fit an unsigned integer of ${byteCount * 8} bits`);
}
