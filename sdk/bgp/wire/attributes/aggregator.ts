/**
 * ATOMIC_AGGREGATE, AGGREGATOR (RFC 4271 sections 5.1.6 and 5.1.7) and AS4_AGGREGATOR (RFC 6793 section 3): who made one
 * route of several.
 *
 *     AGGREGATOR      | AS 16 or 32 | address 32 |
 *     AS4_AGGREGATOR  | AS 32 | address 32 |
 */
import { ByteReader } from '../../../net/bytes.js';
import type { Agreement } from '../messages.js';
import { AttributeFault, type AttributeValues, checkByteCount } from './definition.js';

const ADDRESS_BYTES = 4;

/** No bytes: that the attribute is there says all, and nothing that matters to who forwards no routes. */
export function readAtomicAggregate(value: Uint8Array): AttributeValues {
  checkByteCount(value, 0);
  return {};
}

/** The AS tells whether AS4_PATH may be believed, RFC 6793 section 4.2.3. */
export function readAggregator(value: Uint8Array, agreement: Agreement): AttributeValues {
  return { aggregatorAs: readAs(value, agreement.fourOctetAs ? 4 : 2) };
}

/** Only that it was there is used. */
export function readAs4Aggregator(value: Uint8Array): AttributeValues {
  readAs(value, 4);
  return { hasAs4Aggregator: true };
}

function readAs(value: Uint8Array, asBytes: 2 | 4): number {
  checkByteCount(value, asBytes + ADDRESS_BYTES);
  const reader = new ByteReader(value);
  const as = asBytes === 4 ? reader.u32be() : reader.u16be();
  // RFC 7607: 0 is nobody's.
  if (as === 0) throw new AttributeFault('value', 'names AS 0');
  return as;
}
