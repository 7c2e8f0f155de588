/**
 * Address families on the wire: AFI (RFC 4760 section 3, IANA "Address Family Numbers") and SAFI 1, unicast.
 *
 *     | AFI 16 | SAFI 8 |    in attributes; the capabilities of RFC 4760 and 8950 put eight more bits before the SAFI
 */
import type { Family } from './messages.js';

/** Subsequent address family: prefixes to forward unicast packets by. */
export const SAFI_UNICAST = 1;

/** Address family number of each family. */
export const AFI: Readonly<Record<Family, number>> = { ipv4: 1, ipv6: 2 };

/** The family of an AFI and a SAFI; `undefined` for one that edgemux does not speak. */
export function familyOf(afi: number, safi: number): Family | undefined {
  if (safi !== SAFI_UNICAST) return undefined;
  if (afi === AFI.ipv4) return 'ipv4';
  return afi === AFI.ipv6 ? 'ipv6' : undefined;
}
