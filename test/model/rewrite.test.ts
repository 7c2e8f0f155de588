/** RFC 1624 by its own example, the corners of one's complement zero, and which fields a translation may touch. */

import { describe, expect, it } from 'vitest';
import { be16, fromHex, toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { ipv4, ipv6, type Packet, SYN } from '../support/packet.js';
import { familyOf } from './address.js';
import { isEnding } from './ending.js';
import { sourceOf, takeApart } from './ip.js';
import { type Change, rewrite, updateChecksum } from './rewrite.js';

const CLIENT = '192.0.2.7';
const VIP = '80.80.80.80';
const DIP = '192.168.1.4';
const CLIENT6 = '2001:db8:c::7';
const VIP6 = '2001:db8:80::80';
const DIP6 = 'fd00:1::4';

function rewritten(packet: Packet, change: Change): Uint8Array {
  const bytes = packet.bytes();
  const taken = takeApart(bytes[0]! >> 4 === 6 ? 6 : 4, bytes);
  if (isEnding(taken)) throw new Error(taken.reason);
  expect(familyOf(sourceOf(taken.family, bytes))).toBe(taken.family);
  return rewrite(taken, change);
}

describe('incremental checksum', () => {
  it('is the example of RFC 1624 section 4, where RFC 1141 gives ffff', () => {
    expect(updateChecksum(0xdd2f, fromHex('5555'), fromHex('3285'))).toBe(0x0000);
  });

  it('leaves the checksum alone where nothing changes, also the two forms of zero', () => {
    expect(updateChecksum(0x0000, fromHex('0a00'), fromHex('0a00'))).toBe(0x0000);
    expect(updateChecksum(0xffff, fromHex('0a00'), fromHex('0a00'))).toBe(0xffff);
  });
});

describe('translation', () => {
  const toDip: Change = { destination: { address: DIP, port: 8443 } };
  const toDip6: Change = { destination: { address: DIP6, port: 8443 } };
  const fromVip6: Change = { source: { address: VIP6, port: 0x0777 } };
  const rows: { name: string; in: Packet; change: Change; out: Packet }[] = [
    {
      name: 'TCP over IPv4',
      in: ipv4(CLIENT, VIP).tcp(40000, 443, SYN),
      change: toDip,
      out: ipv4(CLIENT, DIP).tcp(40000, 8443, SYN),
    },
    {
      name: 'TCP over IPv6',
      in: ipv6(CLIENT6, VIP6).tcp(40000, 443, SYN),
      change: toDip6,
      out: ipv6(CLIENT6, DIP6).tcp(40000, 8443, SYN),
    },
    {
      name: 'UDP of odd length behind extension headers',
      in: ipv6(CLIENT6, VIP6).hopByHop().destinationOptions().udp(1, 53, { payload: 'odd' }),
      change: toDip6,
      out: ipv6(CLIENT6, DIP6).hopByHop().destinationOptions().udp(1, 8443, { payload: 'odd' }),
    },
    {
      name: 'both ends',
      in: ipv4(DIP, CLIENT).udp(1, 2),
      change: { source: { address: VIP, port: 3 }, destination: { address: DIP, port: 4 } },
      out: ipv4(VIP, DIP).udp(3, 4),
    },
    {
      name: 'the identifier of a ping, IPv4: the checksum covers no address',
      in: ipv4(DIP, CLIENT).icmp(8, 0, { rest: 0x1234_0001 }).payload('ping'),
      change: { source: { address: VIP, port: 0x0777 } },
      out: ipv4(VIP, CLIENT).icmp(8, 0, { rest: 0x0777_0001 }).payload('ping'),
    },
    {
      name: 'the identifier of a ping, IPv6: it does',
      in: ipv6(DIP6, CLIENT6).icmpv6(128, 0, { rest: 0x1234_0001 }).payload('ping'),
      change: fromVip6,
      out: ipv6(VIP6, CLIENT6).icmpv6(128, 0, { rest: 0x0777_0001 }).payload('ping'),
    },
    {
      name: 'GRE has no ports and no checksum',
      in: ipv4(CLIENT, VIP, { protocol: 47 }).payload('GRE payload'),
      change: { destination: { address: DIP, port: 0 } },
      out: ipv4(CLIENT, DIP, { protocol: 47 }).payload('GRE payload'),
    },
    {
      name: 'a later fragment holds data where ports would be',
      in: ipv4(CLIENT, VIP, { fragmentOffset: 1, protocol: 17 }).payload('12345678'),
      change: toDip,
      out: ipv4(CLIENT, DIP, { fragmentOffset: 1, protocol: 17 }).payload('12345678'),
    },
  ];
  it.each(rows)('$name', ({ in: packet, change, out }) => {
    expect(toHex(rewritten(packet, change))).toBe(toHex(out.bytes()));
  });

  it('keeps a wrong checksum wrong', () => {
    const translated = rewritten(ipv4(CLIENT, VIP).tcp(40000, 443, SYN, { checksum: 0x1111 }), toDip);
    expect(verifyFrame(translated, 'bare')).toEqual(['tcp 40000 > 8443: checksum']);
  });

  it('leaves a UDP datagram without checksum without one', () => {
    expect(be16(rewritten(ipv4(CLIENT, VIP).udp(1, 53, { checksum: 'none' }), toDip), 26)).toBe(0);
  });

  it('writes a UDP checksum that becomes zero as ffff, and a TCP checksum as it is', () => {
    // Only the port changes, 5555 to 3285: the numbers of RFC 1624.
    const change = { destination: { address: VIP, port: 0x3285 } };
    expect(be16(rewritten(ipv4(CLIENT, VIP).udp(1, 0x5555, { checksum: 0xdd2f }), change), 26)).toBe(0xffff);
    expect(be16(rewritten(ipv4(CLIENT, VIP).tcp(1, 0x5555, SYN, { checksum: 0xdd2f }), change), 36)).toBe(0);
  });

  it('mends the checksum of a first fragment, which covers what is not there', () => {
    // Of a datagram of 16 bytes payload only the first 8 are here; the checksum is that of all.
    const whole = (destination: string, port: number) =>
      ipv4(CLIENT, destination).udp(1, port, { payload: 'sixteen bytes!!!' });
    const checksumOf = (packet: Packet) => be16(packet.bytes(), 26);
    const first = (destination: string, port: number) =>
      ipv4(CLIENT, destination, { mf: true, df: false, protocol: 17 }).udp(1, port, {
        udpLength: 24,
        checksum: checksumOf(whole(destination, port)),
        payload: 'sixteen ',
      });
    expect(toHex(rewritten(first(VIP, 53), toDip))).toBe(toHex(first(DIP, 8443).bytes()));
  });
});
