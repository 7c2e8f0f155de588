/**
 * Traffic Engineering, RFC 5543 section 3: what the next hop's interfaces can switch.
 *
 *     | switching capability 8 | encoding 8 | reserved 16 | LSP bandwidth 32 × 8 | specific to the capability … |
 */
import { AttributeFault, type AttributeValues } from './definition.js';

const DESCRIPTOR_BYTES_MIN = 36;

/** One descriptor or more. How long each is depends on its capability; shorter than the shortest is surely wrong. */
export function readTrafficEngineering(value: Uint8Array): AttributeValues {
  if (value.length < DESCRIPTOR_BYTES_MIN) {
    throw new AttributeFault('length', `has ${value.length} bytes, at least ${DESCRIPTOR_BYTES_MIN} make a descriptor`);
  }
  return {};
}
