/**
 * From the first byte of a frame to what is behind its IP header, as a part of a program: reads addresses and protocol, and
 * leaves the cursor at the L4 header. What is cut short, or no IP packet, goes to the label `leave`.
 */
import type { Assembler, Register } from './assembler.js';
import { CURSOR, type Frame } from './frame-access.js';
import { SELECTION_KEY_ADDRESS, SELECTION_KEY_BYTES } from './selection-key.js';

// What registers hold from one header to the next, beside CONTEXT, CURSOR and FRAME_END.
/** The protocol behind the IP header and its extensions; 44 for every fragment, of IPv4 too. */
export const PROTOCOL: Register = 'r9';

// The stack, from its end at r10.
const KEY_ROOM_BYTES = SELECTION_KEY_BYTES + 4;
/** 8 bytes: not 0 when the frame is for a group of machines. */
export const IS_GROUP = -8;
/** Keys of the addresses, as they lie in the map. */
export const DESTINATION_KEY = IS_GROUP - KEY_ROOM_BYTES;
export const SOURCE_KEY = DESTINATION_KEY - KEY_ROOM_BYTES;
/** The stack goes on below this. */
export const HEADERS_STACK_END = SOURCE_KEY;

const ETHERNET_BYTES = 14;
const ETHERTYPE = 12;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_VLAN = 0x8100;
const ETHERTYPE_SERVICE_VLAN = 0x88a8;
const VLAN_TAG_BYTES = 4;
const VLAN_TAGS_MAX = 2;

const IPV4_BYTES = 20;
const IPV4_FRAGMENT = 6;
/** Of flags and offset: more fragments, and any offset. */
const IPV4_FRAGMENT_MASK = 0x3fff;
const IPV4_PROTOCOL = 9;
const IPV4_SOURCE = 12;
const IPV4_DESTINATION = 16;

const IPV6_BYTES = 40;
const IPV6_NEXT_HEADER = 6;
const IPV6_SOURCE = 8;
const IPV6_DESTINATION = 24;
const EXTENSION_BYTES = 8;
const EXTENSIONS_MAX = 4;

const PROTOCOL_HOP_BY_HOP = 0;
const PROTOCOL_ROUTING = 43;
const PROTOCOL_FRAGMENT = 44;
const PROTOCOL_DESTINATION_OPTIONS = 60;

/** From the first byte to the IP header. */
export function readEthernet(program: Assembler, frame: Frame): void {
  frame.need(ETHERNET_BYTES);
  frame.load(1, 'r1', 0);
  program.and('r1', 1);
  program.store(8, 'r10', IS_GROUP, 'r1');
  frame.load(2, 'r1', ETHERTYPE);
  program.add(CURSOR, ETHERNET_BYTES);
  for (let tag = 0; tag < VLAN_TAGS_MAX; tag++) {
    program.jumpIf('r1', '==', net16(ETHERTYPE_VLAN), `tag ${tag}`);
    program.jumpIf('r1', '!=', net16(ETHERTYPE_SERVICE_VLAN), 'tagged');
    program.label(`tag ${tag}`);
    frame.need(VLAN_TAG_BYTES);
    frame.load(2, 'r1', 2);
    program.add(CURSOR, VLAN_TAG_BYTES);
  }
  program.label('tagged');
  program.jumpIf('r1', '==', net16(ETHERTYPE_IPV4), 'IPv4');
  program.jumpIf('r1', '==', net16(ETHERTYPE_IPV6), 'IPv6');
  program.jump('leave');
}

/** An IPv4 header with its options; goes on at `after`. */
export function readIpv4(program: Assembler, frame: Frame, after: string): void {
  program.label('IPv4');
  frame.need(IPV4_BYTES);
  copyAddress(program, frame, { family: 4, from: IPV4_DESTINATION, to: DESTINATION_KEY });
  copyAddress(program, frame, { family: 4, from: IPV4_SOURCE, to: SOURCE_KEY });
  frame.load(1, PROTOCOL, IPV4_PROTOCOL);
  frame.load(2, 'r1', IPV4_FRAGMENT);
  program.jumpIf('r1', '&', net16(IPV4_FRAGMENT_MASK), 'IPv4 fragment');
  program.jump('IPv4 whole');
  program.label('IPv4 fragment');
  program.move(PROTOCOL, PROTOCOL_FRAGMENT);
  program.label('IPv4 whole');
  frame.load(1, 'r1', 0);
  program.move('r2', 'r1');
  program.shiftRight('r2', 4);
  program.jumpIf('r2', '!=', 4, 'leave');
  program.and('r1', 15);
  program.jumpIf('r1', '<', IPV4_BYTES / 4, 'leave');
  program.shiftLeft('r1', 2);
  program.add(CURSOR, 'r1');
  program.jump(after);
}

/** An IPv6 header without extensions; goes on behind it. */
export function readIpv6(program: Assembler, frame: Frame): void {
  program.label('IPv6');
  frame.need(IPV6_BYTES);
  copyAddress(program, frame, { family: 6, from: IPV6_DESTINATION, to: DESTINATION_KEY });
  copyAddress(program, frame, { family: 6, from: IPV6_SOURCE, to: SOURCE_KEY });
  frame.load(1, PROTOCOL, IPV6_NEXT_HEADER);
  frame.load(1, 'r1', 0);
  program.shiftRight('r1', 4);
  program.jumpIf('r1', '!=', 6, 'leave');
  program.add(CURSOR, IPV6_BYTES);
}

/** Writes the key of an address. */
function copyAddress(
  program: Assembler,
  frame: Frame,
  { family, from, to }: { readonly family: 4 | 6; readonly from: number; readonly to: number },
): void {
  program.store(4, 'r10', to, family);
  for (let word = 0; word < 16; word += 4) {
    const at = to + SELECTION_KEY_ADDRESS + word;
    if (family === 4 && word > 0) {
      program.store(4, 'r10', at, 0);
    } else {
      frame.load(4, 'r1', from + word);
      program.store(4, 'r10', at, 'r1');
    }
  }
}

/** From the IPv6 header to the protocol behind its extensions. */
export function walkExtensions(program: Assembler, frame: Frame): void {
  program.load(4, 'r1', 'r10', DESTINATION_KEY);
  program.jumpIf('r1', '!=', 6, 'walked');
  for (let count = 0; count < EXTENSIONS_MAX; count++) {
    jumpUnlessExtension(program, 'walked');
    frame.need(EXTENSION_BYTES);
    frame.load(1, PROTOCOL, 0);
    frame.load(1, 'r1', 1);
    program.add('r1', 1);
    program.shiftLeft('r1', 3);
    program.add(CURSOR, 'r1');
  }
  jumpUnlessExtension(program, 'walked');
  program.jump('leave');
  program.label('walked');
}

function jumpUnlessExtension(program: Assembler, target: string): void {
  const after = `extension ${program.length}`;
  for (const protocol of [PROTOCOL_HOP_BY_HOP, PROTOCOL_ROUTING]) program.jumpIf(PROTOCOL, '==', protocol, after);
  program.jumpIf(PROTOCOL, '!=', PROTOCOL_DESTINATION_OPTIONS, target);
  program.label(after);
}

/** A number of 16 bits as a load finds it in a frame. */
export function net16(value: number): number {
  return ((value & 0xff) << 8) | (value >> 8);
}
