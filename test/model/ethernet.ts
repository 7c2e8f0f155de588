/**
 * The Ethernet header of a frame that goes back to the provider network.
 */

import type { Attachment } from '../../sdk/program/types.js';
import { concat, macBytes, putBe16 } from '../support/bytes.js';
import { ETHERTYPE_IPV4 } from './ipv4.js';

const IPV4 = Uint8Array.of(ETHERTYPE_IPV4 >> 8, ETHERTYPE_IPV4 & 0xff);

/** Header in front of an IPv4 packet; `tag` is whole VLAN tags or empty. */
export function ethernetHeader(destination: Uint8Array, source: string, tag: Uint8Array): Uint8Array {
  return concat(destination, macBytes(source), tag, IPV4);
}

/** The VLAN of the attachment instead of all tags, or else the tags the frame came with. */
export function outgoingTag(attachment: Attachment, incoming: Uint8Array): Uint8Array {
  if (attachment.vlanId === 0) {
    return incoming;
  }
  const tag = Uint8Array.of(0x81, 0x00, 0, 0);
  putBe16(tag, 2, attachment.vlanId);
  return tag;
}
