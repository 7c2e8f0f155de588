/**
 * BFD Control packet, RFC 5880 section 4.1: the whole payload of a datagram to UDP port 3784 (RFC 5881).
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |Vers | Diag    |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
 * |                       My Discriminator                        |
 * |                      Your Discriminator                       |
 * |                Desired Min TX Interval, µs                    |
 * |                Required Min RX Interval, µs                   |
 * |              Required Min Echo RX Interval, µs                |
 * ```
 */
import { ByteReader, ByteWriter } from '../net/bytes.js';
import type { BfdState } from './state.js';

/** Length of a packet without an authentication section, which is every packet sent and taken here. */
export const CONTROL_PACKET_BYTES = 24;

const VERSION = 1;
/** With the A bit an authentication section follows, of at least its type and its length. */
const AUTHENTICATED_BYTES_MIN = 26;
/** As the Sta field counts them. */
const STATES: readonly BfdState[] = ['AdminDown', 'Down', 'Init', 'Up'];

const FLAG_POLL = 0x20;
const FLAG_FINAL = 0x10;
const FLAG_CONTROL_PLANE_INDEPENDENT = 0x08;
const FLAG_AUTHENTICATED = 0x04;
const FLAG_DEMAND = 0x02;
const FLAG_MULTIPOINT = 0x01;

/** What a packet says. Never authenticated and never multipoint: those are discarded. */
export interface ControlPacket {
  /** Why the sender's state changed last, 0..31; see `diagnosticText`. */
  readonly diagnostic: number;
  readonly state: BfdState;
  /** The sender asks for a packet with `isFinal`. */
  readonly isPoll: boolean;
  /** The sender answers a packet with `isPoll`. */
  readonly isFinal: boolean;
  /** The sender's BFD goes on when its control plane does not. */
  readonly isControlPlaneIndependent: boolean;
  /** The sender wants no periodic packets while both sides are Up. */
  readonly isDemand: boolean;
  /** Packets in a row that may be missing before the sender is down, 1..255. */
  readonly detectMultiplier: number;
  /** The sender's name for the session, not 0. */
  readonly myDiscriminator: number;
  /** The receiver's name for the session; 0 while the sender does not know it. */
  readonly yourDiscriminator: number;
  /** The sender would like to send no faster than this, µs. */
  readonly desiredMinTxUs: number;
  /** The sender can take packets this fast, µs; 0 wants no periodic packets at all. */
  readonly requiredMinRxUs: number;
  /** The sender would return Echo packets this fast, µs; 0 returns none. */
  readonly requiredMinEchoRxUs: number;
}

/**
 * Why a datagram is not taken: the checks of RFC 5880 section 6.8.6, in its order but for the last, which is made where
 * the sessions are.
 *
 * | reason | the datagram |
 * |---|---|
 * | `truncated` | ends before its Length field |
 * | `version` | is not of version 1 |
 * | `length-too-small` | gives its length as less than 24, or 26 with the A bit |
 * | `length-beyond-payload` | gives its length as more than has arrived |
 * | `multiplier-zero` | would be down at once |
 * | `multipoint` | has the M bit |
 * | `my-discriminator-zero` | names no session of its sender |
 * | `your-discriminator-zero` | claims Init or Up without having heard of us |
 * | `authenticated` | has the A bit, and no authentication is in use |
 * | `unknown-session` | names none of ours, or names none and comes from where nobody is watched |
 */
export type DiscardReason =
  | 'truncated'
  | 'version'
  | 'length-too-small'
  | 'length-beyond-payload'
  | 'multiplier-zero'
  | 'multipoint'
  | 'my-discriminator-zero'
  | 'your-discriminator-zero'
  | 'authenticated'
  | 'unknown-session';

/** Reads a datagram: the packet, or why there is none. Bytes after the packet's own length are ignored. */
export function decodeControlPacket(datagram: Uint8Array): ControlPacket | DiscardReason {
  if (datagram.length < 4) return 'truncated';
  const reader = new ByteReader(datagram);
  const [versionAndDiagnostic, stateAndFlags, detectMultiplier, byteCount] = reader.bytes(4) as unknown as number[];
  const is = (flag: number) => (stateAndFlags! & flag) !== 0;
  if (versionAndDiagnostic! >> 5 !== VERSION) return 'version';
  if (byteCount! < (is(FLAG_AUTHENTICATED) ? AUTHENTICATED_BYTES_MIN : CONTROL_PACKET_BYTES)) return 'length-too-small';
  if (byteCount! > datagram.length) return 'length-beyond-payload';
  if (detectMultiplier === 0) return 'multiplier-zero';
  if (is(FLAG_MULTIPOINT)) return 'multipoint';
  const packet: ControlPacket = {
    diagnostic: versionAndDiagnostic! & 0x1f,
    state: STATES[stateAndFlags! >> 6]!,
    isPoll: is(FLAG_POLL),
    isFinal: is(FLAG_FINAL),
    isControlPlaneIndependent: is(FLAG_CONTROL_PLANE_INDEPENDENT),
    isDemand: is(FLAG_DEMAND),
    detectMultiplier: detectMultiplier!,
    myDiscriminator: reader.u32be(),
    yourDiscriminator: reader.u32be(),
    desiredMinTxUs: reader.u32be(),
    requiredMinRxUs: reader.u32be(),
    requiredMinEchoRxUs: reader.u32be(),
  };
  if (packet.myDiscriminator === 0) return 'my-discriminator-zero';
  const isBeginning = packet.state === 'Down' || packet.state === 'AdminDown';
  if (packet.yourDiscriminator === 0 && !isBeginning) return 'your-discriminator-zero';
  return is(FLAG_AUTHENTICATED) ? 'authenticated' : packet;
}

/**
 * Writes a packet of 24 bytes.
 *
 * @throws EdgemuxError `ERR_OUT_OF_BOUNDS` when a number does not fit its field
 */
export function encodeControlPacket(packet: ControlPacket): Uint8Array<ArrayBuffer> {
  const flags =
    (packet.isPoll ? FLAG_POLL : 0) |
    (packet.isFinal ? FLAG_FINAL : 0) |
    (packet.isControlPlaneIndependent ? FLAG_CONTROL_PLANE_INDEPENDENT : 0) |
    (packet.isDemand ? FLAG_DEMAND : 0);
  return new ByteWriter(CONTROL_PACKET_BYTES)
    .u8((VERSION << 5) | packet.diagnostic)
    .u8((STATES.indexOf(packet.state) << 6) | flags)
    .u8(packet.detectMultiplier)
    .u8(CONTROL_PACKET_BYTES)
    .u32be(packet.myDiscriminator)
    .u32be(packet.yourDiscriminator)
    .u32be(packet.desiredMinTxUs)
    .u32be(packet.requiredMinRxUs)
    .u32be(packet.requiredMinEchoRxUs)
    .toBytes();
}
