/** NEXT_HOP: the router to send packets to. RFC 4271 section 5.1.3. */
import { formatIp } from '../../../net/address.js';
import { unusablePrefixOf } from '../../../net/unicast.js';
import { type AttributeValues, checkByteCount } from './definition.js';

/**
 * One IPv4 address. What kind of address is not looked at here: a message whose routes are all in MP_REACH_NLRI may
 * come with a NEXT_HOP that means nothing (RFC 4760 section 3), and 0.0.0.0 is common there.
 */
export function readNextHop(value: Uint8Array): AttributeValues {
  checkByteCount(value, 4);
  return { nextHop: formatIp(value) };
}

/** Why no router can have this address, for people; undefined where one can. RFC 4271 section 6.3. */
export function nextHopFault(address: string): string | undefined {
  const prefix = unusablePrefixOf(address);
  return prefix === undefined ? undefined : `names the next hop ${address}, and no router has an address in ${prefix}`;
}
