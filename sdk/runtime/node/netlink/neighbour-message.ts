/**
 * Neighbours, the kernel's tables of ARP and neighbour discovery, as RTM_NEWNEIGH and RTM_DELNEIGH tell them: `struct ndmsg`.
 *
 *   | family 1 | 0 3 | interface index 4 | state 2 | flags 1 | type 1 |
 */

import { formatIp, type IpAddress } from '../../../net/address.js';
import { ByteReader, ByteWriter } from '../../../net/bytes.js';
import { formatMac, MAC_BYTES } from '../../../net/mac.js';
import { addressBytesOf, familyNumber } from '../socket-address.js';
import { type Message, readAttributes, u32Of, writeBody } from './message.js';

const RECORD_BYTES = 12;

const NDA_DST = 1;
const NDA_LLADDR = 2;
const NDA_FLAGS_EXT = 15;

/** States of an entry in which it has a MAC address that packets are sent to, each a bit. */
const NUD_REACHABLE = 0x02;
const NUD_STALE = 0x04;
const NUD_DELAY = 0x08;
const NUD_PROBE = 0x10;
const NUD_NOARP = 0x40;
const NUD_PERMANENT = 0x80;
const NUD_VALID = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_NOARP | NUD_PERMANENT;

const NTF_USE = 0x01;
const NTF_PROXY = 0x08;
const NTF_EXT_LEARNED = 0x10;
const NTF_EXT_MANAGED = 0x01;

/** An entry of a neighbour table. */
export interface Neighbour {
  readonly interfaceIndex: number;
  readonly address: string;
  /** Bits of NUD_…. */
  readonly state: number;
  /** `undefined` while it is not known, and on links without MAC addresses. */
  readonly macAddress: string | undefined;
  /**
   * Whether someone else looks after it: it is permanent, or from a routing daemon, or kept fresh by the kernel for one. To
   * say of such an entry that it is in use would make it an ordinary one.
   */
  readonly isKept: boolean;
}

/**
 * Reads a neighbour; `undefined` for what is none: forwarding entries of bridges, and addresses answered for by proxy.
 *
 * @throws EdgemuxError `ERR_OUT_OF_BOUNDS` when the message breaks off
 */
export function readNeighbour({ body }: Message): Neighbour | undefined {
  const attributes = readAttributes(body, RECORD_BYTES);
  const reader = new ByteReader(body);
  const family = reader.u8();
  reader.bytes(3);
  const interfaceIndex = reader.u32le();
  const state = reader.u16le();
  const flags = reader.u8();
  const address = attributes.get(NDA_DST);
  if (address === undefined || address.length !== addressBytesOf(family) || (flags & NTF_PROXY) !== 0) return undefined;
  const mac = attributes.get(NDA_LLADDR);
  const isManaged = ((u32Of(attributes.get(NDA_FLAGS_EXT)) ?? 0) & NTF_EXT_MANAGED) !== 0;
  return {
    interfaceIndex,
    address: formatIp(address),
    state,
    macAddress: (state & NUD_VALID) !== 0 && mac?.length === MAC_BYTES ? formatMac(mac) : undefined,
    isKept: (state & (NUD_PERMANENT | NUD_NOARP)) !== 0 || (flags & NTF_EXT_LEARNED) !== 0 || isManaged,
  };
}

/** What asks for all neighbours of a family. */
export function writeNeighbourDump(family: number): Uint8Array {
  return new ByteWriter(RECORD_BYTES)
    .u8(family)
    .bytes(new Uint8Array(RECORD_BYTES - 1))
    .toBytes();
}

/** What asks for one neighbour. */
export function writeNeighbourLookup(interfaceIndex: number, ip: IpAddress): Uint8Array {
  return writeNeighbour(interfaceIndex, ip, 0);
}

/**
 * What says that a neighbour is in use, as a packet to it would: it is resolved if need be, and asked whether it is still
 * there when it was not heard of for long. The entry ages like any other when this is not repeated.
 */
export function writeNeighbourUse(interfaceIndex: number, ip: IpAddress): Uint8Array {
  return writeNeighbour(interfaceIndex, ip, NTF_USE);
}

function writeNeighbour(interfaceIndex: number, { family, bytes }: IpAddress, flags: number): Uint8Array {
  const record = new ByteWriter(RECORD_BYTES).u8(familyNumber(family)).u8(0).u16le(0);
  record.u32le(interfaceIndex).u16le(0).u8(flags).u8(0);
  return writeBody(record.toBytes(), [[NDA_DST, bytes]]);
}
