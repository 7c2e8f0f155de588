/**
 * Addresses of this machine, as RTM_NEWADDR and RTM_DELADDR tell them: `struct ifaddrmsg`.
 *
 *   | family 1 | prefix length 1 | flags 1 | scope 1 | interface index 4 |
 */
import { formatIp, type IpAddress } from '../../../net/address.js';
import { ByteReader, ByteWriter } from '../../../net/bytes.js';
import { addressBytesOf, familyNumber } from '../socket-address.js';
import { type Message, readAttributes, u32Value, writeBody } from './message.js';

const RECORD_BYTES = 8;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x02;
const IFA_F_TENTATIVE = 0x40;

const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;

/** An address of an interface of this machine. */
export interface LocalAddress {
  readonly interfaceIndex: number;
  readonly address: string;
  readonly prefixLength: number;
}

/**
 * Reads an address; `undefined` for one of another family, and for one of IPv6 as long as it may turn out to be someone
 * else's: until then nothing is sent from it, and nothing to it arrives.
 *
 * @throws EdgemuxError `ERR_OUT_OF_BOUNDS` when the message breaks off
 */
export function readAddress({ body }: Message): LocalAddress | undefined {
  const attributes = readAttributes(body, RECORD_BYTES);
  const reader = new ByteReader(body);
  const family = reader.u8();
  const prefixLength = reader.u8();
  const flags = reader.u8();
  reader.u8();
  const interfaceIndex = reader.u32le();
  // On a link from point to point, IFA_ADDRESS is the other end.
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if ((flags & IFA_F_TENTATIVE) !== 0 || bytes === undefined || bytes.length !== addressBytesOf(family))
    return undefined;
  return { interfaceIndex, address: formatIp(bytes), prefixLength };
}

/** What asks for all addresses of a family. */
export function writeAddressDump(family: number): Uint8Array {
  return new ByteWriter(RECORD_BYTES)
    .u8(family)
    .bytes(new Uint8Array(RECORD_BYTES - 1))
    .toBytes();
}

/** What gives an interface an address, or takes it back; an IPv6 address can be used at once, without looking for twins. */
export function writeAddress(interfaceIndex: number, { family, bytes }: IpAddress, prefixLength: number): Uint8Array {
  const isLinkLocal = family === 6 && bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
  const record = new ByteWriter(RECORD_BYTES).u8(familyNumber(family)).u8(prefixLength).u8(0);
  record.u8(isLinkLocal ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE).u32le(interfaceIndex);
  return writeBody(record.toBytes(), [
    [IFA_LOCAL, bytes],
    [IFA_ADDRESS, bytes],
    [IFA_FLAGS, u32Value(family === 6 ? IFA_F_NODAD : 0)],
  ]);
}
