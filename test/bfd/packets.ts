/** Control packets for the tests of BFD: one of the middle of a session, and what a test changes about it. */
import { type ControlPacket, decodeControlPacket } from '../../sdk/bfd/packet.js';

/** What our sessions are called in these tests, and what the other side calls its own. */
export const OURS = 0x11111111;
export const THEIRS = 0x22222222;

/** A packet of a side that is Up, knows us and sends ten packets a second. */
export function controlPacket(changes: Partial<ControlPacket> = {}): ControlPacket {
  return {
    diagnostic: 0,
    state: 'Up',
    isPoll: false,
    isFinal: false,
    isControlPlaneIndependent: false,
    isDemand: false,
    detectMultiplier: 3,
    myDiscriminator: THEIRS,
    yourDiscriminator: OURS,
    desiredMinTxUs: 100_000,
    requiredMinRxUs: 100_000,
    requiredMinEchoRxUs: 0,
    ...changes,
  };
}

/** Reads what was sent by us; anything else than a packet is a bug. */
export function decoded(datagram: Uint8Array): ControlPacket {
  const packet = decodeControlPacket(datagram);
  if (typeof packet === 'string') throw new Error(`we sent a packet that is to be discarded: ${packet}`);
  return packet;
}
