/** What `describe` says, one row per idea; the bytes were built with scapy, so the checksums are not our own. */

import { expect, test } from 'vitest';
import { describe } from '../../sdk/packet/index.js';
import { hex, MAC_1_TO_2, SYN_IPV4, VXLAN_IN_VLAN } from './fixtures.js';

const MACS = '02:00:00:00:00:01 > 02:00:00:00:00:02';
const V6_1_TO_2 = '20010db8000000000000000000000001 20010db8000000010000000000000002';

const BARE: readonly { name: string; in: string[]; out: string }[] = [
  {
    name: 'TCP SYN with an MSS',
    in: SYN_IPV4,
    out: 'IP (ttl 64, flags [DF]) 192.0.2.7:40000 > 80.80.80.80:443: Flags [S], seq 1, win 64240, options [mss 1460], length 0',
  },
  {
    name: 'TCP SYN-ACK with every option of a handshake',
    in: [
      '45 00 00 3c 00 01 00 00 40 06 18 14 c0 00 02 07 50 50 50 50',
      '01 bb 9c 40 00 00 00 64 00 00 00 02 a0 12 ff ff 46 d8 00 00',
      '02 04 05 b4 04 02 08 0a 00 00 00 07 00 00 00 08 01 03 03 07',
    ],
    out: 'IP (ttl 64) 192.0.2.7:443 > 80.80.80.80:40000: Flags [S.], seq 100, ack 2, win 65535, options [mss 1460,sackOK,TS val 7 ecr 8,wscale 7], length 0',
  },
  {
    name: 'TCP data: the sequence wraps, five flags, SACK, an odd length under the checksum',
    in: [
      '45 00 00 37 00 01 00 00 40 06 18 19 c0 00 02 07 50 50 50 50',
      '9c 40 01 bb ff ff ff ff 00 00 00 05 80 f8 00 0a a8 02 00 03',
      '01 01 05 0a 00 00 03 e8 00 00 07 d0 61 62 63',
    ],
    out: 'IP (ttl 64) 192.0.2.7:40000 > 80.80.80.80:443: Flags [P.UEW], seq 4294967295:2, ack 5, win 10, urg 3, options [sack {1000:2000}], length 3',
  },
  {
    name: 'wrong IP and TCP checksums show the right ones',
    in: [
      '45 00 00 2c 00 01 40 00 40 06 d8 24 c0 00 02 07 50 50 50 50',
      '9c 40 01 bb 00 00 00 01 00 00 00 00 60 02 fa f0 00 00 00 00 02 04 05 b4',
    ],
    out: 'IP (ttl 64, flags [DF]) bad cksum 0xd824 (-> 0xd823) 192.0.2.7:40000 > 80.80.80.80:443: Flags [S] bad cksum 0x0000 (-> 0x9c91), seq 1, win 64240, options [mss 1460], length 0',
  },
  {
    name: 'a TCP option whose length leaves the header ends the options',
    in: [
      '45 00 00 2c 00 01 40 00 40 06 d8 23 c0 00 02 07 50 50 50 50',
      '9c 40 01 bb 00 00 00 01 00 00 00 00 60 00 fa f0 a0 8e 00 00 02 09 01 b4',
    ],
    out: 'IP (ttl 64, flags [DF]) 192.0.2.7:40000 > 80.80.80.80:443: Flags [none], seq 1, win 64240, options [option 2 bad length 9], length 0',
  },
  {
    name: 'UDP',
    in: ['45 00 00 21 00 01 00 00 40 11 18 24 c0 00 02 07 50 50 50 50', '00 35 14 e9 00 0d 44 3c 68 65 6c 6c 6f'],
    out: 'IP (ttl 64) 192.0.2.7:53 > 80.80.80.80:5353: UDP, length 5',
  },
  {
    name: 'UDP checksum 0 means none',
    in: ['45 00 00 21 00 01 00 00 40 11 18 24 c0 00 02 07 50 50 50 50', '00 35 14 e9 00 0d 00 00 68 65 6c 6c 6f'],
    out: 'IP (ttl 64) 192.0.2.7:53 > 80.80.80.80:5353: UDP, no cksum, length 5',
  },
  {
    name: 'UDP with a wrong checksum',
    in: ['45 00 00 21 00 01 00 00 40 11 18 24 c0 00 02 07 50 50 50 50', '00 35 14 e9 00 0d 44 3d 68 65 6c 6c 6f'],
    out: 'IP (ttl 64) 192.0.2.7:53 > 80.80.80.80:5353: UDP bad cksum 0x443d (-> 0x443c), length 5',
  },
  {
    name: 'UDP that claims more than the IP packet holds',
    in: ['45 00 00 21 00 01 00 00 40 11 18 24 c0 00 02 07 50 50 50 50', '00 35 14 e9 00 0e 44 3c 68 65 6c 6c 6f'],
    out: 'IP (ttl 64) 192.0.2.7:53 > 80.80.80.80:5353: UDP, length 6 [truncated-udp 13 of 14 bytes]',
  },
  {
    name: 'the first fragment has the ports; its UDP length and checksum are the whole datagram’s',
    in: [
      '45 00 00 24 00 07 20 00 40 11 46 c0 0a 00 00 01 0a 00 00 02',
      '00 01 00 02 07 d0 12 34 31 32 33 34 35 36 37 38',
    ],
    out: 'IP (ttl 64, id 7, offset 0, flags [MF]) 10.0.0.1:1 > 10.0.0.2:2: UDP, length 1992',
  },
  {
    name: 'a later fragment has no ports, whatever its bytes look like',
    in: ['45 00 00 1c 00 07 00 02 40 11 66 c6 0a 00 00 01 0a 00 00 02', '31 32 33 34 35 36 37 38'],
    out: 'IP (ttl 64, id 7, offset 16) 10.0.0.1 > 10.0.0.2: udp, length 8',
  },
  {
    name: 'IPv4 options and TOS; a protocol that is not decoded',
    in: ['46 b8 00 20 00 07 00 00 40 02 d1 16 0a 00 00 01 0a 00 00 02', '94 04 00 00 31 32 33 34 35 36 37 38'],
    out: 'IP (tos 0xb8, ttl 64, options (RA)) 10.0.0.1 > 10.0.0.2: igmp, length 8',
  },
  {
    name: 'ICMP echo',
    in: ['45 00 00 20 00 07 00 00 40 01 66 d4 0a 00 00 01 0a 00 00 02', '08 00 19 2c 00 01 00 02 70 69 6e 67'],
    out: 'IP (ttl 64) 10.0.0.1 > 10.0.0.2: ICMP echo request, id 1, seq 2, length 12',
  },
  {
    name: 'ICMP fragmentation needed quotes the flow it is about',
    in: [
      '45 00 00 38 00 07 00 00 40 01 d0 15 0a 00 00 09 50 50 50 50',
      '03 04 59 3b 00 00 05 78',
      '45 00 05 dc 00 09 40 00 40 06 d2 6b 50 50 50 50 c0 00 02 07',
      '01 bb 9c 40 00 00 00 4d',
    ],
    out: 'IP (ttl 64) 10.0.0.9 > 80.80.80.80: ICMP unreachable, need to frag (mtu 1400), length 36, quoting IP 80.80.80.80:443 > 192.0.2.7:40000 tcp',
  },
  {
    name: 'IPv6 TCP',
    in: ['60 00 00 00 00 14 06 3f', V6_1_TO_2, '9c 40 01 bb 00 00 00 01 00 00 00 09 50 10 00 01 b6 58 00 00'],
    out: 'IP6 (hlim 63) [2001:db8::1]:40000 > [2001:db8:0:1::2]:443: Flags [.], seq 1, ack 9, win 1, length 0',
  },
  {
    name: 'IPv6 extension headers, traffic class and flow label',
    in: [
      '6b 81 23 45 00 19 00 40',
      '20010db8000000000000000000000001 ff020000000000000000000000000001',
      '3c 00 01 04 00 00 00 00  11 00 01 04 00 00 00 00',
      '00 01 00 02 00 09 5b 1b 78',
    ],
    out: 'IP6 (class 0xb8, flowlabel 0x12345, hlim 64) [2001:db8::1]:1 > [ff02::1]:2: hop-by-hop, destination options, UDP, length 1',
  },
  {
    name: 'IPv6 routing header: the pseudo header has another destination, so the checksum is left alone',
    in: [
      '60 00 00 00 00 21 2b 3f',
      V6_1_TO_2,
      '11 02 00 01 00 00 00 00 20010db8000000000000000000000077',
      '00 01 00 02 00 09 2b ef 78',
    ],
    out: 'IP6 (hlim 63) [2001:db8::1]:1 > [2001:db8:0:1::2]:2: routing, UDP, length 1',
  },
  {
    name: 'IPv6 first fragment',
    in: [
      '60 00 00 00 00 18 2c 3f',
      V6_1_TO_2,
      '11 00 00 01 00 00 ab cd',
      '00 01 00 02 0b b8 00 01 31 32 33 34 35 36 37 38',
    ],
    out: 'IP6 (hlim 63) [2001:db8::1]:1 > [2001:db8:0:1::2]:2: frag (id 0x0000abcd, offset 0, flags [MF]), UDP, length 2992',
  },
  {
    name: 'ICMPv6 packet too big',
    in: [
      '60 00 00 00 00 39 3a 40',
      '20010db8000000000000000000000009 20010db8000000000000000000000001',
      '02 00 2b e2 00 00 05 00',
      '60 00 00 00 00 09 11 3f',
      V6_1_TO_2,
      '00 05 00 06 00 09 2c 5b 78',
    ],
    out: 'IP6 (hlim 64) 2001:db8::9 > 2001:db8::1: ICMP6 packet too big (mtu 1280), length 57, quoting IP6 [2001:db8::1]:5 > [2001:db8:0:1::2]:6 udp',
  },
  {
    name: 'neighbour solicitation',
    in: [
      '60 00 00 00 00 18 3a ff',
      'fe800000000000000000000000000001 ff0200000000000000000001ff000002',
      '87 00 7d a1 00 00 00 00 fe800000000000000000000000000002',
    ],
    out: 'IP6 (hlim 255) fe80::1 > ff02::1:ff00:2: ICMP6 neighbor solicitation, who has fe80::2, length 24',
  },
  {
    name: 'NVGRE',
    in: [
      '45 00 00 4b 00 02 00 00 40 2f 66 80 0a 00 00 01 0a 00 00 02',
      '20 00 65 58 00 13 89 12',
      MAC_1_TO_2,
      '08 00',
      '45 00 00 21 00 01 00 00 40 11 18 24 c0 00 02 07 50 50 50 50 00 35 14 e9 00 0d 44 3c 68 65 6c 6c 6f',
    ],
    out: `IP (ttl 64) 10.0.0.1 > 10.0.0.2: NVGRE, vsid 5001, flow 0x12 | ${MACS}: IP (ttl 64) 192.0.2.7:53 > 80.80.80.80:5353: UDP, length 5`,
  },
  { name: 'neither IPv4 nor IPv6', in: ['00 01 02'], out: 'not IP, length 3' },
  { name: 'nothing', in: [], out: '[truncated-ipv4 0 of 20 bytes]' },
  {
    name: 'an IPv4 header cut short',
    in: ['45 00 00 2c 00 01 40 00 40 06 d8 23'],
    out: '[truncated-ipv4 12 of 20 bytes]',
  },
  {
    name: 'an IPv4 header shorter than the shortest',
    in: ['44 00 00 2c 00 01 40 00 40 06 d8 23 c0 00 02 07 50 50 50 50'],
    out: '[malformed-ipv4 header length 16]',
  },
  {
    name: 'an IPv4 packet shorter than its own header',
    in: ['45 00 00 13 00 01 40 00 40 06 d8 23 c0 00 02 07 50 50 50 50'],
    out: '[malformed-ipv4 total length 19]',
  },
];

