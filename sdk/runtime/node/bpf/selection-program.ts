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
import { Assembler } from './assembler.js';
import { CONTEXT, COPY_BYTES, type Frame, FrameByCopy, FrameInPlace } from './frame-access.js';
import {
  DESTINATION_KEY,
  HEADERS_STACK_END,
  IS_GROUP,
  net16,
  PROTOCOL,
  readEthernet,
  readIpv4,
  readIpv6,
  SOURCE_KEY,
  walkExtensions,
} from './frame-headers.js';
import { ROLE, SELECTION_KEY_ADDRESS } from './selection-key.js';

/** Where the program is to run, and which maps it reads, by their descriptors. */
export type SelectionFlavour =
  | { readonly kind: 'xdp'; readonly addresses: number; readonly sockets: number }
  | { readonly kind: 'tcx' | 'socketFilter'; readonly addresses: number };

/** The program as the kernel takes it. */
export function selectionProgram(flavour: SelectionFlavour): Uint8Array {
  const program = new Assembler();
  const frame = flavour.kind === 'xdp' ? new FrameInPlace(program, 'leave') : new FrameByCopy(program, COPY, 'leave');
  program.move(CONTEXT, 'r1');
  frame.begin();
  readEthernet(program, frame);
  readIpv4(program, frame, 'select');
  readIpv6(program, frame);
  select(program, frame, flavour.addresses);
  verdicts(program, flavour);
  return program.bytes();
}

// Functions of the kernel.
const MAP_LOOKUP = 1;
const REDIRECT_MAP = 51;

/** 8 bytes of the stack: roles of the destination. */
const ROLES = HEADERS_STACK_END - 8;
/** The header that is being read, in the flavours that copy it. */
const COPY = ROLES - COPY_BYTES;

const PROTOCOL_UDP = 17;
const PROTOCOL_GRE = 47;
const PROTOCOL_ICMPV6 = 58;

const UDP_DESTINATION_PORT = 2;
const PORT_VXLAN = 4789;
const PORT_REDIRECT = 8571;

/** ICMPv6 types from router solicitation to redirect, RFC 4861. */
const ND_FIRST = 133;
const ND_LAST = 137;

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
