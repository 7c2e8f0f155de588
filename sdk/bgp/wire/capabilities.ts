/**
 * Capabilities, RFC 5492 section 4: one after the other in the capabilities parameters of an OPEN.
 *
 *     | code 8 | length 8 | value … |
 *
 *     code                                    value
 *       1  multiprotocol, RFC 4760 section 8    | AFI 16 | reserved 8 | SAFI 8 |
 *       2  route refresh, RFC 2918              none
 *       5  extended next hop, RFC 8950          | AFI 16 | SAFI 16 | next hop AFI 16 | and again …
 *      64  graceful restart, RFC 4724           drawn in graceful-restart.ts
 *      65  four-octet AS, RFC 6793              | AS 32 |
 *      70  enhanced route refresh, RFC 7313     none
 *
 * Codes that are not here are read over, as RFC 5492 section 3 wants. A value of a wrong length makes the parameter
 * malformed, which is 2/0 by RFC 4271 section 6.2: no RFC has a milder rule, and a speaker that went on would guess at
 * what the peer will send.
 */
import { ByteReader, ByteWriter } from '../../net/bytes.js';
import { AFI, familyOf, SAFI_UNICAST } from './families.js';
import { readGracefulRestart, writeGracefulRestart } from './graceful-restart.js';
import { MessageError, readOrFail } from './message-error.js';
import type { Capabilities, Family, GracefulRestart } from './messages.js';
import { NOTIFICATION } from './notification-kinds.js';

const MULTIPROTOCOL = 1;
const ROUTE_REFRESH = 2;
const EXTENDED_NEXT_HOP = 5;
const GRACEFUL_RESTART = 64;
const FOUR_OCTET_AS = 65;
const ENHANCED_ROUTE_REFRESH = 70;

/** What a speaker has that sends no capabilities at all: RFC 5492 section 3 asks for that after a 2/4. */
export const NO_CAPABILITIES: Capabilities = {
  families: ['ipv4'],
  extendedNextHop: [],
  routeRefresh: false,
  enhancedRouteRefresh: false,
  fourOctetAs: false,
};

/** Capabilities as they are found; the same one may come several times. */
interface Found {
  /** Absent until a multiprotocol capability came, even one of a family that nobody here knows. */
  families?: Set<Family>;
  readonly extendedNextHop: Set<Family>;
  routeRefresh: boolean;
  enhancedRouteRefresh: boolean;
  as?: number;
  gracefulRestart?: GracefulRestart;
}

/**
 * Reads the capabilities of an OPEN out of the values of its capabilities parameters.
 *
 * @returns the capabilities, and the AS of the four-octet capability where that is among them
 * @throws MessageError 2/0 for a capability that is cut off or has a length it cannot have
 */
export function readCapabilities(parameters: readonly Uint8Array[]): { capabilities: Capabilities; as?: number } {
  const found: Found = { extendedNextHop: new Set(), routeRefresh: false, enhancedRouteRefresh: false };
  for (const parameter of parameters) {
    const reader = new ByteReader(parameter);
    while (reader.remaining > 0) readCapability(reader, found);
  }
  const { families, extendedNextHop, routeRefresh, enhancedRouteRefresh, as, gracefulRestart } = found;
  return {
    capabilities: {
      families: families === undefined ? NO_CAPABILITIES.families : [...families],
      extendedNextHop: [...extendedNextHop],
      routeRefresh,
      enhancedRouteRefresh,
      fourOctetAs: as !== undefined,
      ...(gracefulRestart && { gracefulRestart }),
    },
    ...(as !== undefined && { as }),
  };
}

/**
 * Writes capabilities as the value of one parameter: empty for `NO_CAPABILITIES`, so that a router which knows none can
 * be talked to.
 *
 * @param as the sender's autonomous system, for the four-octet capability
 * @throws RangeError for a restart time over 4095 s
 */
