/** The MSS clamp: limits added up by hand, and option lists of every shape. */

import { describe, expect, it } from 'vitest';
import type { Attachment, Encapsulation } from '../../sdk/program/types.js';
import { fromHex, toHex } from '../support/bytes.js';
import { ACK, ipv4, type Packet, SYN } from '../support/packet.js';
import { hostProgram } from '../support/programs.js';
import { isEnding } from './ending.js';
import { takeApart } from './ip.js';
import { clampMss, mssMax } from './mss.js';

describe('largest segment', () => {
  const rows: {
    name: string;
    attachment: Partial<Attachment>;
    encapsulation: Encapsulation;
    v4: number;
    v6: number;
  }[] = [
    // 1500 - 20 IPv4 - 8 UDP - 8 VXLAN - 14 Ethernet = 1450; less 40 of IPv4 and TCP, 60 of IPv6 and TCP.
    { name: 'VXLAN over IPv4', attachment: { mtuBytes: 1500 }, encapsulation: 'vxlan', v4: 1410, v6: 1390 },
    // 20 more for the outer IPv6 header, also when IPv4 is there as well.
    {
      name: 'VXLAN, dual stack',
      attachment: { mtuBytes: 1500, secondProviderAddress: '2001:db8:a::21' },
      encapsulation: 'vxlan',
      v4: 1390,
      v6: 1370,
    },
    // 1600 - 20 - 8 GRE - 14 = 1558.
    { name: 'NVGRE over IPv4', attachment: { mtuBytes: 1600 }, encapsulation: 'nvgre', v4: 1518, v6: 1498 },
    {
      name: 'NVGRE over IPv6',
      attachment: { mtuBytes: 1600, providerAddress: '2001:db8:a::21' },
      encapsulation: 'nvgre',
      v4: 1498,
      v6: 1478,
    },
  ];
  it.each(rows)('$name', ({ attachment, encapsulation, v4, v6 }) => {
    const program = { ...hostProgram, encapsulation, attachment: { ...hostProgram.attachment, ...attachment } };
    expect([mssMax(program, 4), mssMax(program, 6)]).toEqual([v4, v6]);
  });

  it('is unknown where nobody said what fits', () => {
    expect(mssMax(hostProgram, 4)).toBeUndefined();
  });
});

describe('MSS clamp to 1410 (0x582)', () => {
  const rows = [
    { name: 'the usual option', in: '020405b4', out: '02040582' },
    { name: 'an option that fits', in: '02040582', out: '02040582' },
    { name: 'behind one NOP, across words', in: '01 020405b4 010101', out: '01 02040582 010101' },
    { name: 'behind window scale and SACK', in: '01030307 0402 020405b4 0101', out: '01030307 0402 02040582 0101' },
    { name: 'two of them', in: '020405b4 0204ffff', out: '02040582 02040582' },
    { name: 'behind the end of the list', in: '01000101 020405b4', out: '01000101 020405b4' },
    { name: 'behind an option of length 0', in: '03000101 020405b4', out: '03000101 020405b4' },
    { name: 'behind an option of length 1', in: '03010101 020405b4', out: '03010101 020405b4' },
    { name: 'an MSS of three bytes', in: '020305b4', out: '020305b4' },
    { name: 'an MSS that ends behind the header', in: '01010204', out: '01010204' },
  ];
  const clamped = (packet: Packet): string => {
    const taken = takeApart(4, packet.bytes());
    if (isEnding(taken)) throw new Error(taken.reason);
    return toHex(clampMss(taken, 1410).bytes);
  };
  const syn = (options: string, flags = SYN): Packet =>
    ipv4('192.168.1.4', '192.0.2.7').tcp(1, 2, flags, { options: fromHex(options), payload: 'odd' });

  it.each(rows)('$name', ({ in: before, out: after }) => {
    expect(clamped(syn(before))).toBe(toHex(syn(after).bytes()));
    expect(clamped(syn(before, SYN | ACK))).toBe(toHex(syn(after, SYN | ACK).bytes()));
  });

  it('is for segments with SYN', () => {
    expect(clamped(syn('020405b4', ACK))).toBe(toHex(syn('020405b4', ACK).bytes()));
  });
});
