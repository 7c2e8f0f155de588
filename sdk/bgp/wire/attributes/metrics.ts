/** MULTI_EXIT_DISC and LOCAL_PREF: four bytes each that routes are compared by. RFC 4271 sections 5.1.4 and 5.1.5. */
import { ByteReader } from '../../../net/bytes.js';
import { type AttributeValues, checkByteCount } from './definition.js';

/** The lower the better, among routes of one neighbouring autonomous system. */
export function readMed(value: Uint8Array): AttributeValues {
  checkByteCount(value, 4);
  return { med: new ByteReader(value).u32be() };
}

/** The higher the better, inside one autonomous system. */
export function readLocalPref(value: Uint8Array): AttributeValues {
  checkByteCount(value, 4);
  return { localPref: new ByteReader(value).u32be() };
}
