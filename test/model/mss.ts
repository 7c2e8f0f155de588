/**
 * Clamping of the maximum segment size: what a VM says it can take must still fit once the MUX has encapsulated it.
 *
 *   option: | kind 2 | length 4 | MSS 16 |, anywhere in the list, also at an odd offset
 */

import type { HostProgram } from '../../sdk/program/types.js';
import { be16, putBe16 } from '../support/bytes.js';
import { familyOf } from './address.js';
import { isLaterFragment } from './datagrams.js';
import { type IpPacket, TCP } from './ip.js';
import { again, mendTransportChecksum } from './rewrite.js';

const SYN = 0x02;
const INNER_ETHERNET_BYTES = 14;
const TUNNEL_BYTES = { vxlan: 8 + 8, nvgre: 8 };

/** The largest segment of a fabric, by the family of the inner packet; `undefined` when nobody said what fits. */
export function mssMax({ attachment, encapsulation = 'vxlan' }: HostProgram, family: 4 | 6): number | undefined {
  const { mtuBytes, providerAddress, secondProviderAddress = providerAddress } = attachment;
  if (mtuBytes === undefined) return undefined;
  const hasIpv6 = [providerAddress, secondProviderAddress].some((address) => familyOf(address) === 6);
  const overhead = (hasIpv6 ? 40 : 20) + TUNNEL_BYTES[encapsulation] + INNER_ETHERNET_BYTES;
  return mtuBytes - overhead - (family === 6 ? 60 : 40);
}

/** The packet, with every larger MSS option of a SYN lowered. The TCP header must have been checked. */
export function clampMss(packet: IpPacket, limit: number | undefined): IpPacket {
  const { protocol, upper, upperAt } = packet;
  if (limit === undefined || protocol !== TCP || isLaterFragment(packet) || (upper[13]! & SYN) === 0) return packet;
  const out = packet.bytes.slice();
  for (const at of mssOptions(upper)) {
    if (be16(upper, at + 2) > limit) putBe16(out, upperAt + at + 2, limit);
  }
  mendTransportChecksum(packet, out);
  return again(packet, out);
}

/** Where the MSS options are; what follows a length that cannot be true is no option. */
function mssOptions(segment: Uint8Array): number[] {
  const end = (segment[12]! >> 4) * 4;
  const found: number[] = [];
  let at = 20;
  while (at < end && segment[at] !== 0) {
    if (segment[at] === 1) {
      at++;
      continue;
    }
    const length = at + 1 < end ? segment[at + 1]! : 0;
    if (length < 2 || at + length > end) break;
    if (segment[at] === 2 && length === 4) found.push(at);
    at += length;
  }
  return found;
}
