/**
 * Routes, as RTM_NEWROUTE and RTM_DELROUTE tell them and RTM_GETROUTE asks for them: `struct rtmsg`.
 *
 *   | family 1 | destination bits 1 | source bits 1 | TOS 1 | table 1 | protocol 1 | scope 1 | type 1 | flags 4 |
 *
 * The same answer comes to two questions: which route is in the tables (a prefix), and which way a packet would go (one
 * address, looked up as the kernel does for its own packets: rules, tables, metrics, the choice among several paths).
 */
import { formatIp, type IpAddress } from '../../../net/address.js';
import { ByteReader, ByteWriter } from '../../../net/bytes.js';
import type { Prefix } from '../../../net/prefix.js';
import { AF_INET, addressBytesOf, familyNumber } from '../socket-address.js';
import { type Message, readAttributes, u32Of, u32Value, writeBody } from './message.js';

const RECORD_BYTES = 12;

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_VIA = 18;
const RTA_ENCAP = 22;

const RTN_UNICAST = 1;
const RT_TABLE_MAIN = 254;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_NOWHERE = 255;
const RTPROT_UNSPEC = 0;
const RTM_F_FIB_MATCH = 0x2000;

/**
 * The routing protocol our routes are from, as `ip route` shows them: `proto 205`. A number of our own says whose they are;
 * those up to 199 belong to the kernel and to routing daemons (linux/rtnetlink.h, FRR's rt_netlink.h).
 */
export const RTPROT_EDGEMUX = 205;

/** A route, or the way of a packet. */
export interface Route {
  /** What it leads to; the whole address when one was looked up. */
  readonly destination: Prefix;
  /** Whether packets leave by it: it is no route to this machine itself, to everybody on a link, or to nowhere. */
  readonly isUnicast: boolean;
  readonly protocol: number;
  /** `undefined` for a route of several paths, and for one to nowhere. */
  readonly interfaceIndex: number | undefined;
  /** The router on that link, which may be of the other family; `undefined` when the destination itself is there. */
  readonly gateway: string | undefined;
  /** Whether the kernel would put packets into something else first: MPLS, segment routing. */
  readonly isEncapsulated: boolean;
}

/**
 * Reads a route; `undefined` for one that is not of IP, such as those of MPLS.
 *
 * @throws EdgemuxError `ERR_OUT_OF_BOUNDS` when the message breaks off
 */
export function readRoute({ body }: Message): Route | undefined {
  const attributes = readAttributes(body, RECORD_BYTES);
  const reader = new ByteReader(body);
  const family = reader.u8();
  const length = reader.u8();
  reader.bytes(3);
  const protocol = reader.u8();
  reader.u8();
  const type = reader.u8();
  const addressBytes = addressBytesOf(family);
  if (addressBytes === undefined || length > addressBytes * 8) return undefined;
  // Copied, as the message goes when the next one comes.
  const bytes = attributes.get(RTA_DST)?.slice() ?? new Uint8Array(addressBytes);
  if (bytes.length !== addressBytes) return undefined;
  return {
    destination: { family: family === AF_INET ? 4 : 6, bytes, length },
    isUnicast: type === RTN_UNICAST,
    protocol,
    interfaceIndex: u32Of(attributes.get(RTA_OIF)),
    gateway: gatewayOf(attributes),
    isEncapsulated: attributes.has(RTA_ENCAP),
  };
}

/** RTA_VIA is | family 2 | address |: a router of the other family. */
function gatewayOf(attributes: Map<number, Uint8Array>): string | undefined {
  const bytes = attributes.get(RTA_GATEWAY) ?? attributes.get(RTA_VIA)?.subarray(2);
  return bytes?.length === 4 || bytes?.length === 16 ? formatIp(bytes) : undefined;
}

/** What asks which way a packet to an address would go; with `isMatch`, by which route of the tables. */
export function writeRouteLookup({ family, bytes }: IpAddress, isMatch = false): Uint8Array {
  const record = new ByteWriter(RECORD_BYTES).u8(familyNumber(family)).u8(bytes.length * 8);
  record
    .u8(0)
    .u8(0)
    .u8(0)
    .u8(0)
    .u8(0)
    .u8(0)
    .u32le(isMatch ? RTM_F_FIB_MATCH : 0);
  return writeBody(record.toBytes(), [[RTA_DST, bytes]]);
}

/** A route of ours to a device, without a router. */
export function writeDeviceRoute({ family, bytes, length }: Prefix, interfaceIndex: number): Uint8Array {
  const scope = family === 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  return writeRoute({ family, bytes, length }, interfaceIndex, RTPROT_EDGEMUX, scope, RTN_UNICAST);
}

/** Which route of ours is to be removed. */
export function writeDeviceRouteRemoval(destination: Prefix, interfaceIndex: number): Uint8Array {
  return writeRoute(destination, interfaceIndex, RTPROT_EDGEMUX, RT_SCOPE_NOWHERE, RTPROT_UNSPEC);
}

function writeRoute(destination: Prefix, index: number, protocol: number, scope: number, type: number): Uint8Array {
  const { family, bytes, length } = destination;
  const record = new ByteWriter(RECORD_BYTES).u8(familyNumber(family)).u8(length).u8(0).u8(0);
  record.u8(RT_TABLE_MAIN).u8(protocol).u8(scope).u8(type).u32le(0);
  return writeBody(record.toBytes(), [
    [RTA_DST, bytes],
    [RTA_OIF, u32Value(index)],
  ]);
}
