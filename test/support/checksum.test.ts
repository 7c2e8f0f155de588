/** The checksum oracle: known sums, and a complaint for every kind of wrong frame. */

import { describe, expect, it } from 'vitest';
import { fromHex } from './bytes.js';
import { internetChecksum, verifyFrame } from './checksum.js';
import { eth, ipv4, type Packet, SYN } from './packet.js';

const CLIENT = '192.0.2.7';
const VIP = '80.80.80.80';
const tunnel = eth().ipv4('10.0.0.11', '10.0.0.21').udp(50000, 4789).vxlan(5001);

describe('checksum oracle', () => {
  it('agrees with the example of RFC 1071 section 3', () => {
    // The sum there is ddf2; the checksum is its complement.
    expect(internetChecksum(fromHex('0001 f203 f4f5 f6f7'))).toBe(0x220d);
  });

  it('pads an odd last byte with zero', () => {
    expect(internetChecksum(fromHex('01'))).toBe(internetChecksum(fromHex('0100')));
  });

  const wrong: { name: string; packet: Packet; complaint: string }[] = [
    { name: 'IPv4 checksum', packet: ipv4(CLIENT, VIP, { checksum: 1 }).tcp(1, 2, SYN), complaint: 'ipv4 192' },
    { name: 'IPv4 total length', packet: ipv4(CLIENT, VIP, { totalLength: 99 }).tcp(1, 2, SYN), complaint: 'ipv4: ' },
    { name: 'IHL', packet: ipv4(CLIENT, VIP, { ihl: 4 }).tcp(1, 2, SYN), complaint: 'ipv4: header 16' },
    { name: 'TCP checksum', packet: eth().ipv4(CLIENT, VIP).tcp(1, 2, SYN, { checksum: 1 }), complaint: 'tcp 1 > 2' },
    { name: 'TCP data offset', packet: ipv4(CLIENT, VIP).tcp(1, 2, SYN, { dataOffset: 4 }), complaint: 'tcp: header' },
    { name: 'UDP checksum', packet: eth().vlan(1).ipv4(CLIENT, VIP).udp(1, 2, { checksum: 1 }), complaint: 'udp 1' },
    { name: 'UDP length', packet: ipv4(CLIENT, VIP).udp(1, 2, { udpLength: 9 }), complaint: 'udp: length 9' },
    {
      name: 'inner TCP checksum',
      packet: tunnel.eth().ipv4(CLIENT, VIP).tcp(1, 2, SYN, { checksum: 1 }),
      complaint: 'inner tcp 1 > 2',
    },
    { name: 'VXLAN header', packet: ipv4(CLIENT, VIP).udp(1, 4789, { payload: 'short' }), complaint: 'vxlan: 5' },
  ];
  it.each(wrong)('complains about a wrong $name', ({ packet, complaint }) => {
    expect(verifyFrame(packet.bytes(), packet.link)).toContainEqual(expect.stringContaining(complaint));
  });
});
