/** Chains of extension headers, by RFC 8200 and by hand. */

import { describe, expect, it } from 'vitest';
import { ipv6, type Packet, SYN } from '../support/packet.js';
import { checkSender, checkStart, takeApart } from './ip.js';
import { walkExtensions } from './ipv6.js';

const start = ipv6('2001:db8::7', '2001:db8::80');
const options = (count: number): Packet =>
  Array.from({ length: count }).reduce<Packet>((packet) => packet.destinationOptions(), start);

describe('IPv6 extension headers', () => {
  const rows: { name: string; packet: Packet; protocol?: number; at?: number }[] = [
    { name: 'none', packet: start.tcp(1, 2, SYN), protocol: 6, at: 40 },
    { name: 'one of each', packet: start.hopByHop().routing().destinationOptions().udp(1, 2), protocol: 17, at: 64 },
    { name: 'one of 24 bytes', packet: start.hopByHop({ data: new Uint8Array(22) }).udp(1, 2), protocol: 17, at: 64 },
    { name: 'an atomic fragment', packet: start.fragment({ id: 7 }).tcp(1, 2, SYN), protocol: 6, at: 48 },
    { name: 'eight', packet: options(8).tcp(1, 2, SYN), protocol: 6, at: 104 },
    { name: 'nine', packet: options(9).tcp(1, 2, SYN) },
    { name: 'segments left', packet: start.routing({ segmentsLeft: 1 }).tcp(1, 2, SYN) },
    { name: 'two fragment headers', packet: start.fragment().fragment().tcp(1, 2, SYN) },
    { name: 'a header of 16 bytes in 8', packet: start.hopByHop({ length: 1, nextHeader: 6 }) },
    { name: 'a header announced and not there', packet: start.hopByHop({ nextHeader: 60 }) },
    { name: 'half a header', packet: ipv6('2001:db8::7', '2001:db8::80', { nextHeader: 60 }).payload('1234567') },
    { name: 'an authentication header is the upper protocol', packet: nextHeader(51), protocol: 51, at: 40 },
    { name: 'no next header is the upper protocol', packet: nextHeader(59), protocol: 59, at: 40 },
    {
      name: 'nothing is walked behind an offset',
      packet: start.fragment({ offset: 1, nextHeader: 60 }).payload('anything'),
      protocol: 60,
      at: 48,
    },
  ];
  it.each(rows)('$name', ({ packet, protocol, at }) => {
    const walked = walkExtensions(packet.bytes());
    expect([walked?.protocol, walked?.at]).toEqual([protocol, at]);
  });

  it('a fragment header of 8 bytes says where its data belongs', () => {
    const packet = start.fragment({ offset: 185, more: true, id: 0xdeadbeef, nextHeader: 17 }).payload('12345678');
    expect(walkExtensions(packet.bytes())?.fragment).toEqual({
      protocol: 17,
      identification: 0xdeadbeef,
      offsetBytes: 1480,
      hasMore: true,
      data: new TextEncoder().encode('12345678'),
    });
  });
});

function nextHeader(protocol: number): Packet {
  return ipv6('2001:db8::7', '2001:db8::80', { nextHeader: protocol }).payload('12345678');
}

describe('IPv6 header', () => {
  it('padding is no part of the packet, and a missing byte is missed', () => {
    const packet = start.udp(1, 2, { payload: 'data' });
    expect(takeApart(6, packet.pad(60).bytes())).toMatchObject({ bytes: packet.bytes(), protocol: 17, upperAt: 40 });
    expect(checkStart(6, packet.bytes().subarray(0, 39))).toEqual({ verdict: 'drop', reason: 'ipv6-truncated' });
  });

  it('traffic class and family', () => {
    const packet = ipv6('2001:db8::7', '2001:db8::80', { trafficClass: 0xb9, flowLabel: 0xfffff }).udp(1, 2);
    expect(takeApart(6, packet.bytes())).toMatchObject({ family: 6, trafficClass: 0xb9, isDivisible: false });
  });

  it.each([
    { source: '::', reason: 'source' },
    { source: '::1', reason: 'source' },
    { source: 'ff02::1', reason: 'source' },
    { source: '2001:db8::80', reason: 'source' },
    { source: '::2', reason: undefined },
    { source: 'feff::1', reason: undefined },
  ])('from $source: $reason', ({ source, reason }) => {
    expect(checkSender(6, ipv6(source, '2001:db8::80').udp(1, 2).bytes())?.reason).toBe(reason);
  });
});
