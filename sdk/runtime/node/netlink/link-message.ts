/**
 * Network interfaces, as RTM_NEWLINK and RTM_DELLINK tell them: `struct ifinfomsg` and its attributes.
 *
 *   | family 1 | 0 1 | hardware type 2 | index 4 | flags 4 | which flags to change 4 |
 */
import { ByteReader, ByteWriter } from '../../../net/bytes.js';
import { formatMac, MAC_BYTES } from '../../../net/mac.js';
import type { PortInterface } from '../../packet-port.js';
import { type Attribute, type Message, readAttributes, textOf, u32Of, writeBody } from './message.js';

const RECORD_BYTES = 16;
const AF_UNSPEC = 0;
const ARPHRD_ETHER = 1;

const IFF_UP = 0x1;
const IFF_LOWER_UP = 0x10000;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
/** Attribute: the MTU, 32 bits. */
export const IFLA_MTU = 4;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_EXT_MASK = 29;
const RTEXT_FILTER_SKIP_STATS = 8;

/** A network interface, and what state it is in. */
export interface InterfaceState extends PortInterface {
  /** Whether someone has set it up, `ip link set … up`. */
  readonly isUp: boolean;
  /** Whether there is something at the other end: a cable, a peer that is up, a program that holds a TUN device. */
  readonly hasCarrier: boolean;
  /** What kind of virtual interface it is, `veth`, `tun`, `bridge`; `undefined` for hardware and the loopback. */
  readonly kind: string | undefined;
  /** Index of the bridge, bond or VRF it belongs to. */
  readonly masterIndex: number | undefined;
}

/**
 * Reads an interface; `undefined` for what is none: bridges tell of their ports by messages of the same type, and "deleted"
 * then means from the bridge.
 *
 * @throws EdgemuxError `ERR_OUT_OF_BOUNDS` when the message breaks off
 */
export function readLink({ body }: Message): InterfaceState | undefined {
  const attributes = readAttributes(body, RECORD_BYTES);
  const reader = new ByteReader(body);
  const family = reader.u8();
  reader.u8();
  const hardwareType = reader.u16le();
  const index = reader.u32le();
  const flags = reader.u32le();
  const name = textOf(attributes.get(IFLA_IFNAME));
  if (family !== AF_UNSPEC || name === undefined) return undefined;
  const mac = attributes.get(IFLA_ADDRESS);
  const info = attributes.get(IFLA_LINKINFO);
  return {
    name,
    index,
    macAddress: hardwareType === ARPHRD_ETHER && mac?.length === MAC_BYTES ? formatMac(mac) : undefined,
    mtuBytes: u32Of(attributes.get(IFLA_MTU)) ?? 0,
    isUp: (flags & IFF_UP) !== 0,
    hasCarrier: (flags & IFF_LOWER_UP) !== 0,
    kind: info && textOf(readAttributes(info, 0).get(IFLA_INFO_KIND)),
    masterIndex: u32Of(attributes.get(IFLA_MASTER)),
  };
}

/** What asks for all interfaces, without their counters. */
export function writeLinkDump(): Uint8Array {
  const mask = new ByteWriter(4).u32le(RTEXT_FILTER_SKIP_STATS).toBytes();
  return writeBody(new Uint8Array(RECORD_BYTES), [[IFLA_EXT_MASK, mask]]);
}

/** What changes an interface: its attributes, and with `isUp` whether it is up. */
export function writeLinkChange(
  index: number,
  isUp: boolean | undefined,
  attributes: readonly Attribute[],
): Uint8Array {
  const record = new ByteWriter(RECORD_BYTES).u8(AF_UNSPEC).u8(0).u16le(0).u32le(index);
  record.u32le(isUp ? IFF_UP : 0).u32le(isUp === undefined ? 0 : IFF_UP);
  return writeBody(record.toBytes(), attributes);
}

/** Whether two states of an interface say the same. */
export function isSameInterface(a: InterfaceState | undefined, b: InterfaceState | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (Object.keys(a) as (keyof InterfaceState)[]).every((key) => a[key] === b[key]);
}
