/** Outer headers added up by hand, for both families and both encapsulations. */

import { describe, expect, it } from 'vitest';
import type { Backend } from '../../sdk/program/types.js';
import { concat, fromHex, toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { dualStackMuxProgram, nvgreMuxProgram } from '../support/mux-programs.js';
import { ipv4, ipv6, type Packet } from '../support/packet.js';
import { encapsulate, fitsOuterHeader, overheadBytes } from './encapsulation.js';
import { isEnding } from './ending.js';
import { type IpPacket, takeApart } from './ip.js';

const [overIpv4, , , overIpv6] = dualStackMuxProgram.backends as readonly [Backend, Backend, Backend, Backend];
const inner4 = ipv4('192.0.2.7', '80.80.80.80', { tos: 0xb8 }).udp(1, 2);
const inner6 = ipv6('2001:db8::7', '2001:db8::80', { trafficClass: 0xb8 }).udp(1, 2);
/** Low half 0xdeadbeef: 14 bits 0x37ab, port 49152 + 14251 = 63403 = 0xf7ab; label 0xdeadb; flow id 0xab. */
const HASH = 0x01234567_deadbeefn;

function parsed(packet: Packet): IpPacket {
  const taken = takeApart(packet.bytes()[0]! >> 4 === 6 ? 6 : 4, packet.bytes());
  if (isEnding(taken)) throw new TypeError('expected a sound packet');
  return taken;
}

describe('encapsulation', () => {
  it.each([
    {
      name: 'VXLAN over IPv4',
      program: dualStackMuxProgram,
      backend: overIpv4,
      inner: inner4,
      // Total length 20 + 8 + 8 + 14 + 28 = 78 = 4e; UDP 58 = 3a; VNI 5005 = 138d.
      // 45b8 + 004e + 4000 + 4011 + 0a00 + 000b + 0a00 + 0015 = da37, checksum 25c8.
      header: `45b8 004e 0000 4000 4011 25c8 0a00 000b 0a00 0015
               f7ab 12b5 003a 0000  0800 0000 0013 8d00  0200 0000 0104 0200 0000 560b 0800`,
    },
    {
      name: 'VXLAN over IPv6',
      program: dualStackMuxProgram,
      backend: overIpv6,
      inner: inner6,
      // Payload 8 + 8 + 14 + 48 = 78 = 4e; VNI 5008 = 1390.
      header: `6b8d eadb 004e 1140 fd00 0000 0000 0000 0000 0000 0000 0011 fd00 0000 0000 0000 0000 0000 0000 0023
               f7ab 12b5 004e 0000  0800 0000 0013 9000  0200 0000 0107 0200 0000 560b 86dd`,
    },
    {
      name: 'NVGRE over IPv4',
      program: nvgreMuxProgram,
      backend: overIpv4,
      inner: inner6,
      // Total length 20 + 8 + 14 + 48 = 90 = 5a. 45b8 + 005a + 4000 + 402f + 0a00 + 000b + 0a00 + 0015 = da61, 259e.
      header: `45b8 005a 0000 4000 402f 259e 0a00 000b 0a00 0015
               2000 6558 0013 8dab  0200 0000 0104 0200 0000 560b 86dd`,
    },
    {
      name: 'NVGRE over IPv6',
      program: nvgreMuxProgram,
      backend: overIpv6,
      inner: inner4,
      // Payload 8 + 14 + 28 = 50 = 32.
      header: `6b8d eadb 0032 2f40 fd00 0000 0000 0000 0000 0000 0000 0011 fd00 0000 0000 0000 0000 0000 0000 0023
               2000 6558 0013 90ab  0200 0000 0107 0200 0000 560b 0800`,
    },
  ])('$name', ({ program, backend, inner, header }) => {
    const made = encapsulate(program, backend, parsed(inner), HASH, false);
    expect(toHex(made)).toBe(toHex(concat(fromHex(header), inner.bytes())));
    expect(made.length).toBe(overheadBytes(program, backend) + inner.bytes().length);
    expect(verifyFrame(made, 'bare')).toEqual([]);
  });

  it('a packet that routers may cut goes without DF', () => {
    const made = encapsulate(dualStackMuxProgram, overIpv4, parsed(inner4), HASH, true);
    expect(toHex(made.subarray(4, 8))).toBe('00000000');
    expect(verifyFrame(made, 'bare')).toEqual([]);
  });

  it.each([
    { name: 'VXLAN over IPv4', program: dualStackMuxProgram, backend: overIpv4, bytesMax: 65485 },
    { name: 'VXLAN over IPv6', program: dualStackMuxProgram, backend: overIpv6, bytesMax: 65505 },
    { name: 'NVGRE over IPv4', program: nvgreMuxProgram, backend: overIpv4, bytesMax: 65493 },
    { name: 'NVGRE over IPv6', program: nvgreMuxProgram, backend: overIpv6, bytesMax: 65513 },
  ])('$name carries $bytesMax bytes and no more', ({ program, backend, bytesMax }) => {
    const packet = (length: number) => parsed(ipv4('192.0.2.7', '80.80.80.80').payload(new Uint8Array(length - 20)));
    expect(fitsOuterHeader(program, backend, packet(bytesMax))).toBe(true);
    expect(fitsOuterHeader(program, backend, packet(bytesMax + 1))).toBe(false);
  });
});
