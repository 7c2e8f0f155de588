/**
 * Routes of any family as path attributes, RFC 4760 sections 3 and 4.
 *
 *     MP_REACH_NLRI    | AFI 16 | SAFI 8 | next hop length 8 | next hop | reserved 8 | prefixes … |
 *     MP_UNREACH_NLRI  | AFI 16 | SAFI 8 | prefixes … |
 *
 * A next hop has 4 bytes, 16, or 32: an IPv6 address and a link-local one of the same router (RFC 2545 section 3).
 * IPv4 prefixes have one of 16 or 32 only where that was agreed on (RFC 8950).
 */
import { formatIp, parseIp } from '../../net/address.js';
import { ByteReader, ByteWriter } from '../../net/bytes.js';
import { AttributeFault, type AttributeValues, type MpFamily } from './attributes/definition.js';
import { AFI, familyOf, SAFI_UNICAST } from './families.js';
import type { Agreement, Family } from './messages.js';
import { readPrefixes } from './nlri.js';

const MP_REACH_BYTES_MIN = 5;
const MP_UNREACH_BYTES_MIN = 3;
const IPV6_BYTES = 16;

/** What is announced; that the next hop is an address a router can have is for the reader of the message to see. */
export function readMpReach(value: Uint8Array, agreement: Agreement): AttributeValues {
  checkByteCountMin(value, MP_REACH_BYTES_MIN);
  const reader = new ByteReader(value);
  const family = readFamily(reader, agreement);
  const nextHopBytes = reader.u8();
  if (family.agreed === undefined) {
    return { reach: { family, isEmpty: reader.remaining <= nextHopBytes + 1, nextHop: '', prefixes: [] } };
  }
  if (!nextHopLengths(family.agreed, agreement).includes(nextHopBytes)) {
    throw new AttributeFault('length', `of ${family.agreed} has a next hop of ${nextHopBytes} bytes`);
  }
  if (reader.remaining < nextHopBytes + 1) throw new AttributeFault('length', 'ends inside the next hop');
  const nextHop = nextHopOf(reader.bytes(nextHopBytes));
  reader.u8();
  const prefixes = readPrefixes(reader.bytes(reader.remaining), family.agreed, malformed);
  return { reach: { family, isEmpty: prefixes.length === 0, nextHop, prefixes } };
}

/** What is withdrawn; no prefixes at all may be the End-of-RIB marker, RFC 4724 section 2. */
export function readMpUnreach(value: Uint8Array, agreement: Agreement): AttributeValues {
  checkByteCountMin(value, MP_UNREACH_BYTES_MIN);
  const reader = new ByteReader(value);
  const family = readFamily(reader, agreement);
  if (family.agreed === undefined) return { unreach: { family, prefixes: [] } };
  return { unreach: { family, prefixes: readPrefixes(reader.bytes(reader.remaining), family.agreed, malformed) } };
}

/** The value of MP_REACH_NLRI; `prefixes` as they stand on the wire. */
export function mpReachValue(family: Family, nextHop: string, prefixes: Uint8Array): Uint8Array {
  const { bytes } = parseIp(nextHop);
  const writer = new ByteWriter().u16be(AFI[family]).u8(SAFI_UNICAST).u8(bytes.length).bytes(bytes).u8(0);
  return writer.bytes(prefixes).toBytes();
}

/** The value of MP_UNREACH_NLRI; `prefixes` as they stand on the wire. */
export function mpUnreachValue(family: Family, prefixes: Uint8Array): Uint8Array {
  return new ByteWriter().u16be(AFI[family]).u8(SAFI_UNICAST).bytes(prefixes).toBytes();
}

function readFamily(reader: ByteReader, { families }: Agreement): MpFamily {
  const afi = reader.u16be();
  const safi = reader.u8();
  const family = familyOf(afi, safi);
  return { afi, safi, agreed: family !== undefined && families.has(family) ? family : undefined };
}

function nextHopLengths(family: Family, { extendedNextHop }: Agreement): readonly number[] {
  if (family === 'ipv6') return [IPV6_BYTES, 2 * IPV6_BYTES];
  return extendedNextHop.has(family) ? [4, IPV6_BYTES, 2 * IPV6_BYTES] : [4];
}

/** Of two addresses the first, unless it is :: because the router has a link-local one alone. */
function nextHopOf(bytes: Uint8Array): string {
  if (bytes.length <= IPV6_BYTES) return formatIp(bytes);
  const global = bytes.subarray(0, IPV6_BYTES);
  return formatIp(global.some((byte) => byte !== 0) ? global : bytes.subarray(IPV6_BYTES));
}

function checkByteCountMin(value: Uint8Array, min: number): void {
  if (value.length < min) throw new AttributeFault('length', `has ${value.length} bytes, at least ${min} are needed`);
}

function malformed(text: string): AttributeFault {
  return new AttributeFault('length', text);
}
