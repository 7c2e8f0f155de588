/**
 * The parts records of a program are made of, each as a pair: what writes it and what reads it.
 *
 *   list | count u32 | item | item | …
 *   text | bytes u16 | UTF-8 |            address | bytes u8: 4 or 16; 0 for none | network order |
 *   ports | first u16 | count u16 |       flag | 0 or 1 |
 */
import { EdgemuxError } from '../errors.js';
import { formatIp, parseIp } from '../net/address.js';
import type { ByteReader, ByteWriter } from '../net/bytes.js';
import { formatMac, MAC_BYTES } from '../net/mac.js';
import type { PortRange } from './snat.js';
import {
  ANY_PROTOCOL,
  type Distribution,
  PROTOCOL_ESP,
  PROTOCOL_GRE,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  type RuleProtocol,
  type SnatRule,
} from './types.js';

/** Distributions by the number they are written as. */
export const DISTRIBUTIONS: readonly Distribution[] = ['Default', 'SourceIP', 'SourceIPProtocol'];

/** A list; `readList` gives it back. */
export function writeList<T>(to: ByteWriter, items: readonly T[], write: (to: ByteWriter, item: T) => void): void {
  to.u32le(items.length);
  for (const item of items) write(to, item);
}

export function readList<T>(from: ByteReader, read: (from: ByteReader) => T): T[] {
  const items: T[] = [];
  // No array of the announced length is made: the bytes have to be there first.
  for (let left = from.u32le(); left > 0; left--) items.push(read(from));
  return items;
}

/** Text, up to 65,535 bytes of UTF-8. */
export function writeText(to: ByteWriter, text: string): void {
  const bytes = new TextEncoder().encode(text);
  to.u16le(bytes.length).bytes(bytes);
}

export function readText(from: ByteReader): string {
  return from.utf8(from.u16le());
}

/** An address, or none. */
export function writeAddress(to: ByteWriter, address: string | undefined): void {
  const bytes = address === undefined ? new Uint8Array(0) : parseIp(address).bytes;
  to.u8(bytes.length).bytes(bytes);
}

export function readAddress(from: ByteReader): string {
  return formatIp(from.bytes(from.u8()));
}

export function readOptionalAddress(from: ByteReader): string | undefined {
  const bytes = from.bytes(from.u8());
  return bytes.length === 0 ? undefined : formatIp(bytes);
}

/** Consecutive ports. */
export function writePortRange(to: ByteWriter, { firstPort, portCount }: PortRange): void {
  to.u16le(firstPort).u16le(portCount);
}

export function readPortRange(from: ByteReader): PortRange {
  return { firstPort: from.u16le(), portCount: from.u16le() };
}

/** A byte that should be 0 or 1: that it is nothing else is checked when the whole is (artifact.ts). */
export function readFlag(from: ByteReader): boolean {
  return from.u8() !== 0;
}

/** Six bytes. */
export function readMac(from: ByteReader): string {
  return formatMac(from.bytes(MAC_BYTES));
}

/** An IP protocol number a rule may name. */
export function readProtocol(from: ByteReader): RuleProtocol {
  return protocolAmong(from.u8(), [ANY_PROTOCOL, PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_GRE, PROTOCOL_ESP]);
}

/** One an outbound rule may name. */
export function readSnatProtocol(from: ByteReader): SnatRule['protocol'] {
  return protocolAmong(from.u8(), [ANY_PROTOCOL, PROTOCOL_TCP, PROTOCOL_UDP]);
}

function protocolAmong<T extends number>(protocol: number, known: readonly T[]): T {
  const found = known.find((one) => one === protocol);
  if (found === undefined) throw invalid(`protocol ${protocol}`);
  return found;
}

/** Written as its place in `DISTRIBUTIONS`. */
export function readDistribution(from: ByteReader): Distribution {
  const distribution = DISTRIBUTIONS[from.u8()];
  if (distribution === undefined) throw invalid('unknown distribution');
  return distribution;
}

/** Why bytes are no program. */
export function invalid(why: string): EdgemuxError {
  return new EdgemuxError('ERR_PROGRAM_INVALID', `not a program of edgemux: ${why}`);
}
