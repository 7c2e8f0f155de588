/**
 * The program that says which frames of an interface are ours (FrameSelection of packet-port.ts), for each place a frame can be
 * taken at. One source, three flavours:
 *
 * | flavour | reads the frame | ours | not ours |
 * |---|---|---|---|
 * | `xdp` | in place | to the AF_XDP socket of its queue; without one, to the kernel | to the kernel |
 * | `tcx` | by a copy | dropped: a packet socket has had it | to the kernel |
 * | `socketFilter` | by a copy | kept whole | not for this socket |
 *
 * `tcx` and `socketFilter` could not read in place: of a frame in several pieces, only the first is in sight, and a driver
 * may leave no more than the Ethernet header in it.
 *
 *   Ethernet ─► VLAN tags, up to 2 ─► IPv4 ───────────────────────► ┌─ destination is ours? ─► take
 *                                  └► IPv6 ─► extensions, up to 4 ► └─ tunnel to us? ─► take
 *                                                                      source is ours, to one other machine? ─► take
 *
 * Whatever is cut short, or is something else, stays with the kernel.
 */
import { Assembler, type Register } from './assembler.js';
import { ROLE, SELECTION_KEY_ADDRESS, SELECTION_KEY_BYTES } from './selection-key.js';

/** Where the program is to run, and which maps it reads, by their descriptors. */
export type SelectionFlavour =
  | { readonly kind: 'xdp'; readonly addresses: number; readonly sockets: number }
  | { readonly kind: 'tcx' | 'socketFilter'; readonly addresses: number };

/** The program as the kernel takes it. */
export function selectionProgram(flavour: SelectionFlavour): Uint8Array {
  const program = new Assembler();
  const frame = flavour.kind === 'xdp' ? new FrameInPlace(program) : new FrameByCopy(program);
  program.move(CONTEXT, 'r1');
  frame.begin();
  ethernet(program, frame);
  ipv4(program, frame);
  ipv6(program, frame);
  select(program, frame, flavour.addresses);
  verdicts(program, flavour);
  return program.bytes();
}

// Functions of the kernel.
const MAP_LOOKUP = 1;
const SKB_LOAD_BYTES = 26;
const REDIRECT_MAP = 51;

// What registers hold from one header to the next.
const CONTEXT: Register = 'r6';
const CURSOR: Register = 'r7';
const FRAME_END: Register = 'r8';
/** The protocol behind the IP header and its extensions; FRAGMENT for every fragment. */
const PROTOCOL: Register = 'r9';

// The stack, from its end at r10.
/** 8 bytes: not 0 when the frame is for a group of machines. */
const IS_GROUP = -8;
/** 8 bytes: roles of the destination. */
const ROLES = -16;
const DESTINATION_KEY = -16 - SELECTION_KEY_BYTES - 4;
const SOURCE_KEY = DESTINATION_KEY - SELECTION_KEY_BYTES - 4;
/** 40 bytes: the header that is being read, in the flavours that copy it. */
const COPY = SOURCE_KEY - 40;

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
const PROTOCOL_UDP = 17;
const PROTOCOL_ROUTING = 43;
const PROTOCOL_FRAGMENT = 44;
const PROTOCOL_GRE = 47;
const PROTOCOL_ICMPV6 = 58;
const PROTOCOL_DESTINATION_OPTIONS = 60;

const UDP_DESTINATION_PORT = 2;
const PORT_VXLAN = 4789;
const PORT_REDIRECT = 8571;

/** ICMPv6 types from router solicitation to redirect, RFC 4861. */
const ND_FIRST = 133;
const ND_LAST = 137;

/** A number of 16 bits as a load finds it in a frame. */
function net16(value: number): number {
  return ((value & 0xff) << 8) | (value >> 8);
}

/** How a flavour reads the frame from the cursor on. Both lose r0 to r5 in `need`. */
interface Frame {
  begin(): void;
  /** Makes the next bytes readable; where the frame has fewer, it stays with the kernel. */
  need(byteCount: number): void;
  /** Reads 1, 2 or 4 of them. */
  load(byteCount: 1 | 2 | 4, destination: Register, offset: number): void;
}

class FrameInPlace implements Frame {
  constructor(readonly program: Assembler) {}

  begin(): void {
    // struct xdp_md: | data 4 | data_end 4 | …
    this.program.load(4, CURSOR, CONTEXT, 0);
    this.program.load(4, FRAME_END, CONTEXT, 4);
  }

  need(byteCount: number): void {
    this.program.move('r2', CURSOR);
    this.program.add('r2', byteCount);
    this.program.jumpIf('r2', '>', FRAME_END, 'leave');
  }

  load(byteCount: 1 | 2 | 4, destination: Register, offset: number): void {
    this.program.load(byteCount, destination, CURSOR, offset);
  }
}

class FrameByCopy implements Frame {
  constructor(readonly program: Assembler) {}

  begin(): void {
    this.program.move(CURSOR, 0);
  }

  need(byteCount: number): void {
    this.program.move('r1', CONTEXT);
    this.program.move('r2', CURSOR);
    this.program.move('r3', 'r10');
    this.program.add('r3', COPY);
    this.program.move('r4', byteCount);
    this.program.call(SKB_LOAD_BYTES);
    this.program.jumpIf('r0', '!=', 0, 'leave');
  }

  load(byteCount: 1 | 2 | 4, destination: Register, offset: number): void {
    this.program.load(byteCount, destination, 'r10', COPY + offset);
  }
}

