/**
 * The socket filter that drops packets which came from too far away, before anyone reads them (RFC 5082).
 *
 * A filter is a program of classic BPF, each instruction a `struct sock_filter` in the byte order of the machine:
 *
 *   | code 2 | jump if true 1 | jump if false 1 | operand 4 |
 *
 * It reads the IP header at SKF_NET_OFF, and returns how many bytes of the packet to keep: all of them, or none.
 * Jumps count the instructions they pass over. Source: Linux, Documentation/networking/filter.rst.
 *
 * TCP has IP_MINTTL for this, with two gaps on a socket that listens: it knows one limit and not one per peer, and it
 * is not asked about the segment that completes a handshake. A filter is asked about every packet, and what a
 * listener accepts inherits it.
 */
import { parseIp } from '../../net/address.js';

/** Packets from `address`, or from anywhere, need a TTL or hop limit of `hopLimitMin`. */
export interface HopLimitRule {
  readonly address?: string;
  readonly hopLimitMin: number;
}

const INSTRUCTION_BYTES = 8;
const LOAD_WORD = 0x20;
const LOAD_BYTE = 0x30;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_AT_LEAST = 0x35;
const RETURN = 0x06;

const SKF_NET_OFF = 0xfff00000;
const IPV4 = { hopLimitOffset: 8, sourceOffset: 12 };
const IPV6 = { hopLimitOffset: 7, sourceOffset: 8 };

const KEEP = 0xffffffff;
const DROP = 0;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, operand: number];

/** The filter of a socket of one family. Packets that no rule is about are kept. */
export function hopLimitFilter(family: 4 | 6, rules: readonly HopLimitRule[]): Uint8Array {
  const header = family === 4 ? IPV4 : IPV6;
  const instructions = rules.flatMap(({ address, hopLimitMin }): Instruction[] => {
    const check: Instruction[] = [
      [LOAD_BYTE, 0, 0, SKF_NET_OFF + header.hopLimitOffset],
      [JUMP_IF_AT_LEAST, 0, 1, hopLimitMin],
      [RETURN, 0, 0, KEEP],
      [RETURN, 0, 0, DROP],
    ];
    return address === undefined ? check : [...unlessFrom(address, header.sourceOffset, check.length), ...check];
  });
  return assemble([...instructions, [RETURN, 0, 0, KEEP]]);
}

/** Compares the source word by word, and passes over the next `length` instructions where it is another. */
function unlessFrom(address: string, sourceOffset: number, length: number): Instruction[] {
  const { bytes } = parseIp(address);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const wordCount = bytes.length / 4;
  return Array.from({ length: wordCount }, (_, i): Instruction[] => [
    [LOAD_WORD, 0, 0, SKF_NET_OFF + sourceOffset + 4 * i],
    [JUMP_IF_EQUAL, 0, 2 * (wordCount - 1 - i) + length, view.getUint32(4 * i)],
  ]).flat();
}

function assemble(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * INSTRUCTION_BYTES);
  instructions.forEach(([code, ifTrue, ifFalse, operand], i) => {
    const at = i * INSTRUCTION_BYTES;
    new Uint16Array(bytes.buffer, at, 1)[0] = code;
    bytes[at + 2] = ifTrue;
    bytes[at + 3] = ifFalse;
    new Uint32Array(bytes.buffer, at + 4, 1)[0] = operand;
  });
  return bytes;
}
