/** Control packets bit by bit, and one row for each check of RFC 5880 section 6.8.6. */
import { describe, expect, it } from 'vitest';
import {
  CONTROL_PACKET_BYTES,
  type ControlPacket,
  type DiscardReason,
  decodeControlPacket,
  encodeControlPacket,
} from '../../sdk/bfd/packet.js';
import { EdgemuxError } from '../../sdk/errors.js';
import { fromHex, toHex } from '../support/bytes.js';
import { controlPacket } from './packets.js';

/** Version 1, no diagnostic, Up, no flags, multiplier 3, 24 bytes, two discriminators, 100 ms twice, no echo. */
const UP = '20 c0 03 18 22222222 11111111 000186a0 000186a0 00000000';

/** `UP` with some bytes changed: the position of the first → their hex. */
function damaged(changes: Readonly<Record<number, string>>, base = UP): Uint8Array {
  const bytes = fromHex(base);
  for (const [position, hex] of Object.entries(changes)) bytes.set(fromHex(hex), Number(position));
  return bytes;
}

describe('BFD control packet: fields', () => {
  const rows: { name: string; hex: string; packet: Partial<ControlPacket> }[] = [
    { name: 'Up', hex: UP, packet: {} },
    {
      name: 'diagnostic 31',
      hex: '3f c0 03 18 22222222 11111111 000186a0 000186a0 00000000',
      packet: { diagnostic: 31 },
    },
    {
      name: 'AdminDown',
      hex: '20 00 03 18 22222222 11111111 000186a0 000186a0 00000000',
      packet: { state: 'AdminDown' },
    },
    { name: 'Down', hex: '20 40 03 18 22222222 11111111 000186a0 000186a0 00000000', packet: { state: 'Down' } },
    { name: 'Init', hex: '20 80 03 18 22222222 11111111 000186a0 000186a0 00000000', packet: { state: 'Init' } },
    { name: 'Poll', hex: '20 e0 03 18 22222222 11111111 000186a0 000186a0 00000000', packet: { isPoll: true } },
    { name: 'Final', hex: '20 d0 03 18 22222222 11111111 000186a0 000186a0 00000000', packet: { isFinal: true } },
    {
      name: 'Control Plane Independent',
      hex: '20 c8 03 18 22222222 11111111 000186a0 000186a0 00000000',
      packet: { isControlPlaneIndependent: true },
    },
    { name: 'Demand', hex: '20 c2 03 18 22222222 11111111 000186a0 000186a0 00000000', packet: { isDemand: true } },
    {
      name: 'the largest of every number',
      hex: '20 c0 ff 18 ffffffff ffffffff ffffffff ffffffff ffffffff',
      packet: {
        detectMultiplier: 255,
        myDiscriminator: 0xffffffff,
        yourDiscriminator: 0xffffffff,
        desiredMinTxUs: 0xffffffff,
        requiredMinRxUs: 0xffffffff,
        requiredMinEchoRxUs: 0xffffffff,
      },
    },
    {
      name: 'Down, from a side that has not heard us',
      hex: '20 40 03 18 22222222 00000000 000f4240 000186a0 0000c350',
      packet: { state: 'Down', yourDiscriminator: 0, desiredMinTxUs: 1_000_000, requiredMinEchoRxUs: 50_000 },
    },
  ];

  it.each(rows)('$name is read and written', ({ hex, packet }) => {
    expect(decodeControlPacket(fromHex(hex))).toEqual(controlPacket(packet));
    expect(toHex(encodeControlPacket(controlPacket(packet)))).toBe(toHex(fromHex(hex)));
  });

  it('a number that does not fit is not written', () => {
    expect(() => encodeControlPacket(controlPacket({ desiredMinTxUs: 2 ** 32 }))).toThrow(EdgemuxError);
  });
});

describe('BFD control packet: the checks of RFC 5880 section 6.8.6', () => {
  const rows: { name: string; bytes: Uint8Array; says: DiscardReason | 'taken' }[] = [
    { name: 'nothing', bytes: new Uint8Array(), says: 'truncated' },
    { name: 'no Length field', bytes: fromHex('20 c0 03'), says: 'truncated' },
    { name: 'version 0', bytes: damaged({ 0: '00' }), says: 'version' },
    { name: 'version 2', bytes: damaged({ 0: '40' }), says: 'version' },
    { name: 'Length 0', bytes: damaged({ 3: '00' }), says: 'length-too-small' },
    { name: 'Length 23', bytes: damaged({ 3: '17' }), says: 'length-too-small' },
    { name: 'Length 25 with the A bit', bytes: damaged({ 1: 'c4', 3: '19' }, `${UP} 01 00`), says: 'length-too-small' },
    { name: 'Length 25 of 24 bytes', bytes: damaged({ 3: '19' }), says: 'length-beyond-payload' },
    { name: 'Length 24 of 23 bytes', bytes: damaged({}).subarray(0, 23), says: 'length-beyond-payload' },
    { name: 'Length 24 of 4 bytes', bytes: damaged({}).subarray(0, 4), says: 'length-beyond-payload' },
    { name: 'Length 24 of 25 bytes', bytes: damaged({}, `${UP} ff`), says: 'taken' },
    { name: 'Detect Mult 0', bytes: damaged({ 2: '00' }), says: 'multiplier-zero' },
    { name: 'Multipoint', bytes: damaged({ 1: 'c1' }), says: 'multipoint' },
    { name: 'My Discriminator 0', bytes: damaged({ 4: '00000000' }), says: 'my-discriminator-zero' },
    { name: 'Your Discriminator 0, Up', bytes: damaged({ 8: '00000000' }), says: 'your-discriminator-zero' },
    { name: 'Your Discriminator 0, Init', bytes: damaged({ 1: '80', 8: '00000000' }), says: 'your-discriminator-zero' },
    { name: 'Your Discriminator 0, Down', bytes: damaged({ 1: '40', 8: '00000000' }), says: 'taken' },
    { name: 'Your Discriminator 0, AdminDown', bytes: damaged({ 1: '00', 8: '00000000' }), says: 'taken' },
    { name: 'a password', bytes: damaged({ 1: 'c4', 3: '1a' }, `${UP} 01 02`), says: 'authenticated' },
    // What no check of the RFC forbids is taken.
    { name: 'Poll and Final at once', bytes: damaged({ 1: 'f0' }), says: 'taken' },
    { name: 'Desired Min TX 0', bytes: damaged({ 12: '00000000' }), says: 'taken' },
    { name: 'Required Min RX 0', bytes: damaged({ 16: '00000000' }), says: 'taken' },
  ];

  it.each(rows)('$name: $says', ({ bytes, says }) => {
    const packet = decodeControlPacket(bytes);
    expect(typeof packet === 'string' ? packet : 'taken').toBe(says);
  });

  it.each(rows.filter(({ says }) => says === 'taken'))('$name: reads its 24 bytes and no more', ({ bytes }) => {
    const alone = bytes.slice(0, CONTROL_PACKET_BYTES);
    expect(decodeControlPacket(bytes)).toEqual(decodeControlPacket(alone));
  });
});
