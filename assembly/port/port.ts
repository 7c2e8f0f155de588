/** Packet ports: the records of the interfaces of this machine. What they mean is in abi.ts. */
import {
  CONFIG_CHUNK_SHARE,
  CONFIG_NATIVE_ADDRESS,
  FIXED_CONFIG,
  FIXED_REGIONS,
  LINK_ETHERNET,
  PACKET_PORT_BYTES,
  PACKET_PORT_FLAGS,
  PACKET_PORT_FREE,
  PACKET_PORT_IN_FLIGHT_MAX,
  PACKET_PORT_KIND,
  PACKET_PORT_LENT_MAX,
  PACKET_PORT_LINK,
  PACKET_PORT_NATIVE_ADDRESS,
  PACKET_PORT_PENDING_COUNT,
  PACKET_PORT_ROOM,
  PACKET_PORT_SIDE,
  REGION_PACKET_PORTS,
  REGION_PAIR_BYTES,
  REGION_PORT_ROOMS,
  ROOM_BYTES,
} from '../abi';
import { regionBase } from './pool';

let portsBase: u32 = 0;
let portCount: u32 = 0;
/** Ports that are open. */
export let openCount: u32 = 0;

export function initPorts(): void {
  portsBase = regionBase(REGION_PACKET_PORTS);
  portCount = load<u32>(FIXED_REGIONS + REGION_PACKET_PORTS * REGION_PAIR_BYTES, 4);
  openCount = 0;
  memory.fill(portsBase, 0, portCount * PACKET_PORT_BYTES);
}

/** Ports there is room for. */
export function portCountMax(): u32 {
  return portCount;
}

/** The record of a port by its number. @inline */
export function portAt(number: u32): usize {
  return portsBase + number * PACKET_PORT_BYTES;
}

/** The number of a port. */
export function portNumber(port: usize): u32 {
  return (<u32>port - portsBase) / PACKET_PORT_BYTES;
}

/** The record of an open port; 0 for NO_PACKET_PORT and for one that is closed. */
export function openPortAt(number: u32): usize {
  if (number >= portCount) return 0;
  const port = portAt(number);
  return isOpen(port) ? port : 0;
}

/** The record of an open port of a kind; 0 for any other number. */
export function portOfKind(number: u32, kind: u32): usize {
  const port = openPortAt(number);
  return port != 0 && load<u8>(port, PACKET_PORT_KIND) == <u8>kind ? port : 0;
}

export function isOpen(port: usize): bool {
  return load<u8>(port, PACKET_PORT_KIND) != PACKET_PORT_FREE;
}

/** Writes the record of a port: open, with nothing in it. */
export function openRecord(number: u32, kind: u32, link: u32, side: u32, flags: u32): usize {
  const port = portAt(number);
  memory.fill(port, 0, PACKET_PORT_BYTES);
  store<u8>(port, <u8>kind, PACKET_PORT_KIND);
  store<u8>(port, <u8>link, PACKET_PORT_LINK);
  store<u8>(port, <u8>side, PACKET_PORT_SIDE);
  store<u8>(port, <u8>flags, PACKET_PORT_FLAGS);
  store<u32>(port, regionBase(REGION_PORT_ROOMS) + number * ROOM_BYTES, PACKET_PORT_ROOM);
  store<u64>(port, load<u64>(FIXED_CONFIG + CONFIG_NATIVE_ADDRESS), PACKET_PORT_NATIVE_ADDRESS);
  const share = load<u32>(FIXED_CONFIG + CONFIG_CHUNK_SHARE);
  store<u32>(port, share, PACKET_PORT_LENT_MAX);
  store<u32>(port, share, PACKET_PORT_IN_FLIGHT_MAX);
  openCount++;
  return port;
}

export function closeRecord(port: usize): void {
  store<u8>(port, PACKET_PORT_FREE, PACKET_PORT_KIND);
  store<u32>(port, 0, PACKET_PORT_PENDING_COUNT);
  openCount--;
}

export function portHas(port: usize, flag: u32): bool {
  return (load<u8>(port, PACKET_PORT_FLAGS) & flag) != 0;
}

export function portRoom(port: usize): usize {
  return load<u32>(port, PACKET_PORT_ROOM);
}

export function isEthernet(port: usize): bool {
  return load<u8>(port, PACKET_PORT_LINK) == LINK_ETHERNET;
}

/** What the descriptors of its frames say, link and side in one word: no verdict, no reason. */
export function descriptorWord(port: usize): u32 {
  return load<u8>(port, PACKET_PORT_LINK) | ((<u32>load<u8>(port, PACKET_PORT_SIDE)) << 8);
}

/** Adds to one of its counters, PACKET_PORT_RECEIVED, …. */
export function addToCounter(port: usize, counter: usize, count: u32): void {
  store<u64>(port + counter, load<u64>(port + counter) + count);
}
