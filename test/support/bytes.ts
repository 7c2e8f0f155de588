/**
 * Bytes of the wire and their written forms: big-endian integers, IPv4 and MAC addresses, hexadecimal.
 *
 * Reads outside the array throw a RangeError (DataView does), so neither a model nor a test reads past a packet unseen.
 */

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function be16(bytes: Uint8Array, at: number): number {
  return view(bytes).getUint16(at);
}

export function be32(bytes: Uint8Array, at: number): number {
  return view(bytes).getUint32(at);
}

export function putBe16(bytes: Uint8Array, at: number, value: number): void {
  view(bytes).setUint16(at, value);
}

export function putBe32(bytes: Uint8Array, at: number, value: number): void {
  view(bytes).setUint32(at, value);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `192.0.2.7` → four bytes */
export function ipv4Bytes(text: string): Uint8Array {
  return Uint8Array.from(text.split('.'), Number);
}

/** The four bytes at `at` → `192.0.2.7` */
export function ipv4Text(bytes: Uint8Array, at: number): string {
  return bytes.subarray(at, at + 4).join('.');
}

/** `2001:db8::80` → sixteen bytes */
export function ipv6Bytes(text: string): Uint8Array {
  const [front, back] = text.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const zeros = back === undefined ? 0 : 8 - front!.length - back.length;
  const groups = [...front!, ...new Array<string>(zeros).fill('0'), ...(back ?? [])];
  return fromHex(groups.map((group) => group.padStart(4, '0')).join(''));
}

/** An address of either family → four or sixteen bytes */
export function ipBytes(text: string): Uint8Array {
  return text.includes(':') ? ipv6Bytes(text) : ipv4Bytes(text);
}

/** `02:00:00:00:56:0b` → six bytes */
export function macBytes(text: string): Uint8Array {
  return fromHex(text.replaceAll(':', ''));
}

/** The six bytes at `at` → `02:00:00:00:56:0b` */
export function macText(bytes: Uint8Array, at: number): string {
  return Array.from(bytes.subarray(at, at + 6), (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Hexadecimal digits, white space allowed between bytes → bytes */
export function fromHex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s+/g, '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, index) =>
    Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16),
  );
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
