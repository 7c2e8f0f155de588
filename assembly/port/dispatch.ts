/**
 * What becomes of the frames of a batch: each goes to the port its verdict says, or its chunk back to the pool.
 *
 *   forward, reply   the port of that route, or the one the frame came in by
 *   deliver          the port of the VM: by the NIC that has the destination MAC address, or the only one there is
 *   pass             the port of that route, as a bare IP packet; none: given up
 *   all others       nowhere
 *
 * Most frames of most batches go onto the transmit ring of one port; that much is one piece of code.
 */
import {
  CHUNK_HEADROOM_BYTES,
  CHUNK_IS_WHOLE,
  CONFIG_ROUTE_UNDERLAY,
  COUNTER_UNROUTED,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_CHUNK,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  LINK_ETHERNET,
  PACKET_PORT_KIND,
  PACKET_PORT_LINK,
  PACKET_PORT_RINGS,
  PACKET_PORT_TRANSMIT_RING,
  PACKET_PORT_TRANSMIT_ROOM,
  ROUTE_BACK,
  ROUTE_NIC,
  VERDICT_DELIVER,
  VERDICT_DROP,
  VERDICT_REPLY,
  XSK_ENTRY_LENGTH,
  XSK_ENTRY_SHIFT,
  XSK_RING_ENTRIES,
  XSK_RING_INDEX,
  XSK_RING_MASK,
} from '../abi';
import { count } from '../counters';
import { descriptorsBase } from '../layout';
import { localMac } from '../rewrite/frame';
import {
  destinationMac,
  ETHERNET_BYTES,
  ETHERTYPE_IPV4_NET,
  ETHERTYPE_IPV6_NET,
  etherType,
  isVlanType,
  VLAN_TAG_BYTES,
  writeMacs,
} from '../wire/ethernet';
import { depart, departWhole, giveUp } from './departure';
import { chunksBase, frameRoomBytes, freeChunkCount, lendChunk, popChunk, pushChunk } from './pool';
import { isOpen, portAt, portCountMax, portNumber } from './port';
import { beginTransmit, endTransmit } from './ring';
import { portOfNic, readRoutes, routeAt, routeOf } from './routes';

const NO_PORT: usize = 0;
/** Where the verdict lies in the word that begins with the link. */
const VERDICT_SHIFT: u32 = 16;
const BYTE_MASK: u32 = 0xff;
const VLAN_TAG_COUNT_MAX: u32 = 2;

/**
 * Sends the first `arrived` frames of a batch on their way, which lie in chunks, and those behind them, which lie in slots.
 *
 * @param goesBack whether a frame without a route goes back to where it came from: at a MUX, and not at a host agent
 */
export function dispatch(arrived: u32, frameCount: u32, goesBack: bool): void {
  if (frameCount == 0) return;
  readRoutes(goesBack);
  for (let number: u32 = 0; number < portCountMax(); number++)
    if (isRings(portAt(number))) beginTransmit(portAt(number));
  dispatchArrived(arrived);
  for (let index = arrived; index < frameCount; index++) dispatchProduced(descriptorsBase + index * DESCRIPTOR_BYTES);
  for (let number: u32 = 0; number < portCountMax(); number++) if (isRings(portAt(number))) endTransmit(portAt(number));
}

function isRings(port: usize): bool {
  return load<u8>(port, PACKET_PORT_KIND) == PACKET_PORT_RINGS;
}

/** The ring that most frames leave by stays in registers until a frame leaves by another port. */
function dispatchArrived(arrived: u32): void {
  const base = chunksBase;
  let ring: usize = NO_PORT;
  let ringLink: u32 = 0;
  let entries: usize = 0;
  let mask: u32 = 0;
  let index: u32 = 0;
  let room: u32 = 0;
  let owner: u32 = 0;
  const end: usize = descriptorsBase + arrived * DESCRIPTOR_BYTES;
  for (let descriptor: usize = descriptorsBase; descriptor < end; descriptor += DESCRIPTOR_BYTES) {
    const word = load<u32>(descriptor, DESCRIPTOR_LINK);
    const chunkAndOrigin = load<u64>(descriptor, DESCRIPTOR_CHUNK);
    const origin = <usize>(chunkAndOrigin >> 32);
    const verdict = (word >>> VERDICT_SHIFT) & BYTE_MASK;
    let port: usize = routeAt(verdict);
    if (port == ROUTE_BACK) port = origin;
    else if (port == ROUTE_NIC) port = portOfNic(descriptor);
    const isOther = ((word ^ ringLink) & BYTE_MASK) | (<u32>chunkAndOrigin & CHUNK_IS_WHOLE);
    if (port != ring || isOther != 0 || room == 0) {
      if (ring != NO_PORT) leaveRing(ring, index, room);
      ring = NO_PORT;
      room = 0;
      const chunk = <usize>(<u32>chunkAndOrigin);
      if (!mayEnterRing(port, word & BYTE_MASK, chunk)) {
        if (port == NO_PORT) free(verdict, chunk);
        else send(port, descriptor, chunk, verdict);
        continue;
      }
      ring = port;
      ringLink = word & BYTE_MASK;
      entries = load<u32>(port, PACKET_PORT_TRANSMIT_RING + XSK_RING_ENTRIES);
      mask = load<u32>(port, PACKET_PORT_TRANSMIT_RING + XSK_RING_MASK);
      index = load<u32>(port, PACKET_PORT_TRANSMIT_RING + XSK_RING_INDEX);
      room = load<u32>(port, PACKET_PORT_TRANSMIT_ROOM);
      owner = portNumber(port) + 1;
    }
    const frame = load<u64>(descriptor);
    const address = <u32>frame - base;
    const entry = entries + ((index & mask) << XSK_ENTRY_SHIFT);
    store<u64>(entry, address);
    store<u64>(entry, frame >> 32, XSK_ENTRY_LENGTH);
    // What the port has received it has lent before.
    if (origin != ring) lendChunk(address, owner);
    index++;
    room--;
  }
  if (ring != NO_PORT) leaveRing(ring, index, room);
}

