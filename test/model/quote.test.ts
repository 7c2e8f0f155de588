/** What an ICMP error is about, read from packets that a VM sent from the VIP. */

import { describe, expect, it } from 'vitest';
import { ACK, ipv4, ipv6, type Packet } from '../support/packet.js';
import { readQuote } from './quote.js';

const CLIENT = '192.0.2.7';
const VIP = '80.80.80.80';
const CLIENT6 = '2001:db8::7';
const VIP6 = '2001:db8::80';
const answer = ipv4(VIP, CLIENT);
const answer6 = ipv6(VIP6, CLIENT6);

describe('quoted packet', () => {
  const asked = { source: CLIENT, destination: VIP, sourcePort: 40000, destinationPort: 443, protocol: 6 };
  const asked6 = { ...asked, source: CLIENT6, destination: VIP6 };

  it('is turned around: client first', () => {
    const whole = answer.tcp(443, 40000, ACK).bytes();
    const known = { ...asked, isEcho: false, hasNoPorts: false };
    expect(readQuote(4, whole, VIP)).toEqual(known);
    expect(readQuote(4, whole.subarray(0, 24), VIP)).toEqual(known);
    expect(readQuote(4, whole.subarray(0, 23), VIP)).toBeUndefined();
  });

  it('IPv6 is walked to its ports', () => {
    const whole = answer6.destinationOptions().tcp(443, 40000, ACK).bytes();
    expect(readQuote(6, whole.subarray(0, 52), VIP6)).toEqual({ ...asked6, isEcho: false, hasNoPorts: false });
    expect(readQuote(6, whole.subarray(0, 51), VIP6)).toBeUndefined();
    expect(readQuote(6, whole.subarray(0, 47), VIP6)).toBeUndefined();
  });

  const rows: { name: string; quote: Packet; family?: 6; read: object | undefined }[] = [
    { name: 'another source', quote: ipv4('80.80.80.81', CLIENT).tcp(443, 40000, ACK), read: undefined },
    { name: 'the other family', quote: answer6.tcp(443, 40000, ACK), read: undefined },
    { name: 'a header of 16 bytes', quote: ipv4(VIP, CLIENT, { ihl: 4 }).tcp(443, 40000, ACK), read: undefined },
    {
      name: 'a wrong checksum and a wrong length do not matter',
      quote: ipv4(VIP, CLIENT, { checksum: 1, totalLength: 9000 }).tcp(443, 40000, ACK),
      read: { sourcePort: 40000, destinationPort: 443 },
    },
    {
      name: 'options',
      quote: ipv4(VIP, CLIENT, { options: new Uint8Array(8) }).udp(53, 40000),
      read: { sourcePort: 40000, destinationPort: 53, protocol: 17 },
    },
    {
      name: 'a ping of ours',
      quote: answer.icmp(8, 0, { rest: 0x1234_0001 }),
      read: { sourcePort: 0, destinationPort: 0x1234, protocol: 1, isEcho: true },
    },
    { name: 'a ping that was answered', quote: answer.icmp(0, 0), read: undefined },
    { name: 'an error about an error', quote: answer.icmp(3, 1), read: undefined },
    {
      name: 'GRE has no ports',
      quote: ipv4(VIP, CLIENT, { protocol: 47 }),
      read: { sourcePort: 0, destinationPort: 0, protocol: 47, hasNoPorts: false },
    },
    {
      name: 'a first fragment has ports',
      quote: ipv4(VIP, CLIENT, { mf: true }).tcp(443, 40000, ACK),
      read: { sourcePort: 40000, hasNoPorts: false },
    },
    {
      name: 'a later one has not',
      quote: ipv4(VIP, CLIENT, { fragmentOffset: 1 }).tcp(443, 40000, ACK),
      read: { sourcePort: 0, destinationPort: 0, protocol: 6, hasNoPorts: true },
    },
    {
      name: 'a later fragment of a ping is of nothing a rule takes',
      quote: ipv4(VIP, CLIENT, { fragmentOffset: 1 }).icmp(),
      read: undefined,
    },
    {
      name: 'a later IPv6 fragment',
      quote: answer6.fragment({ offset: 9, nextHeader: 17 }).payload('?'),
      family: 6,
      read: { sourcePort: 0, protocol: 17, hasNoPorts: true },
    },
    { name: 'ICMP in IPv6 is another protocol', quote: icmpInIpv6(), family: 6, read: { protocol: 1, isEcho: false } },
  ];
  it.each(rows)('$name', ({ quote, family, read }) => {
    const quoted = readQuote(family ?? 4, quote.bytes(), family === 6 ? VIP6 : VIP);
    if (read === undefined) expect(quoted).toBeUndefined();
    else expect(quoted).toMatchObject(read);
  });
});

function icmpInIpv6(): Packet {
  return ipv6(VIP6, CLIENT6, { nextHeader: 1 }).payload(new Uint8Array(8));
}