test.each(BARE)('bare: $name', ({ in: lines, out }) => {
  expect(describe(hex(...lines), { link: 'bare' })).toBe(out);
});

const ETHERNET: readonly { name: string; in: string[]; out: string }[] = [
  {
    name: 'ARP request',
    in: [MAC_1_TO_2, '08 06', '00 01 08 00 06 04 00 01 02 00 00 00 00 01 0a 00 00 01 00 00 00 00 00 00 0a 00 00 02'],
    out: `${MACS}: ARP, Request who-has 10.0.0.2 tell 10.0.0.1`,
  },
  {
    name: 'ARP reply',
    in: [MAC_1_TO_2, '08 06', '00 01 08 00 06 04 00 02 02 00 00 00 00 01 0a 00 00 01 02 00 00 00 00 02 0a 00 00 02'],
    out: `${MACS}: ARP, Reply 10.0.0.1 is-at 02:00:00:00:00:01`,
  },
  {
    name: 'QinQ, the outer tag with priority and DEI',
    in: [MAC_1_TO_2, '88 a8 b0 64 81 00 00 c8 88 cc', '02 07'],
    out: `${MACS}, vlan 100, p 5, DEI, vlan 200: ethertype 0x88cc, length 2`,
  },
  { name: 'IEEE 802.3', in: [MAC_1_TO_2, '00 03', '42 42 03'], out: `${MACS}: 802.3, length 3` },
  {
    name: 'padding up to the shortest Ethernet frame is not payload',
    in: [
      MAC_1_TO_2,
      '08 00',
      '45 00 00 1d 00 01 00 00 40 11 18 28 c0 00 02 07 50 50 50 50 00 35 14 e9 00 09 00 00 68',
      '00'.repeat(17),
    ],
    out: `${MACS}: IP (ttl 64) 192.0.2.7:53 > 80.80.80.80:5353: UDP, no cksum, length 1`,
  },
];

