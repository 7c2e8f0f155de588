/** A TCP segment as the simulated endpoints see it: decoded, and refused when a checksum is wrong. */
import {
  buildTcp,
  type Layer,
  layers,
  TCP_ACK,
  TCP_RST,
  TCP_SYN,
  type TcpSegment,
  withEthernet,
} from '../../packet/index.js';

export interface ReceivedSegment {
  readonly source: { readonly address: string; readonly port: number };
  readonly destination: { readonly address: string; readonly port: number };
  readonly macs: { readonly source: string; readonly destination: string };
  readonly isSyn: boolean;
  readonly isAck: boolean;
  readonly isReset: boolean;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly payload: Uint8Array;
}

const FLAG_LETTERS: readonly [letter: string, flag: number][] = [
  ['S', TCP_SYN],
  ['.', TCP_ACK],
  ['R', TCP_RST],
];

/** Decodes a frame; `undefined` when it is no TCP segment, or one that a real stack would discard as damaged. */
export function receiveSegment(frame: Uint8Array): ReceivedSegment | undefined {
  const decoded = layers(frame);
  const [ethernet, ipv4, tcp] = (['ethernet', 'ipv4', 'tcp'] as const).map((name) =>
    decoded.find((layer) => layer.name === name),
  );
  if (!ethernet || !ipv4 || !tcp || isDamaged(ipv4) || isDamaged(tcp)) return undefined;
  const flags = flagsOf(tcp);
  const payloadStart = tcp.offset + tcp.length;
  return {
    source: { address: text(ipv4, 'source'), port: number(tcp, 'sourcePort') },
    destination: { address: text(ipv4, 'destination'), port: number(tcp, 'destinationPort') },
    macs: { source: text(ethernet, 'source'), destination: text(ethernet, 'destination') },
    isSyn: (flags & TCP_SYN) !== 0,
    isAck: (flags & TCP_ACK) !== 0,
    isReset: (flags & TCP_RST) !== 0,
    sequence: number(tcp, 'sequence'),
    acknowledgment: number(tcp, 'acknowledgment'),
    payload: frame.subarray(payloadStart, payloadStart + number(tcp, 'length')),
  };
}

/** Makes a frame of a segment. */
export function segmentFrame(segment: TcpSegment, macs: { source: string; destination: string }): Uint8Array {
  return withEthernet(buildTcp(segment), macs);
}

/** Sequence numbers are modulo 2^32. */
export function advanced(sequence: number, bytes: number): number {
  return (sequence + bytes) >>> 0;
}

function isDamaged({ fields }: Layer): boolean {
  return 'checksumExpected' in fields || 'malformed' in fields || 'bytesNeeded' in fields;
}

function flagsOf(tcp: Layer): number {
  const letters = text(tcp, 'flags');
  return FLAG_LETTERS.reduce((flags, [letter, flag]) => (letters.includes(letter) ? flags | flag : flags), 0);
}

function text({ fields }: Layer, field: string): string {
  return String(fields[field]);
}

function number({ fields }: Layer, field: string): number {
  return Number(fields[field]);
}
