/**
 * Optional parameters at the end of an OPEN, RFC 4271 section 4.2, and their longer form, RFC 9072 section 2.
 *
 *     | all 8      | type 8 | length 8 | value … | type 8 | length 8 | value … | …
 *     | not zero 8 | 255    | all 16   | type 8 | length 16 | value … | type 8 | length 16 | value … | …
 *
 * The second form is told by its second octet, as no parameter has type 255; its first octet should be 255 and says
 * nothing. Ours always fit the first form, so the second is only read.
 */
import { ByteReader, ByteWriter } from '../../net/bytes.js';
import { MessageError, readOrFail } from './message-error.js';
import { NOTIFICATION } from './notification-kinds.js';

/** The one type in use: capabilities, RFC 5492 section 4. RFC 4271 took type 1, authentication, back. */
const CAPABILITIES = 2;
const EXTENDED = 255;

/**
 * Reads optional parameters, from the octet with their length to the end of the message: the values of those that hold
 * capabilities, in their order. Old speakers send one capability in each.
 *
 * @throws MessageError 2/0 when lengths do not add up; 2/4 for a parameter of another type, whatever its length
 */
export function readOptionalParameters(bytes: Uint8Array): Uint8Array[] {
  return readOrFail(NOTIFICATION.OPEN.UNSPECIFIC, 'optional parameters are cut off', () => {
    const reader = new ByteReader(bytes);
    let byteCount = reader.u8();
    const isExtended = byteCount > 0 && bytes[1] === EXTENDED;
    if (isExtended) {
      reader.u8();
      byteCount = reader.u16be();
    }
    if (byteCount !== reader.remaining) {
      const text = `optional parameters of ${byteCount} bytes in ${reader.remaining}`;
      throw new MessageError(NOTIFICATION.OPEN.UNSPECIFIC, text);
    }
    const values: Uint8Array[] = [];
    while (reader.remaining > 0) {
      const type = reader.u8();
      if (type !== CAPABILITIES) {
        throw new MessageError(
          NOTIFICATION.OPEN.UNSUPPORTED_OPTIONAL_PARAMETER,
          `an optional parameter of type ${type}`,
        );
      }
      values.push(reader.bytes(isExtended ? reader.u16be() : reader.u8()));
    }
    return values;
  });
}

/**
 * Optional parameters that hold these capabilities, with the octet of their length in front; none where there are no
 * capabilities.
 *
 * @throws EdgemuxError `ERR_OUT_OF_BOUNDS` for more than 253 bytes
 */
export function optionalParameters(capabilities: Uint8Array): Uint8Array {
  if (capabilities.length === 0) return Uint8Array.of(0);
  const parameter = new ByteWriter().u8(CAPABILITIES).u8(capabilities.length).bytes(capabilities).toBytes();
  return new ByteWriter().u8(parameter.length).bytes(parameter).toBytes();
}
