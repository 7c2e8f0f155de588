/**
 * UPDATE messages with as many prefixes as fit into each.
 *
 *     prefixes of           announced                                      withdrawn            End-of-RIB
 *     IPv4                  NLRI and NEXT_HOP                              WITHDRAWN ROUTES     an empty message
 *     IPv4 with RFC 8950    NLRI, or MP_REACH_NLRI for an IPv6 next hop    MP_UNREACH_NLRI      an empty message
 *     IPv6                  MP_REACH_NLRI                                  MP_UNREACH_NLRI      MP_UNREACH_NLRI, empty
 *
 * A message has one of the four, and a multiprotocol attribute stands first: so a receiver finds the prefixes, whatever
 * it thinks of the other attributes (RFC 7606 section 5.1).
 */
import { EdgemuxError } from '../../errors.js';
import { ByteWriter } from '../../net/bytes.js';
import type { Prefix } from '../../net/prefix.js';
import { ATTRIBUTE } from './attributes/type-codes.js';
import { ATTRIBUTE_HEADER_BYTES_MAX, pathAttributesBytes, writeAttribute } from './attributes/write.js';
import { HEADER_BYTES, MESSAGE_BYTES_MAX, withHeader } from './header.js';
import type { Agreement, Family, PathAttributes, RouteChange } from './messages.js';
import { mpReachValue, mpUnreachValue } from './multiprotocol.js';
import { prefixByteCount, writePrefix } from './nlri.js';

/** Bytes for prefixes and attributes: a message without its header and the two lengths in an UPDATE. */
const ROOM_BYTES = MESSAGE_BYTES_MAX - HEADER_BYTES - 4;
const NOTHING = new Uint8Array();

/** How messages of one kind are made: of prefixes as they stand on the wire. */
interface Shape {
  /** Bytes of `ROOM_BYTES` that are not prefixes. */
  readonly overheadBytes: number;
  readonly message: (prefixes: Uint8Array) => Uint8Array;
}

/**
 * The messages, header included and of 4096 bytes at most, that tell a peer of a change; none for no prefixes.
 *
 * @throws EdgemuxError `ERR_ROUTES_INVALID` for attributes that leave no room for a prefix or cannot be read, and for a
 *   next hop the peer would not take for the family
 * @example
 * ```ts
 * for (const message of encodeUpdates({ family: 'ipv4', prefixes: [vip], path }, agreement)) connection.write(message);
 * ```
 */
export function* encodeUpdates(change: RouteChange, agreement: Agreement): Generator<Uint8Array, void, undefined> {
  const { family, path, prefixes } = change;
  const shape = path === undefined ? withdrawal(family, agreement) : announcement(family, path, agreement);
  const roomBytes = ROOM_BYTES - shape.overheadBytes;
  let writer = new ByteWriter();
  for (const prefix of prefixes) {
    checkFits(prefix, roomBytes);
    if (writer.offset + prefixByteCount(prefix) > roomBytes) {
      yield shape.message(writer.toBytes());
      writer = new ByteWriter();
    }
    writePrefix(writer, prefix);
  }
  if (writer.offset > 0) yield shape.message(writer.toBytes());
}

/** The marker that every route of a family has been sent, RFC 4724 section 2; header included. */
export function encodeEndOfRib(family: Family): Uint8Array {
  if (family === 'ipv4') return update(NOTHING, NOTHING, NOTHING);
  return update(NOTHING, attribute(ATTRIBUTE.MP_UNREACH_NLRI, mpUnreachValue(family, NOTHING)), NOTHING);
}

function withdrawal(family: Family, { extendedNextHop }: Agreement): Shape {
  if (family === 'ipv4' && !extendedNextHop.has('ipv4')) {
    return { overheadBytes: 0, message: (prefixes) => update(prefixes, NOTHING, NOTHING) };
  }
  const valueWith = (prefixes: Uint8Array) => mpUnreachValue(family, prefixes);
  return multiprotocol(ATTRIBUTE.MP_UNREACH_NLRI, valueWith, NOTHING);
}

function announcement(
  family: Family,
  { nextHop, attributes }: { readonly nextHop: string; readonly attributes: PathAttributes },
  agreement: Agreement,
): Shape {
  const isIpv4NextHop = !nextHop.includes(':');
  if (family === 'ipv4' && isIpv4NextHop) {
    const bytes = pathAttributesBytes(attributes, nextHop, agreement);
    return { overheadBytes: bytes.length, message: (prefixes) => update(NOTHING, bytes, prefixes) };
  }
  if (isIpv4NextHop || (family === 'ipv4' && !agreement.extendedNextHop.has('ipv4'))) {
    throw new EdgemuxError('ERR_ROUTES_INVALID', `this peer takes no ${family} route with the next hop ${nextHop}`);
  }
  const bytes = pathAttributesBytes(attributes, undefined, agreement);
  return multiprotocol(ATTRIBUTE.MP_REACH_NLRI, (prefixes) => mpReachValue(family, nextHop, prefixes), bytes);
}

function multiprotocol(type: number, valueWith: (prefixes: Uint8Array) => Uint8Array, others: Uint8Array): Shape {
  return {
    overheadBytes: ATTRIBUTE_HEADER_BYTES_MAX + valueWith(NOTHING).length + others.length,
    message: (prefixes) => update(NOTHING, attribute(type, valueWith(prefixes), others), NOTHING),
  };
}

function attribute(type: number, value: Uint8Array, others: Uint8Array = NOTHING): Uint8Array {
  const writer = new ByteWriter();
  writeAttribute(writer, type, value);
  return writer.bytes(others).toBytes();
}

function update(withdrawn: Uint8Array, attributes: Uint8Array, nlri: Uint8Array): Uint8Array {
  const body = new ByteWriter().u16be(withdrawn.length).bytes(withdrawn);
  return withHeader('update', body.u16be(attributes.length).bytes(attributes).bytes(nlri).toBytes());
}

function checkFits(prefix: Prefix, roomBytes: number): void {
  if (prefixByteCount(prefix) <= roomBytes) return;
  const text = `the attributes of a route leave ${Math.max(roomBytes, 0)} bytes of an UPDATE for its prefix`;
  throw new EdgemuxError('ERR_ROUTES_INVALID', `${text}; ${prefixByteCount(prefix)} are needed`);
}
