/** A list of path attributes cut into its attributes, RFC 4271 section 4.3; conflicting lengths, RFC 7606 section 4. */
import { ByteReader } from '../../../net/bytes.js';
import { FLAG, type RawAttribute } from './definition.js';

/** What a list of attributes holds. */
export interface AttributeList {
  readonly attributes: readonly RawAttribute[];
  /** The list ends inside an attribute, whose type is known unless it ends before that. Absent for a whole list. */
  readonly cut?: { readonly type: number | undefined };
}

/** Cuts a list, in one pass and without a copy. What follows an attribute that is cut off cannot be found. */
export function readAttributeList(bytes: Uint8Array): AttributeList {
  const reader = new ByteReader(bytes);
  const attributes: RawAttribute[] = [];
  while (reader.remaining > 0) {
    const start = reader.offset;
    if (reader.remaining < 2) return { attributes, cut: { type: undefined } };
    const flags = reader.u8();
    const type = reader.u8();
    const lengthBytes = (flags & FLAG.EXTENDED_LENGTH) === 0 ? 1 : 2;
    if (reader.remaining < lengthBytes) return { attributes, cut: { type } };
    const byteCount = lengthBytes === 1 ? reader.u8() : reader.u16be();
    if (reader.remaining < byteCount) return { attributes, cut: { type } };
    const value = reader.bytes(byteCount);
    attributes.push({ flags, type, value, bytes: bytes.subarray(start, reader.offset) });
  }
  return { attributes };
}
