/**
 * The link layer of a frame: taken off on its way in, put in front on its way out.
 */

import type { Attachment } from '../../sdk/program/types.js';
import { be16, concat, macBytes, putBe16 } from '../support/bytes.js';
import type { Link } from '../support/checksum.js';
import type { Family } from './address.js';
import { drop, type Ending, PASS } from './ending.js';

const ETHERTYPE: Readonly<Record<Family, number>> = { 4: 0x0800, 6: 0x86dd };

/** What is behind the link layer, and what it was announced as. */
export interface Opened {
  readonly family: Family;
  /** From the IP header on, with whatever the link layer padded behind it. */
  readonly packet: Uint8Array;
  /** The VLAN tags as they came, each TPID and TCI, at most two; empty without one. */
  readonly tag: Uint8Array;
}

/** Takes the link layer off. A bare frame is IPv6 when its version says so, and else is judged as IPv4. */
export function openLink(frame: Uint8Array, link: Link): Opened | Ending {
  if (link === 'bare') {
    if (frame.length === 0) return drop('ipv4-truncated');
    return { family: frame[0]! >> 4 === 6 ? 6 : 4, packet: frame, tag: new Uint8Array(0) };
  }
  if (frame.length < 14) return drop('ethernet-truncated');
  let type = be16(frame, 12);
  let at = 14;
  for (let tags = 0; tags < 2 && isVlanType(type); tags++) {
    at += 4;
    if (frame.length < at) return drop('ethernet-truncated');
    type = be16(frame, at - 2);
  }
  const rest = { packet: frame.subarray(at), tag: frame.slice(12, at - 2) };
  if (type === ETHERTYPE[4]) return { family: 4, ...rest };
  if (type === ETHERTYPE[6]) return { family: 6, ...rest };
  return PASS;
}

export function isVlanType(type: number): boolean {
  return type === 0x8100 || type === 0x88a8;
}

/** Header in front of an IP packet; `tag` is whole VLAN tags or empty. */
export function ethernetHeader(destination: Uint8Array, source: string, tag: Uint8Array, family: Family): Uint8Array {
  const type = new Uint8Array(2);
  putBe16(type, 0, ETHERTYPE[family]);
  return concat(destination, macBytes(source), tag, type);
}

/** The VLAN of the attachment instead of all tags, or else the tags the frame came with. */
export function outgoingTag(attachment: Attachment, incoming: Uint8Array): Uint8Array {
  if (attachment.vlanId === 0) return incoming;
  const tag = Uint8Array.of(0x81, 0x00, 0, 0);
  putBe16(tag, 2, attachment.vlanId);
  return tag;
}
