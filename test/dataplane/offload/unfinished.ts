/** What a sender leaves of a packet whose checksum the hardware is to finish. */
import { be16, concat, putBe16 } from '../../support/bytes.js';
import { internetChecksum } from '../../support/checksum.js';

export const TCP = { protocol: 6, field: 16 } as const;
export const UDP = { protocol: 17, field: 6 } as const;

/**
 * Puts the sum of the pseudo header, not complemented, into the checksum field of a frame.
 *
 * @param ip where the IP header starts that TCP or UDP belongs to
 * @param l4 where TCP or UDP starts; it is all that is left of the frame
 */
export function unfinished(frame: Uint8Array, ip: number, l4: number, transport: typeof TCP | typeof UDP): Uint8Array {
  const copy = frame.slice();
  const addresses = frame[ip]! >> 4 === 6 ? copy.subarray(ip + 8, ip + 40) : copy.subarray(ip + 12, ip + 20);
  const rest = new Uint8Array(4);
  rest[1] = transport.protocol;
  putBe16(rest, 2, transport === UDP ? be16(copy, l4 + 4) : copy.length - l4);
  putBe16(copy, l4 + transport.field, 0xffff - internetChecksum(concat(addresses, rest)));
  return copy;
}
