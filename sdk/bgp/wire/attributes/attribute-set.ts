/**
 * ATTR_SET, RFC 6368 section 5: a customer's attributes carried through a provider's network.
 *
 *     | origin AS 32 | path attribute | path attribute | … |
 *
 * They were written inside another autonomous system, by speakers with four-octet numbers, whoever carries them here.
 */
import type { Agreement } from '../messages.js';
import { type AttributeDefinition, AttributeFault, type AttributeValues, type RawAttribute } from './definition.js';
import { readAttributeList } from './list.js';
import { ATTRIBUTE } from './type-codes.js';

const ORIGIN_AS_BYTES = 4;
const INSIDE: Agreement = { fourOctetAs: true, isExternal: false, families: new Set(), extendedNextHop: new Set() };

/**
 * Reads the set for its faults alone.
 *
 * @param definitionOf the table of attributes, which this one is a row of
 * @param readAttribute reads an attribute by its definition
 */
export function attributeSetReader(
  definitionOf: (type: number) => AttributeDefinition | undefined,
  readAttribute: (attribute: RawAttribute, definition: AttributeDefinition, agreement: Agreement) => AttributeValues,
): (value: Uint8Array) => AttributeValues {
  return (value) => {
    if (value.length < ORIGIN_AS_BYTES) {
      throw new AttributeFault('length', `has ${value.length} bytes, at least ${ORIGIN_AS_BYTES} are an AS`);
    }
    const { attributes, cut } = readAttributeList(value.subarray(ORIGIN_AS_BYTES));
    if (cut !== undefined) throw new AttributeFault('value', 'ends inside an attribute');
    for (const attribute of attributes) {
      if (attribute.type === ATTRIBUTE.MP_REACH_NLRI || attribute.type === ATTRIBUTE.MP_UNREACH_NLRI) {
        throw new AttributeFault('value', 'has a multiprotocol attribute');
      }
      const definition = definitionOf(attribute.type);
      if (definition === undefined || definition.from === 'two-octet') continue;
      checkInside(attribute, definition);
    }
    return {};
  };

  // A fault that only costs the attribute inside costs the set nothing.
  function checkInside(attribute: RawAttribute, definition: AttributeDefinition): void {
    try {
      readAttribute(attribute, definition, INSIDE);
    } catch (error) {
      if (!(error instanceof AttributeFault)) throw error;
      if (definition.dispositions[error.faultIn] === 'attribute-discard') return;
      throw new AttributeFault('value', `has ${definition.name} at fault inside`);
    }
  }
}
