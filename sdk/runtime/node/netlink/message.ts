/**
 * Messages of netlink, which talks with the kernel about interfaces, addresses, routes and neighbours: `struct nlmsghdr`,
 * a record of fixed size that depends on the type, and attributes, `struct rtattr`.
 *
 *   message    | length 4 | type 2 | flags 2 | sequence 4 | port 4 | record … | attribute | attribute | …
 *   attribute  | length 2 | type 2 | value … | zeros to a multiple of 4 |
 *
 * Lengths count their own header and no padding. One datagram holds several messages, each at a multiple of 4. Numbers are
 * in the byte order of the machine, which is little-endian wherever Node and koffi run on 64 bits; addresses of the network
 * are in that of the network. Sources: netlink(7), rtnetlink(7), linux/netlink.h, linux/rtnetlink.h.
 */

import { EdgemuxError } from '../../../errors.js';
import { ByteReader, ByteWriter, concat } from '../../../net/bytes.js';

/** Types of messages. Those of rtnetlink come in threes: NEW, DEL and GET of a thing. */
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;
export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_NEWNEXTHOP = 104;
export const RTM_DELNEXTHOP = 105;

/** Flags of any message, of requests that ask, of requests that change, and of acknowledgements. */
export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;

const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
/** The two highest bits of an attribute's type say how its value is coded. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;
const NLMSGERR_ATTR_MSG = 1;

/** A message: its header, and what is behind that, as a view of the datagram it came in. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  /** That of the request this answers; 0 in what the kernel tells by itself. */
  readonly sequence: number;
  readonly body: Uint8Array;
}

/** One attribute of a message to be written. */
export type Attribute = readonly [type: number, value: Uint8Array];

/**
 * The messages of one datagram.
 *
 * @throws EdgemuxError `ERR_OUT_OF_BOUNDS` when it breaks off, or a length is shorter than its own header. This and
 *   `readAttributes` are all that is ever thrown over what the kernel, or someone else, has sent
 */
export function readMessages(datagram: Uint8Array): Message[] {
  const reader = new ByteReader(datagram);
  const messages: Message[] = [];
  while (reader.remaining > 0) {
    const bodyBytes = reader.u32le() - HEADER_BYTES;
    const type = reader.u16le();
    const flags = reader.u16le();
    const sequence = reader.u32le();
    reader.u32le();
    messages.push({ type, flags, sequence, body: reader.bytes(bodyBytes) });
    skipPadding(reader, bodyBytes);
  }
  return messages;
}

/**
 * The attributes behind the first `recordBytes` of a body, by type; of a type that is there twice, the last.
 *
 * @throws EdgemuxError `ERR_OUT_OF_BOUNDS`, as `readMessages` does
 */
export function readAttributes(body: Uint8Array, recordBytes: number): Map<number, Uint8Array> {
  const reader = new ByteReader(body);
  reader.bytes(recordBytes);
  const attributes = new Map<number, Uint8Array>();
  while (reader.remaining > 0) {
    const valueBytes = reader.u16le() - ATTRIBUTE_HEADER_BYTES;
    const type = reader.u16le() & ATTRIBUTE_TYPE_MASK;
    attributes.set(type, reader.bytes(valueBytes));
    skipPadding(reader, valueBytes);
  }
  return attributes;
}

/** The last of a datagram may stand without its padding. */
function skipPadding(reader: ByteReader, byteCount: number): void {
  reader.bytes(Math.min(-byteCount & 3, reader.remaining));
}

/** What `read` makes of the messages of one type; those it cannot read, or that are none of its, are left out. */
export function readEach<T>(
  messages: readonly Message[],
  type: number,
  read: (message: Message) => T | undefined,
): T[] {
  const records: T[] = [];
  for (const message of messages) {
    const record = message.type === type ? orNothing(() => read(message)) : undefined;
    if (record !== undefined) records.push(record);
  }
  return records;
}

/** `undefined` where `read` comes to the end of a message too soon. */
export function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof EdgemuxError && error.code === 'ERR_OUT_OF_BOUNDS') return undefined;
    throw error;
  }
}

/** The value of an attribute that is a number of 32 bits; `undefined` where there is none, or not as long. */
export function u32Of(value: Uint8Array | undefined): number | undefined {
  return value?.length === 4 ? new ByteReader(value).u32le() : undefined;
}

/** The value of an attribute that is text, which ends with a zero. */
export function textOf(value: Uint8Array | undefined): string | undefined {
  if (value === undefined) return undefined;
  const end = value.indexOf(0);
  const bytes = end < 0 ? value : value.subarray(0, end);
  return new ByteReader(bytes).utf8(bytes.length);
}

/** The value of an attribute of 32 bits, to be written. */
export function u32Value(value: number): Uint8Array {
  return new ByteWriter(4).u32le(value).toBytes();
}

/** The value of an attribute that is text, to be written. */
export function textValue(text: string): Uint8Array {
  return new ByteWriter().utf8(text).u8(0).toBytes();
}

/** A record and the attributes behind it: what comes after the header of a message. */
export function writeBody(record: Uint8Array, attributes: readonly Attribute[]): Uint8Array {
  return concat([
    record,
    ...attributes.flatMap(([type, value]) => [attributeHeader(type, value), value, padding(value)]),
  ]);
}

function attributeHeader(type: number, value: Uint8Array): Uint8Array {
  return new ByteWriter(ATTRIBUTE_HEADER_BYTES)
    .u16le(ATTRIBUTE_HEADER_BYTES + value.length)
    .u16le(type)
    .toBytes();
}

function padding({ length }: Uint8Array): Uint8Array {
  return new Uint8Array(-length & 3);
}

/** A whole message, from us: its port is left for the kernel to fill in. */
export function writeMessage({ type, flags, sequence, body }: Message): Uint8Array<ArrayBuffer> {
  const header = new ByteWriter(HEADER_BYTES)
    .u32le(HEADER_BYTES + body.length)
    .u16le(type)
    .u16le(flags);
  return concat([header.u32le(sequence).u32le(0).toBytes(), body]);
}

/** How a request went: `errno` 0 when it went well, and what the kernel has to say about it, which is mostly nothing. */
export interface Acknowledgement {
  readonly errno: number;
  readonly text: string | undefined;
}

/**
 * Reads NLMSG_ERROR, which is an acknowledgement when its error is 0, and NLMSG_DONE, the end of a dump:
 *
 *   | -errno 4 | header of the request 16 | the rest of it, unless capped … | attributes, if flagged … |
 *   | -errno 4 | attributes, if flagged … |
 *
 * @throws EdgemuxError `ERR_OUT_OF_BOUNDS`, as `readMessages` does
 */
export function readAcknowledgement({ type, flags, body }: Message): Acknowledgement {
  const reader = new ByteReader(body);
  const errno = -reader.u32le() | 0;
  if (errno < 0) throw new EdgemuxError('ERR_OUT_OF_BOUNDS', `netlink: ${errno} is no error number`);
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, text: undefined };
  if (type === NLMSG_ERROR) {
    const requestBytes = reader.u32le();
    // The length is that of the request even where its header alone has been sent back.
    reader.bytes((flags & NLM_F_CAPPED ? HEADER_BYTES : requestBytes) - 4);
    skipPadding(reader, requestBytes);
  }
  return { errno, text: textOf(readAttributes(body, reader.offset).get(NLMSGERR_ATTR_MSG)) };
}
