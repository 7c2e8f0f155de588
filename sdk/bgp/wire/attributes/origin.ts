/** ORIGIN: where the route came from. RFC 4271 sections 4.3 and 5.1.1. */
import type { PathAttributes } from '../messages.js';
import { AttributeFault, type AttributeValues, checkByteCount } from './definition.js';

/** By their number on the wire. */
const ORIGINS: readonly PathAttributes['origin'][] = ['igp', 'egp', 'incomplete'];

/** One byte, 0..2. */
export function readOrigin(value: Uint8Array): AttributeValues {
  checkByteCount(value, 1);
  const origin = ORIGINS[value[0]!];
  if (origin === undefined) throw new AttributeFault('value', `is ${value[0]}, not 0..2`);
  return { origin };
}

/** The value of the attribute. */
export function originValue(origin: PathAttributes['origin']): Uint8Array {
  return Uint8Array.of(ORIGINS.indexOf(origin));
}