test.each(ETHERNET)('Ethernet: $name', ({ in: lines, out }) => {
  expect(describe(hex(...lines))).toBe(out);
});

test('VXLAN in a VLAN: the tunnel, then the inner frame', () => {
  expect(describe(VXLAN_IN_VLAN)).toBe(
    `${MACS}, vlan 7: IP (ttl 64) 10.0.0.1:49153 > 10.0.0.2:4789: UDP, no cksum, length 66, VXLAN, flags [I] (0x08), vni 5001` +
      ' | 02:00:00:00:00:0a > 02:00:00:00:00:0b: IP (ttl 64, flags [DF]) 192.0.2.7:40000 > 80.80.80.80:443:' +
      ' Flags [S], seq 1, win 64240, options [mss 1460], length 0',
  );
});

const CUTS: readonly { length: number; ends: string }[] = [
  { length: 0, ends: '[truncated-ethernet 0 of 14 bytes]' },
  { length: 13, ends: '[truncated-ethernet 13 of 14 bytes]' },
  { length: 14, ends: ', [truncated-vlan 0 of 4 bytes]' },
  { length: 18, ends: ', vlan 7: [truncated-ipv4 0 of 20 bytes]' },
  { length: 37, ends: ', vlan 7: [truncated-ipv4 19 of 20 bytes]' },
  { length: 38, ends: '10.0.0.1 > 10.0.0.2 [truncated-ipv4 20 of 94 bytes]: [truncated-udp 0 of 8 bytes]' },
  { length: 42, ends: '10.0.0.1:49153 > 10.0.0.2:4789 [truncated-ipv4 24 of 94 bytes]: [truncated-udp 4 of 8 bytes]' },
  { length: 46, ends: 'length 66, [truncated-vxlan 0 of 8 bytes]' },
  { length: 54, ends: 'vni 5001 | [truncated-ethernet 0 of 14 bytes]' },
  { length: 68, ends: '02:00:00:00:00:0b: [truncated-ipv4 0 of 20 bytes]' },
  { length: 88, ends: '192.0.2.7 > 80.80.80.80: [truncated-tcp 0 of 20 bytes]' },
  { length: 108, ends: 'Flags [S], seq 1, win 64240, length 0 [truncated-tcp 20 of 24 bytes]' },
];

