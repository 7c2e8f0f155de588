/**
 * What a sender is told whose packet does not fit the underlay: ICMP fragmentation needed (RFC 1191) or ICMPv6 packet too
 * big (RFC 4443 section 3.2), at a bounded rate.
 */

import { concat, ipBytes, putBe16, putBe32 } from '../support/bytes.js';
import { internetChecksum } from '../support/checksum.js';
import type { Family } from './address.js';
import { ICMP, icmpMessage } from './icmp.js';
import type { IpPacket } from './ip.js';

const TRAFFIC_CLASS = 0xc0;
const HOP_LIMIT = 64;
/** As much as every host takes in one piece: RFC 1812 section 4.3.2.3, RFC 8200 section 5. */
const MESSAGE_BYTES_MAX = { 4: 576, 6: 1280 };
const IPV6_MTU_MIN = 1280;

/** Nobody is told about an ICMP error or about the middle of a datagram (RFC 1122 section 3.2.2, RFC 4443 section 2.4). */
export function mayBeTold({ family, protocol, upper, fragment }: IpPacket): boolean {
  if (fragment !== undefined && fragment.offsetBytes > 0) return false;
  return !(protocol === ICMP[family] && upper.length > 0 && isAnyError(family, upper[0]!));
}

/** Also those that say nothing about a connection: source quench and redirect; of ICMPv6 all without the highest bit. */
function isAnyError(family: Family, type: number): boolean {
  return family === 4 ? [3, 4, 5, 11, 12].includes(type) : type < 128;
}

/** From the VIP to the sender; `mtuBytes` is the longest packet that would have fitted. */
export function tooBig(packet: IpPacket, mtuBytes: number): Uint8Array {
  return packet.family === 6 ? packetTooBig(packet, mtuBytes) : fragmentationNeeded(packet, mtuBytes);
}

function fragmentationNeeded({ bytes, source, destination }: IpPacket, mtuBytes: number): Uint8Array {
  const rest = new Uint8Array(4);
  putBe16(rest, 2, mtuBytes);
  const body = concat(rest, bytes.subarray(0, MESSAGE_BYTES_MAX[4] - 20 - 8));
  const message = icmpMessage(4, destination, source, 3, 4, body);
  const header = concat(new Uint8Array(12), ipBytes(destination), ipBytes(source));
  header[0] = 0x45;
  header[1] = TRAFFIC_CLASS;
  putBe16(header, 2, header.length + message.length);
  header[8] = HOP_LIMIT;
  header[9] = ICMP[4];
  putBe16(header, 10, internetChecksum(header));
  return concat(header, message);
}

function packetTooBig({ bytes, source, destination }: IpPacket, mtuBytes: number): Uint8Array {
  const rest = new Uint8Array(4);
  putBe32(rest, 0, Math.max(IPV6_MTU_MIN, mtuBytes));
  const body = concat(rest, bytes.subarray(0, MESSAGE_BYTES_MAX[6] - 40 - 8));
  const message = icmpMessage(6, destination, source, 2, 0, body);
  const header = concat(new Uint8Array(8), ipBytes(destination), ipBytes(source));
  putBe32(header, 0, 6 * 2 ** 28 + TRAFFIC_CLASS * 2 ** 20);
  putBe16(header, 4, message.length);
  header[6] = ICMP[6];
  header[7] = HOP_LIMIT;
  return concat(header, message);
}

/** Tokens: 100 at first and at most, 100 more each second, counted in thousandths, so that a millisecond adds 100. */
export class TokenBucket {
  #thousandths = 100_000;
  #nowMs = 0;

  take(nowMs: number): boolean {
    this.#thousandths = Math.min(100_000, this.#thousandths + (nowMs - this.#nowMs) * 100);
    this.#nowMs = nowMs;
    if (this.#thousandths < 1000) return false;
    this.#thousandths -= 1000;
    return true;
  }
}
