/**
 * ORIGINATOR_ID and CLUSTER_LIST: how a route reflector sees that a route came back to it, RFC 4456 section 8. A speaker
 * that forwards no routes has nothing to compare them with, and only sees that they are whole.
 */
import { type AttributeValues, checkByteCount, checkItems } from './definition.js';

/** The router the route came from: four bytes. */
export function readOriginatorId(value: Uint8Array): AttributeValues {
  checkByteCount(value, 4);
  return {};
}

/** The clusters it went through: four bytes each. */
export function readClusterList(value: Uint8Array): AttributeValues {
  checkItems(value, 4);
  return {};
}