test.each(CUTS)('cut to $length bytes: $ends', ({ length, ends }) => {
  expect(describe(VXLAN_IN_VLAN.subarray(0, length)).slice(-ends.length)).toBe(ends);
});

test('every shorter length of a VXLAN frame says what is missing, and in one line', () => {
  for (let length = 0; length < VXLAN_IN_VLAN.length; length += 1) {
    expect(describe(VXLAN_IN_VLAN.slice(0, length))).toMatch(/^.*\[truncated-.*$/);
  }
});

test('no single wrong byte, and no cut of any packet here, throws', () => {
  const packets = [VXLAN_IN_VLAN, ...ETHERNET.map((row) => hex(...row.in)), ...BARE.map((row) => hex(...row.in))];
  for (const packet of packets) {
    for (const [at, byte] of packet.entries()) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff, byte ^ 0x10]) {
        const damaged = packet.slice();
        damaged[at] = value;
        for (const link of ['ethernet', 'bare'] as const) {
          expect(describe(damaged, { link })).not.toMatch(/undefined|NaN|\n/);
          expect(describe(damaged.subarray(0, at), { link })).not.toMatch(/undefined|NaN|\n/);
        }
      }
    }
  }
});

test('nesting without end stops', () => {
  const tags = hex(MAC_1_TO_2, '81 00', '00 07 81 00'.repeat(300));
  expect(describe(tags)).toMatch(/: nested too deep, length 1076$/);
});
