/** The path attributes of a message: each read by its row of the table, its faults dealt with as the table says. */
import type { Agreement } from '../messages.js';
import { NOTIFICATION } from '../notification-kinds.js';
import type { UpdateFaults } from '../update-faults.js';
import {
  type AttributeDefinition,
  AttributeFault,
  type AttributeValues,
  FLAG,
  type RawAttribute,
} from './definition.js';
import { readAttributeList } from './list.js';
import { definitionOf, readAttribute } from './table.js';
import { ATTRIBUTE } from './type-codes.js';

const { UPDATE } = NOTIFICATION;

/** What the attributes of a message say, and as what they stand there. */
export interface ReadAttributes {
  readonly values: AttributeValues;
  /** The first of each type, by its type code, sound or not. */
  readonly byType: ReadonlyMap<number, RawAttribute>;
}

/**
 * Reads a list of attributes.
 *
 * @throws MessageError for a fault that ends the session; any other goes to `faults`
 */
export function readAttributes(list: Uint8Array, agreement: Agreement, faults: UpdateFaults): ReadAttributes {
  const { attributes, cut } = readAttributeList(list);
  const byType = new Map<number, RawAttribute>();
  const values: AttributeValues = {};
  for (const attribute of attributes) {
    const definition = definitionOf(attribute.type);
    if (byType.has(attribute.type)) {
      const disposition = definition?.dispositions.twice ?? 'attribute-discard';
      faults.add(disposition, `${nameOf(attribute.type)} is there twice`, UPDATE.MALFORMED_ATTRIBUTE_LIST);
      continue;
    }
    byType.set(attribute.type, attribute);
    if (definition !== undefined) {
      Object.assign(values, valuesOf(attribute, definition, agreement, faults));
    } else if ((attribute.flags & FLAG.OPTIONAL) === 0) {
      const text = `${nameOf(attribute.type)} is well-known, and unknown here`;
      faults.add('session-reset', text, UPDATE.UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE, attribute.bytes);
    }
  }
  if (cut !== undefined) addCut(cut.type, faults);
  return { values, byType };
}

function valuesOf(
  attribute: RawAttribute,
  definition: AttributeDefinition,
  agreement: Agreement,
  faults: UpdateFaults,
): AttributeValues {
  const stranger = strangerTo(definition, agreement);
  if (stranger !== undefined) {
    faults.ignore(`${definition.name} of ${stranger} is ignored`);
    return {};
  }
  try {
    return readAttribute(attribute, definition, agreement);
  } catch (error) {
    if (!(error instanceof AttributeFault)) throw error;
    faults.addInAttribute(definition, error.faultIn, error.message, attribute.bytes);
    return {};
  }
}

/** Whoever sent an attribute that is not taken from them; undefined where it is. */
function strangerTo({ from }: AttributeDefinition, { isExternal, fourOctetAs }: Agreement): string | undefined {
  if (from === 'internal' && isExternal) return 'an external peer';
  return from === 'two-octet' && fourOctetAs ? 'a peer with four-octet AS numbers' : undefined;
}

/** Which routes a multiprotocol attribute is about stands in what was cut off. */
function addCut(type: number | undefined, faults: UpdateFaults): void {
  const isMultiprotocol = type === ATTRIBUTE.MP_REACH_NLRI || type === ATTRIBUTE.MP_UNREACH_NLRI;
  const where = type === undefined ? 'the header of an attribute' : nameOf(type);
  faults.add(
    isMultiprotocol ? 'session-reset' : 'treat-as-withdraw',
    `the path attributes end inside ${where}`,
    UPDATE.MALFORMED_ATTRIBUTE_LIST,
  );
}

function nameOf(type: number): string {
  return definitionOf(type)?.name ?? `attribute ${type}`;
}