export function writeCapabilities(capabilities: Capabilities, as: number): Uint8Array {
  const { families, extendedNextHop, routeRefresh, enhancedRouteRefresh, fourOctetAs, gracefulRestart } = capabilities;
  const others = new ByteWriter();
  if (routeRefresh) write(others, ROUTE_REFRESH);
  if (extendedNextHop.length > 0) {
    const value = new ByteWriter();
    for (const family of extendedNextHop) value.u16be(AFI[family]).u16be(SAFI_UNICAST).u16be(AFI.ipv6);
    write(others, EXTENDED_NEXT_HOP, value);
  }
  if (gracefulRestart !== undefined) write(others, GRACEFUL_RESTART, writeGracefulRestart(gracefulRestart));
  if (fourOctetAs) write(others, FOUR_OCTET_AS, new ByteWriter().u32be(as));
  if (enhancedRouteRefresh) write(others, ENHANCED_ROUTE_REFRESH);

  const isIpv4Alone = families.length === 1 && families[0] === 'ipv4';
  if (isIpv4Alone && others.offset === 0) return new Uint8Array();
  return new ByteWriter().bytes(multiprotocolCapabilities(families)).bytes(others.toBytes()).toBytes();
}

/** A multiprotocol capability for each family: what the data of a 2/7 lists when they are what is missing (RFC 5492 section 5). */
export function multiprotocolCapabilities(families: readonly Family[]): Uint8Array {
  const writer = new ByteWriter();
  for (const family of families) {
    write(writer, MULTIPROTOCOL, new ByteWriter().u16be(AFI[family]).u8(0).u8(SAFI_UNICAST));
  }
  return writer.toBytes();
}

function readCapability(reader: ByteReader, found: Found): void {
  const { code, value } = readOrFail(NOTIFICATION.OPEN.UNSPECIFIC, 'a capability is cut off', () => ({
    code: reader.u8(),
    value: reader.bytes(reader.u8()),
  }));
  const text = `capability ${code} of ${value.length} bytes`;
  const valueReader = new ByteReader(value);
  readOrFail(NOTIFICATION.OPEN.UNSPECIFIC, text, () => readValue(code, valueReader, found));
  if (valueReader.remaining > 0) throw new MessageError(NOTIFICATION.OPEN.UNSPECIFIC, text);
}

/** Reads all there should be of a value; what is left over makes its length wrong. */
function readValue(code: number, value: ByteReader, found: Found): void {
  switch (code) {
    case MULTIPROTOCOL:
      readMultiprotocol(value, found);
      break;
    case ROUTE_REFRESH:
      found.routeRefresh = true;
      break;
    case EXTENDED_NEXT_HOP:
      readExtendedNextHop(value, found);
      break;
    // Of several of these two the last one counts: RFC 4724 section 3 says so, and RFC 6793 says nothing.
    case GRACEFUL_RESTART:
      found.gracefulRestart = readGracefulRestart(value);
      break;
    case FOUR_OCTET_AS:
      found.as = value.u32be();
      break;
    case ENHANCED_ROUTE_REFRESH:
      found.enhancedRouteRefresh = true;
      break;
    default:
      value.bytes(value.remaining);
  }
}

function readMultiprotocol(value: ByteReader, found: Found): void {
  const afi = value.u16be();
  value.u8();
  const family = familyOf(afi, value.u8());
  found.families ??= new Set();
  if (family !== undefined) found.families.add(family);
}

function readExtendedNextHop(value: ByteReader, found: Found): void {
  while (value.remaining > 0) {
    const family = familyOf(value.u16be(), value.u16be());
    // An IPv6 prefix with an IPv4 next hop is not what RFC 8950 is about, whoever offers it.
    if (value.u16be() === AFI.ipv6 && family === 'ipv4') found.extendedNextHop.add(family);
  }
}

function write(writer: ByteWriter, code: number, value = new ByteWriter()): void {
  writer.u8(code).u8(value.offset).bytes(value.toBytes());
}