/** From the first byte to the IP header. */
function ethernet(program: Assembler, frame: Frame): void {
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

function ipv4(program: Assembler, frame: Frame): void {
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
  program.jump('select');
}

function ipv6(program: Assembler, frame: Frame): void {
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

/** Decides by addresses and protocol. */
function select(program: Assembler, frame: Frame, addresses: number): void {
  program.label('select');
  lookUp(program, addresses, DESTINATION_KEY);
  program.move('r1', 0);
  program.jumpIf('r0', '==', 0, 'destination unknown');
  program.load(4, 'r1', 'r0', 0);
  program.label('destination unknown');
  program.jumpIf('r1', '&', ROLE.destination, 'take');
  program.store(8, 'r10', ROLES, 'r1');
  walkExtensions(program, frame);
  takeTunnel(program, frame);
  takeSource(program, frame, addresses);
}

/** From the IPv6 header to the protocol behind its extensions. */
function walkExtensions(program: Assembler, frame: Frame): void {
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

/** GRE, VXLAN or a redirect to one of our ends. */
function takeTunnel(program: Assembler, frame: Frame): void {
  program.load(8, 'r1', 'r10', ROLES);
  program.and('r1', ROLE.tunnelEnd);
  program.jumpIf('r1', '==', 0, 'no tunnel');
  program.jumpIf(PROTOCOL, '==', PROTOCOL_GRE, 'take');
  program.jumpIf(PROTOCOL, '!=', PROTOCOL_UDP, 'no tunnel');
  frame.need(UDP_DESTINATION_PORT + 2);
  frame.load(2, 'r1', UDP_DESTINATION_PORT);
  program.jumpIf('r1', '==', net16(PORT_VXLAN), 'take');
  program.jumpIf('r1', '==', net16(PORT_REDIRECT), 'take');
  program.label('no tunnel');
}

/** From one of our sources to one other machine, neither of it this one; neighbour discovery stays. */
function takeSource(program: Assembler, frame: Frame, addresses: number): void {
  program.load(8, 'r1', 'r10', ROLES);
  program.jumpIf('r1', '&', ROLE.local, 'leave');
  program.load(8, 'r1', 'r10', IS_GROUP);
  program.jumpIf('r1', '!=', 0, 'leave');
  leaveUnlessOneMachine(program);
  lookUp(program, addresses, SOURCE_KEY);
  program.jumpIf('r0', '==', 0, 'leave');
  program.load(4, 'r1', 'r0', 0);
  program.and('r1', ROLE.source);
  program.jumpIf('r1', '==', 0, 'leave');
  program.jumpIf(PROTOCOL, '!=', PROTOCOL_ICMPV6, 'take');
  program.load(4, 'r1', 'r10', SOURCE_KEY);
  program.jumpIf('r1', '!=', 6, 'take');
  frame.need(1);
  frame.load(1, 'r1', 0);
  program.jumpIf('r1', '<', ND_FIRST, 'take');
  program.jumpIf('r1', '>', ND_LAST, 'take');
  program.jump('leave');
}

/** Destinations that are many machines, none, this one, or on this link only (RFC 6890). */
function leaveUnlessOneMachine(program: Assembler): void {
  const address = DESTINATION_KEY + SELECTION_KEY_ADDRESS;
  program.load(1, 'r1', 'r10', address);
  program.load(1, 'r2', 'r10', address + 1);
  program.load(4, 'r3', 'r10', DESTINATION_KEY);
  program.jumpIf('r3', '==', 6, 'to IPv6');
  program.jumpIf('r1', '>=', 224, 'leave');
  program.jumpIf('r1', '==', 127, 'leave');
  program.jumpIf('r1', '==', 0, 'leave');
  program.jumpIf('r1', '!=', 169, 'to one machine');
  program.jumpIf('r2', '==', 254, 'leave');
  program.jump('to one machine');
  program.label('to IPv6');
  program.jumpIf('r1', '==', 0xff, 'leave');
  // ::/64: unspecified, loopback, and IPv4 addresses written as IPv6.
  for (const [word, register] of [
    [0, 'r3'],
    [4, 'r4'],
  ] as const)
    program.load(4, register, 'r10', address + word);
  program.jumpIf('r3', '!=', 0, 'to somebody');
  program.jumpIf('r4', '==', 0, 'leave');
  program.label('to somebody');
  program.jumpIf('r1', '!=', 0xfe, 'to one machine');
  program.and('r2', 0xc0);
  program.jumpIf('r2', '==', 0x80, 'leave');
  program.label('to one machine');
}

/** r0 = where the roles of an address are, or 0 */
function lookUp(program: Assembler, addresses: number, key: number): void {
  program.loadMap('r1', addresses);
  program.move('r2', 'r10');
  program.add('r2', key);
  program.call(MAP_LOOKUP);
}

function verdicts(program: Assembler, flavour: SelectionFlavour): void {
  program.label('take');
  if (flavour.kind === 'xdp') {
    // struct xdp_md: … | rx_queue_index 4 at 16 |
    program.load(4, 'r2', CONTEXT, 16);
    program.loadMap('r1', flavour.sockets);
    program.move('r3', XDP_PASS);
    program.call(REDIRECT_MAP);
  } else {
    program.move('r0', flavour.kind === 'tcx' ? TC_ACT_SHOT : WHOLE_FRAME);
  }
  program.exit();
  program.label('leave');
  program.move('r0', { xdp: XDP_PASS, tcx: TCX_NEXT, socketFilter: NOTHING }[flavour.kind]);
  program.exit();
}

const XDP_PASS = 2;
const TC_ACT_SHOT = 2;
const TCX_NEXT = -1;
const WHOLE_FRAME = -1;
const NOTHING = 0;
