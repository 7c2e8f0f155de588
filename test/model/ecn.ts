/**
 * Congestion marks of a tunnel that ends here: RFC 6040 section 4.2, figure 4, without the alarms.
 *
 *   outer \ inner | Not-ECT | ECT(0) | ECT(1) | CE
 *   Not-ECT       | Not-ECT | ECT(0) | ECT(1) | CE
 *   ECT(0)        | Not-ECT | ECT(0) | ECT(1) | CE
 *   ECT(1)        | Not-ECT | ECT(1) | ECT(1) | CE
 *   CE            | drop    | CE     | CE     | CE
 */

import { be16, putBe16 } from '../support/bytes.js';
import type { Family } from './address.js';
import { drop, type Ending } from './ending.js';
import { updateChecksum } from './rewrite.js';

const NOT_ECT = 0;
const ECT_1 = 1;
const ECT_0 = 2;
const CE = 3;

/** The IP packet that came out of a tunnel, with the mark it has to have. */
export function decapsulateEcn(
  outerTrafficClass: number,
  innerTrafficClass: number,
  family: Family,
  packet: Uint8Array,
): Uint8Array | Ending {
  const outer = outerTrafficClass & 3;
  const inner = innerTrafficClass & 3;
  if (outer === CE) return inner === NOT_ECT ? drop('ecn') : marked(family, packet, CE);
  return outer === ECT_1 && inner === ECT_0 ? marked(family, packet, ECT_1) : packet;
}

/** ECN is the low two bits of the traffic class: of the second byte in IPv4, four bits further up in IPv6. */
function marked(family: Family, packet: Uint8Array, ecn: number): Uint8Array {
  const out = packet.slice();
  if (family === 6) {
    out[1] = (out[1]! & 0xcf) | (ecn << 4);
    return out;
  }
  out[1] = (out[1]! & 0xfc) | ecn;
  putBe16(out, 10, updateChecksum(be16(out, 10), packet.subarray(0, 2), out.subarray(0, 2)));
  return out;
}