/** Whether a frame goes onto a ring as it is. */
function mayEnterRing(port: usize, link: u32, chunk: usize): bool {
  if (port == NO_PORT || (<u32>chunk & CHUNK_IS_WHOLE) != 0) return false;
  return load<u16>(port) == (PACKET_PORT_RINGS | (link << 8)) && load<u32>(port, PACKET_PORT_TRANSMIT_ROOM) != 0;
}

function leaveRing(port: usize, index: u32, room: u32): void {
  store<u32>(port, index, PACKET_PORT_TRANSMIT_RING + XSK_RING_INDEX);
  store<u32>(port, room, PACKET_PORT_TRANSMIT_ROOM);
}

/** A frame of our own: it gets a chunk first. It came from nowhere, and goes back to the underlay. */
function dispatchProduced(descriptor: usize): void {
  const verdict: u32 = (load<u32>(descriptor, DESCRIPTOR_LINK) >>> VERDICT_SHIFT) & BYTE_MASK;
  let port: usize = routeAt(verdict);
  if (port == ROUTE_BACK) port = routeOf(CONFIG_ROUTE_UNDERLAY);
  else if (port == ROUTE_NIC) port = portOfNic(descriptor);
  const length = load<u32>(descriptor, DESCRIPTOR_LENGTH);
  if (port == NO_PORT || freeChunkCount() == 0 || length > frameRoomBytes()) {
    if (goesSomewhere(verdict)) count(COUNTER_UNROUTED);
    return;
  }
  const chunk = popChunk();
  const frame = chunk + CHUNK_HEADROOM_BYTES;
  memory.copy(frame, load<u32>(descriptor, DESCRIPTOR_OFFSET), length);
  store<u32>(descriptor, <u32>frame, DESCRIPTOR_OFFSET);
  send(port, descriptor, chunk, verdict);
}

function goesSomewhere(verdict: u32): bool {
  return verdict <= <u32>VERDICT_REPLY && verdict != VERDICT_DROP;
}

function free(verdict: u32, chunk: usize): void {
  if (goesSomewhere(verdict)) count(COUNTER_UNROUTED);
  pushChunk(chunk & ~CHUNK_IS_WHOLE);
}

/** Sends a frame by a port of any kind; it loses or gets an Ethernet header where the port is of the other link. */
function send(port: usize, descriptor: usize, marked: usize, verdict: u32): void {
  const chunk = marked & ~CHUNK_IS_WHOLE;
  if (!isOpen(port)) {
    free(verdict, chunk);
    return;
  }
  const link: u32 = load<u8>(port, PACKET_PORT_LINK);
  let frame: usize = load<u32>(descriptor, DESCRIPTOR_OFFSET);
  let length = load<u32>(descriptor, DESCRIPTOR_LENGTH);
  if (load<u8>(descriptor, DESCRIPTOR_LINK) != link) {
    if (link == LINK_ETHERNET) {
      if (verdict != VERDICT_DELIVER) {
        giveUp(port, chunk);
        return;
      }
      frame -= ETHERNET_BYTES;
      length += ETHERNET_BYTES;
      writeMacs(frame, destinationMac(frame), localMac());
    } else {
      const headerBytes = linkHeaderBytes(frame, length);
      if (headerBytes == 0) {
        giveUp(port, chunk);
        return;
      }
      frame += headerBytes;
      length -= headerBytes;
    }
  }
  if (chunk == marked) depart(port, chunk, frame, length);
  else departWhole(port, chunk, frame, length, link);
}

/** Bytes in front of the IP packet of an Ethernet frame; 0 when there is none. */
function linkHeaderBytes(frame: usize, length: u32): u32 {
  let bytes: u32 = ETHERNET_BYTES;
  for (let tags: u32 = 0; bytes < length; tags++) {
    const type = etherType(frame + bytes - ETHERNET_BYTES);
    if (type == ETHERTYPE_IPV4_NET || type == ETHERTYPE_IPV6_NET) return bytes;
    if (!isVlanType(type) || tags == VLAN_TAG_COUNT_MAX) return 0;
    bytes += VLAN_TAG_BYTES;
  }
  return 0;
}
